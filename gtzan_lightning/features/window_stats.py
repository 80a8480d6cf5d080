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
from numpy.typing import NDArray
from scipy.fft import next_fast_len

from gtzan_lightning.features.chroma import chroma
from gtzan_lightning.features.median import median_of_last_dim
from gtzan_lightning.features.separation import harmonic_and_percussive
from gtzan_lightning.features.spectrum import (
    HOP,
    N_FFT,
    bin_frequencies,
    dct_bank,
    mel_spectrum,
    power_to_db,
    reflect_padded,
    stft,
)
from gtzan_lightning.utils.caching import compiled

SILENCE = 1e-10  # samples of at most this magnitude count as zero in zero crossings
ROLLOFF_SHARE = 0.85  # share of the summed magnitudes of a frame below its rolloff frequency


def rms(signals: torch.Tensor) -> torch.Tensor:
    """Root mean square of each centred, reflected frame: `(batch, samples)` to `(batch, frames)`."""
    return (_frame_sums(reflect_padded(signals) ** 2, torch.float64) / N_FFT).sqrt()


def zero_crossing_rate(signals: torch.Tensor) -> torch.Tensor:
    """Share of sign changes in each centred frame, padded with edge values: `(batch, samples)` to `(batch, frames)`."""
    half = N_FFT // 2
    negative = signals < -SILENCE
    changes = (negative[:, 1:] != negative[:, :-1]).float()
    padded = torch.nn.functional.pad(changes, (half + 1, half))  # change i lies between the samples i - 1 and i
    n_frames = 1 + signals.shape[1] // HOP
    first = padded[:, : n_frames * HOP : HOP]  # a frame's first sample has no predecessor inside the frame
    return (_frame_sums(padded, torch.float32) - first) / N_FFT  # exact: whole numbers and a power of two


def _frame_sums(padded: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Sums over frames of `N_FFT` samples at intervals of `HOP`: `(batch, samples)` to `(batch, frames)`."""
    parts = N_FFT // HOP
    n_blocks = padded.shape[1] // HOP
    blocks = padded[:, : n_blocks * HOP].unflatten(1, (n_blocks, HOP)).sum(dim=2, dtype=dtype)
    return blocks.unfold(1, parts, 1).sum(dim=2)


def spectral_shape(
    spectra: torch.Tensor, rate_hz: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Magnitudes, and spectral centroid, bandwidth and rolloff of each frame in Hz (0 for a silent frame).

    Args:
        spectra: `(batch, frames, bins)` complex.
        rate_hz: Sampling rate.

    Returns:
        Magnitudes `(batch, frames, bins)`; centroid, bandwidth and rolloff, each `(batch, frames)`.
    """
    hz = bin_frequencies(rate_hz).to(spectra.device)
    if spectra.device.type != "cpu":
        return _spectral_shape_on_device(spectra, hz)
    magnitudes = torch.empty(spectra.shape, dtype=torch.float32)
    shape = torch.empty(3, *spectra.shape[:2], dtype=torch.float32)
    parts = torch.view_as_real(spectra).flatten(0, 1).numpy()
    _spectral_shape_kernel(parts, hz.numpy(), magnitudes.flatten(0, 1).numpy(), shape.flatten(1).numpy())
    return magnitudes, shape[0], shape[1], shape[2]


def _spectral_shape_on_device(
    spectra: torch.Tensor, hz: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    magnitudes = spectra.abs()
    total = magnitudes.sum(dim=2)
    scale = torch.where(total < torch.finfo(total.dtype).tiny, 1.0, total)
    centroid = (magnitudes @ hz) / scale
    spread = (magnitudes * (hz - centroid.unsqueeze(2)) ** 2).sum(dim=2) / scale
    summed = magnitudes.cumsum(dim=2)
    below = (summed < ROLLOFF_SHARE * summed[:, :, -1:]).sum(dim=2)
    return magnitudes, centroid, spread.sqrt(), hz[below]


@compiled(fastmath={"reassoc", "contract", "nsz"})
def _spectral_shape_kernel(
    parts: NDArray[np.float32], hz: NDArray[np.float32], magnitudes: NDArray[np.float32], shape: NDArray[np.float32]
) -> None:
    """All statistics in one pass over the spectra; `parts` is `(frames, bins, 2)`, `shape` is `(3, frames)`."""
    n_frames, n_bins, _ = parts.shape
    running = np.empty(n_bins, np.float32)
    for frame in range(n_frames):
        row = magnitudes[frame]
        total, weighted, spread = np.float32(0), np.float32(0), np.float32(0)
        for i in range(n_bins):
            row[i] = np.sqrt(parts[frame, i, 0] ** 2 + parts[frame, i, 1] ** 2)
        for i in range(n_bins):
            total += row[i]
            weighted += row[i] * hz[i]
        scale = total if total >= np.finfo(np.float32).tiny else np.float32(1)
        centroid = weighted / scale
        for i in range(n_bins):
            spread += row[i] * (hz[i] - centroid) ** 2
        shape[0, frame] = centroid
        shape[1, frame] = np.sqrt(spread / scale)
        shape[2, frame] = hz[_rolloff_bin(row, running)]


@compiled()
def _rolloff_bin(row: NDArray[np.float32], running: NDArray[np.float32]) -> int:
    """First bin where the cumulative sum reaches `ROLLOFF_SHARE`.

    Rounded to single precision at each step, as numpy.cumsum: a sum near the threshold decides between two bins.
    """
    running[0] = row[0]
    for i in range(1, len(row)):
        running[i] = running[i - 1] + row[i]
    threshold = np.float32(ROLLOFF_SHARE) * running[-1]
    below = 0
    for i in range(len(row)):
        below += running[i] < threshold
    return below


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
