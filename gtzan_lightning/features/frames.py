"""Frame features: MFCC and log-mel spectra."""

from __future__ import annotations

from functools import lru_cache

import torch
from torchaudio import transforms

from gtzan_lightning.features.feature_request import FrameSettings
from gtzan_lightning.features.kinds import kind_named

DELTA_FRAMES = 9  # frames of the line fitted for a delta


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
def _spectrogram(settings: FrameSettings) -> transforms.Spectrogram:
    return transforms.Spectrogram(
        n_fft=settings.n_fft, hop_length=settings.hop_length_samples, power=None, pad_mode="constant"
    )
