"""Frame features: mel cepstra and log-mel spectra, on torchaudio's transforms.

MERGED: The names of frame features; those of `stats` are the published tables' own (`corpus.tables.STATS_COLUMNS`).
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torchaudio import transforms

from gtzan_lightning.features.feature_request import FrameSettings
from gtzan_lightning.features.frame_kinds import kind_named


def frame_columns(name: str, settings: FrameSettings) -> tuple[str, ...]:
    """Column names of a kind of frame features, such as `mfcc1 ...`; with deltas, `mfcc1_delta ...` follow."""
    columns = kind_named(name).columns(settings)
    return tuple(columns + [f"{column}_delta" for column in columns] * settings.deltas)


DELTA_FRAMES = 9  # over which the slope of a delta is fitted


def frame_features(name: str, signal: torch.Tensor, settings: FrameSettings) -> torch.Tensor:
    """One row a frame, `(frames, bins)` float32, `frames = 1 + samples // hop`.

    Slaney's mel scale and normalisation and zero padding, so that `mfcc` is librosa.feature.mfcc, and `logmel` is
    librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=None): decibels relative to 1, -100 at least.

    Args:
        name: a module of `frame_kinds`: `mfcc`, `logmel`.
        signal: `(samples,)`, at the settings' rate.
        settings: frame length, hop, bins, deltas.
    """
    spectrum = _spectrogram(settings).to(signal.device)(signal)  # (bins, frames), complex
    power = (spectrum.real**2 + spectrum.imag**2).T  # much faster than abs(), which guards against overflow
    rows = kind_named(name).rows(power, settings)
    return torch.cat([rows, deltas(rows)], dim=1) if settings.deltas else rows


def deltas(rows: torch.Tensor) -> torch.Tensor:
    """Slope over time of a line through nine frames, as librosa.feature.delta: `(frames, bins)` to the same.

    The first and last four frames have the slope of the first and last nine.
    """
    half = DELTA_FRAMES // 2
    weights = torch.arange(-half, half + 1, dtype=rows.dtype, device=rows.device)
    weights /= (weights**2).sum()
    inner = rows.unfold(0, DELTA_FRAMES, 1) @ weights
    return torch.cat([inner[:1].expand(half, -1), inner, inner[-1:].expand(half, -1)])


def min_samples(settings: FrameSettings) -> int:
    """The shortest signal that frame features can be made of: one frame, or the nine of a delta."""
    return max(settings.n_fft, (DELTA_FRAMES - 1) * settings.hop_length_samples if settings.deltas else 0)


@lru_cache(maxsize=4)
def _spectrogram(settings: FrameSettings) -> transforms.Spectrogram:
    return transforms.Spectrogram(
        n_fft=settings.n_fft, hop_length=settings.hop_length_samples, power=None, pad_mode="constant"
    )
