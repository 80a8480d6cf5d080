"""Short-time Fourier transform, decibels, the filter banks of the published recipe, and features of frames."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gtzan_lightning.features.feature_request import FrameSettings
from gtzan_lightning.features.kinds import kind_named

N_FFT = 2048  # samples of a frame of the published recipe
HOP = 512  # samples from one frame to the next; N_FFT is a multiple of it, which keeps overlap-add simple
FRAMES_AT_ONCE = 160  # frames transformed together: a 3-s window, 2.6 MB
BANDS_AT_ONCE = 16  # neighbouring mel filters share few bins; the product with the whole bank would be mostly zeros
DELTA_FRAMES = 9  # frames of the line fitted for a delta


@lru_cache(maxsize=8)
def hann(device: str = "cpu") -> torch.Tensor:
    """Periodic Hann window, `(N_FFT,)`, float64."""
    return torch.hann_window(N_FFT, dtype=torch.float64, device=device)


def stft(signals: torch.Tensor) -> torch.Tensor:
    """Spectra of centred, reflected, Hann-weighted frames, as librosa.stft(pad_mode="reflect").

    Unlike torch.stft of float32, computed in double precision: beside a pure tone, rounding noise would exceed the
    signal in distant bins and increase the bandwidth. Frames are transformed in groups that fit the processor's cache.

    Args:
        signals: `(batch, samples)` float32, more than 1,024 samples.

    Returns:
        `(batch, frames, bins)` complex64, `frames = 1 + samples // 512`, 1,025 bins.
    """
    frames = reflect_padded(signals).unfold(-1, N_FFT, HOP)  # (batch, frames, N_FFT), a view
    spectra = torch.empty(*frames.shape[:2], N_FFT // 2 + 1, dtype=torch.complex64, device=signals.device)
    for item, out in zip(frames, spectra, strict=True):
        for group, group_out in zip(item.split(FRAMES_AT_ONCE), out.split(FRAMES_AT_ONCE), strict=True):
            group_out.copy_(torch.fft.rfft(group * hann(str(signals.device))))
    return spectra


def reflect_padded(signals: torch.Tensor) -> torch.Tensor:
    """Signals extended by half a frame on both sides: `(batch, samples)` to `(batch, samples + N_FFT)`.

    As torch.nn.functional.pad(mode="reflect"), which takes several times as long.
    """
    half = N_FFT // 2
    return torch.cat([signals[:, 1 : half + 1].flip(1), signals, signals[:, -half - 1 : -1].flip(1)], dim=1)


def istft(spectra: torch.Tensor, n_samples: int) -> torch.Tensor:
    """Least-squares inverse of `stft`: overlap-add, divided by the sum of squared windows.

    After D. Griffin and J. Lim, "Signal estimation from modified short-time Fourier transform" (1984), as
    librosa.istft. torch.istft needs another layout and 1.5 times as long.

    Args:
        spectra: `(batch, frames, bins)` complex.
        n_samples: Length of the analysed signal.

    Returns:
        `(batch, n_samples)`.
    """
    window = hann(str(spectra.device)).to(torch.float32)
    total = _overlap_add(torch.fft.irfft(spectra, n=N_FFT).mul_(window))
    weight = _overlap_add((window**2).expand(1, spectra.shape[1], N_FFT))
    start = N_FFT // 2
    return (total / weight.clamp_min(torch.finfo(weight.dtype).tiny))[:, start : start + n_samples]


def _overlap_add(frames: torch.Tensor) -> torch.Tensor:
    """Sum of frames, each shifted by `HOP` samples: `(batch, frames, N_FFT)` to `(batch, samples)`."""
    batch, n_frames, _ = frames.shape
    parts = N_FFT // HOP
    blocks = frames.reshape(batch, n_frames, parts, HOP)
    out = frames.new_zeros(batch, n_frames + parts - 1, HOP)
    for part in range(parts):
        out[:, part : part + n_frames] += blocks[:, :, part]
    return out.flatten(1)


def bin_frequencies(rate_hz: int) -> torch.Tensor:
    """Centre frequency of each bin in Hz, `(bins,)`."""
    return torch.arange(N_FFT // 2 + 1, dtype=torch.float32) * (rate_hz / N_FFT)


def power_to_db(power: torch.Tensor) -> torch.Tensor:
    """Decibels relative to 1, at least -100 dB and at least the maximum of the item minus 80 dB.

    torchaudio's AmplitudeToDB would take one maximum for the whole batch.

    Args:
        power: `(batch, frames, bands)`.

    Returns:
        `(batch, frames, bands)`.
    """
    decibels = 10.0 * torch.log10(power.clamp_min(1e-10))
    return torch.maximum(decibels, decibels.amax(dim=(1, 2), keepdim=True) - 80.0)


@lru_cache(maxsize=8)
def dct_bank(n_mels: int, n_mfcc: int) -> torch.Tensor:
    """Orthonormal type-II cosine transform, `(n_mels, n_mfcc)`, float64; torchaudio's create_dct is float32."""
    angles = np.pi / n_mels * (np.arange(n_mels)[:, None] + 0.5) * np.arange(n_mfcc)
    bank = np.cos(angles) * np.sqrt(2.0 / n_mels)
    bank[:, 0] /= np.sqrt(2.0)
    return torch.from_numpy(bank)


@lru_cache(maxsize=128)
def chroma_bank(rate_hz: int, tuning: float) -> torch.Tensor:
    """Gaussian filters around the twelve pitch classes, weighted around the fifth octave, `(bins, 12)`.

    After D. Ellis, "Chroma feature analysis and synthesis" (2007), with the constants of librosa.filters.chroma.

    Args:
        rate_hz: Sampling rate.
        tuning: Deviation from A440 in semitones, -0.5 to 0.5.
    """
    octaves = np.log2(np.linspace(0, rate_hz, N_FFT, endpoint=False)[1:] / (440.0 * 2.0 ** (tuning / 12) / 16))
    semitones = 12 * octaves
    semitones = np.concatenate(([semitones[0] - 18], semitones))  # 0 Hz: one and a half octaves below the first bin
    widths = np.concatenate((np.maximum(np.diff(semitones), 1.0), [1.0]))
    distance = np.remainder(semitones[:, None] - np.arange(12) + 126, 12) - 6
    bumps = np.exp(-0.5 * (2 * distance / widths[:, None]) ** 2)
    bumps /= np.linalg.norm(bumps, axis=1, keepdims=True)
    bumps *= np.exp(-0.5 * (((semitones / 12 - 5) / 2) ** 2))[:, None]
    from_c = np.roll(bumps, -3, axis=1)  # the first filter is A; C is three semitones above it
    return torch.from_numpy(from_c[: N_FFT // 2 + 1].astype(np.float32))


def mel_spectrum(power: torch.Tensor, rate_hz: int, n_mels: int) -> torch.Tensor:
    """Energy in mel bands: `(..., frames, bins)` power to `(..., frames, n_mels)`."""
    groups = _grouped_bank(rate_hz, n_mels, 2 * (power.shape[-1] - 1), str(power.device))
    return torch.cat([power[..., bins] @ filters for bins, filters in groups], dim=-1)


def mel_bank(rate_hz: int, n_mels: int, n_fft: int) -> NDArray[np.float64]:
    """Triangular filters of equal area on Slaney's mel scale, `(bins, n_mels)`, as librosa.filters.mel.

    In double precision: with torchaudio's melscale_fbanks in single precision, cepstral means near zero differ from
    the published ones by more than 1e-4.
    """
    corners = _mel_to_hz(np.linspace(0.0, _hz_to_mel(rate_hz / 2), n_mels + 2))
    hz = np.arange(n_fft // 2 + 1)[:, None] * (rate_hz / n_fft)
    rising = (hz - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - hz) / np.diff(corners)[1:]
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (corners[2:] - corners[:-2]))


def frame_features(name: str, signal: torch.Tensor, settings: FrameSettings) -> torch.Tensor:
    """Frame features of a signal, `(frames, features)` float32, `frames = 1 + samples // hop`.

    With Slaney's mel scale and normalisation and zero padding: `mfcc` equals librosa.feature.mfcc, and `logmel` equals
    librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=None), decibels relative to 1, at least -100.

    Args:
        name: A framed module of `kinds`: `mfcc` or `logmel`.
        signal: `(samples,)`, at the sampling rate of the settings.
        settings: Frame length, hop, bands, deltas.
    """
    spectrum = _spectrogram(settings).to(signal.device)(signal)  # (bins, frames), complex
    power = (spectrum.real**2 + spectrum.imag**2).T  # much faster than abs(), which guards against overflow
    rows = kind_named(name).rows(power, settings)
    return torch.cat([rows, deltas(rows)], dim=1) if settings.deltas else rows


def deltas(rows: torch.Tensor) -> torch.Tensor:
    """Slope over time of a line fitted to nine frames, as librosa.feature.delta: `(frames, bins)` to the same.

    The first and last four frames have the slope of the first and last nine; torchaudio.functional.compute_deltas
    repeats the outermost frame instead.
    """
    half = DELTA_FRAMES // 2
    weights = torch.arange(-half, half + 1, dtype=rows.dtype, device=rows.device)
    weights /= (weights**2).sum()
    inner = rows.unfold(0, DELTA_FRAMES, 1) @ weights
    return torch.cat([inner[:1].expand(half, -1), inner, inner[-1:].expand(half, -1)])


def min_samples(settings: FrameSettings) -> int:
    """Length of the shortest signal that has frame features: one frame, or nine with deltas."""
    return max(settings.n_fft, (DELTA_FRAMES - 1) * settings.hop_length_samples if settings.deltas else 0)


@lru_cache(maxsize=4)
def _spectrogram(settings: FrameSettings) -> nn.Module:
    from torchaudio import transforms

    spectrogram: nn.Module = transforms.Spectrogram(
        n_fft=settings.n_fft, hop_length=settings.hop_length_samples, power=None, pad_mode="constant"
    )
    return spectrogram


@lru_cache(maxsize=8)
def _grouped_bank(rate_hz: int, n_mels: int, n_fft: int, device: str) -> list[tuple[slice, torch.Tensor]]:
    """The mel bank in groups of neighbouring filters, each with the range of bins where it is not zero."""
    bank = mel_bank(rate_hz, n_mels, n_fft)
    groups = []
    for first in range(0, n_mels, BANDS_AT_ONCE):
        filters = bank[:, first : first + BANDS_AT_ONCE]
        used = np.flatnonzero(filters.any(axis=1))
        bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        groups.append((bins, torch.from_numpy(filters[bins].astype(np.float32)).to(device)))
    return groups


def _hz_to_mel(hz: float) -> float:
    """Slaney's scale: 3 mel per 200 Hz up to 1 kHz, then 27 mel per factor of 6.4 (Auditory Toolbox, 1998)."""
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * float(np.log(hz / 1000) / np.log(6.4))


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
