"""The 58 statistics of a window, as in the published tables, from one shared spectrum.

Means and variances over frames of librosa's features (frames of 2,048 samples, hop 512, Hann window, reflected ends),
and the tempo. `length` is in samples.
"""

from __future__ import annotations

import torch

from gtzan_lightning.features.chroma import chroma
from gtzan_lightning.features.frame_statistics import rms, spectral_shape, zero_crossing_rate
from gtzan_lightning.features.separation import harmonic_and_percussive
from gtzan_lightning.features.spectrum import N_FFT, dct_bank, mel_spectrum, power_to_db, stft
from gtzan_lightning.features.tempo import tempo_bpm

MIN_SAMPLES = N_FFT // 2 + 1  # shortest signal that can be reflected by half a frame
N_MELS = 128
N_MFCC = 20


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
