"""The 58 statistics of a window, as in the published tables, from one shared spectrum.

Means and variances over frames of librosa's features (frames of 2,048 samples, hop 512, Hann window, reflected ends),
and the tempo. `length` is in samples.

Tempo from the autocorrelation of onset strength, as librosa.beat.beat_track: onset strength is the median over mel
bands of the increase in decibels (S. Böck and G. Widmer, DAFx 2013); its local autocorrelations are averaged
(P. Grosche et al., "Cyclic tempogram", ICASSP 2010) and weighted by a log-normal prior around 120 beats per minute
(D. Ellis, "Beat tracking by dynamic programming", 2007). Reproduces the published tempo of every segment of GTZAN.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.fft import next_fast_len

from gtzan_lightning.features.chroma import chroma
from gtzan_lightning.features.frame_statistics import rms, spectral_shape, zero_crossing_rate
from gtzan_lightning.features.median import median_of_last_dim
from gtzan_lightning.features.separation import harmonic_and_percussive
from gtzan_lightning.features.spectrum import HOP, N_FFT, dct_bank, mel_spectrum, power_to_db, stft

MIN_SAMPLES = N_FFT // 2 + 1  # shortest signal that can be reflected by half a frame
N_MELS = 128
N_MFCC = 20
WINDOW_S = 8.0  # length of a local autocorrelation
USUAL_BPM = 120.0  # centre of the prior; its width is one octave
MAX_BPM = 320.0


def window_stats(signals: torch.Tensor, rate_hz: int) -> torch.Tensor:
    """The 58 statistics of each window.

    Args:
        signals: `(windows, samples)` float32, on any device.
        rate_hz: Sampling rate.

    Returns:
        `(windows, 58)` float64, in the order of `corpus.feature_table.STATS_COLUMNS`.
    """
    spectra = stft(signals)
    magnitudes, *shape = spectral_shape(spectra, rate_hz)
    power = magnitudes**2
    # double precision from here on: the arrays are small, and cepstral means can be near zero
    mel_db = power_to_db(mel_spectrum(power, rate_hz, N_MELS).double())
    parts = [
        chroma(power, rate_hz).flatten(1),
        rms(signals),
        *shape,
        zero_crossing_rate(signals),
        *harmonic_and_percussive(signals, spectra, magnitudes),
    ]
    cepstra = mel_db @ dct_bank(N_MELS, N_MFCC).to(power.device)
    length = torch.full((len(signals), 1), signals.shape[1], dtype=torch.float64, device=signals.device)
    moments = [_mean_and_variance(part.unsqueeze(2)) for part in parts]
    tempo = tempo_bpm(mel_db.float(), rate_hz).unsqueeze(1)
    return torch.cat([length, *moments, tempo, _mean_and_variance(cepstra)], dim=1)


def cut_windows(signal: torch.Tensor, rate_hz: int, window_s: float) -> torch.Tensor:
    """Windows as in the published tables: `signal[i * n : i * n + n - 1]` with `n = window_s * rate_hz`.

    An incomplete last window is dropped.

    Returns:
        `(windows, n - 1)`.
    """
    step = round(window_s * rate_hz)
    if len(signal) < step - 1:
        return signal.new_zeros(0, step - 1)
    return signal.unfold(0, step - 1, step)


def _mean_and_variance(values: torch.Tensor) -> torch.Tensor:
    """Mean and variance over frames, interleaved: `(batch, frames, features)` to `(batch, 2 * features)`, float64."""
    exact = values.double().transpose(1, 2)
    mean = exact.mean(dim=2)
    variance = (torch.linalg.vecdot(exact, exact) / exact.shape[2] - mean**2).clamp_min(0.0)
    return torch.stack([mean, variance], dim=2).flatten(1)


def tempo_bpm(mel_db: torch.Tensor, rate_hz: int) -> torch.Tensor:
    """Beats per minute of each item, `(batch,)`; 0 if it has no onset.

    Args:
        mel_db: Mel spectrum in decibels, `(batch, frames, mels)`.
        rate_hz: Sampling rate.
    """
    onsets = onset_strength(mel_db)
    n_lags = int(WINDOW_S * rate_hz // HOP)
    # in double precision: for an aperiodic signal, rounding in single precision would determine the tempo
    similarity = _mean_autocorrelation(onsets.double(), n_lags)
    # divided in numpy, which rounds once; torch multiplies by a reciprocal, which changes the last digit
    bpm = torch.from_numpy(60.0 * rate_hz / (HOP * np.arange(1.0, n_lags))).to(mel_db.device)
    prior = torch.where(bpm < MAX_BPM, -0.5 * torch.log2(bpm / USUAL_BPM) ** 2, -torch.inf)
    best = torch.argmax(torch.log1p(1e6 * similarity[:, 1:]) + prior, dim=1)
    return torch.where(onsets.any(dim=1), bpm[best], 0.0)


def onset_strength(mel_db: torch.Tensor) -> torch.Tensor:
    """Median increase over bands, delayed to the centre of a frame: `(batch, frames, mels)` to `(batch, frames)`."""
    strength = median_of_last_dim((mel_db[:, 1:] - mel_db[:, :-1]).clamp_min(0.0))
    delay = 1 + N_FFT // (2 * HOP)
    return torch.nn.functional.pad(strength, (delay, 0))[:, : mel_db.shape[1]]


def _mean_autocorrelation(onsets: torch.Tensor, n_lags: int) -> torch.Tensor:
    """Mean over frames of normalised local autocorrelations: `(batch, frames)` to `(batch, lags)`."""
    n_frames = onsets.shape[1]
    half = n_lags // 2
    ramp = torch.arange(half, dtype=onsets.dtype, device=onsets.device) / half
    padded = torch.cat([onsets[:, :1] * ramp, onsets, onsets[:, -1:] * ramp.flip(0)], dim=1)
    window = torch.hann_window(n_lags, dtype=onsets.dtype, device=onsets.device)
    local = padded.unfold(1, n_lags, 1)[:, :n_frames] * window  # (batch, frames, lags)
    size = next_fast_len(2 * n_lags - 1, real=True)
    squares = torch.view_as_real(torch.fft.rfft(local, n=size)).square().flatten(2)  # real and imaginary alternate
    # the maximum of an autocorrelation is the energy, at lag 0; the inverse transform is linear, so one is enough
    energy = local.square().sum(dim=2)
    scale = torch.where(energy < torch.finfo(energy.dtype).tiny, 1.0, energy).reciprocal() / n_frames
    power = (scale.unsqueeze(1) @ squares).unflatten(2, (-1, 2)).sum(dim=3).squeeze(1)
    return torch.fft.irfft(power, n=size)[:, :n_lags]
