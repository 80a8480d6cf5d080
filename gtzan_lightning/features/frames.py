"""Frame features: mel cepstra and log-mel spectra, through torchaudio's transforms."""

from __future__ import annotations

from functools import lru_cache

import torch
from torchaudio import transforms

from gtzan_lightning.features.settings import FrameSettings

DELTA_FRAMES = 9  # over which the slope of a delta is fitted


def frame_features(name: str, signal: torch.Tensor, settings: FrameSettings) -> torch.Tensor:
    """One row a frame, `(frames, bins)` float32, `frames = 1 + samples // hop`.

    Slaney's mel scale and normalisation and zero padding, so that `mfcc` is librosa.feature.mfcc, and `logmel` is
    librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=None): decibels relative to 1, -100 at least.

    Args:
        name: `mfcc` or `logmel`.
        signal: `(samples,)`, at the settings' rate.
        settings: frame length, hop, bins, deltas.
    """
    to_decibels = transforms.AmplitudeToDB("power", top_db=80.0 if name == "mfcc" else None)
    mel_db = to_decibels(_mel_spectrum(settings)(signal.unsqueeze(0)))[0].T
    rows = mel_db @ _cosines(settings) if name == "mfcc" else mel_db
    return torch.cat([rows, deltas(rows)], dim=1) if settings.deltas else rows


def deltas(rows: torch.Tensor) -> torch.Tensor:
    """Slope over time of a line through nine frames, as librosa.feature.delta: `(frames, bins)` to the same.

    The first and last four frames have the slope of the first and last nine.
    """
    half = DELTA_FRAMES // 2
    weights = torch.arange(-half, half + 1, dtype=rows.dtype)
    weights /= (weights**2).sum()
    inner = rows.unfold(0, DELTA_FRAMES, 1) @ weights
    return torch.cat([inner[:1].expand(half, -1), inner, inner[-1:].expand(half, -1)])


def min_samples(settings: FrameSettings) -> int:
    """The shortest signal that frame features can be made of: one frame, or the nine of a delta."""
    return max(settings.n_fft, (DELTA_FRAMES - 1) * settings.hop_length_samples if settings.deltas else 0)


@lru_cache(maxsize=4)
def _mel_spectrum(settings: FrameSettings) -> transforms.MelSpectrogram:
    return transforms.MelSpectrogram(
        sample_rate=settings.sample_rate_hz,
        n_fft=settings.n_fft,
        hop_length=settings.hop_length_samples,
        n_mels=settings.n_mels,
        pad_mode="constant",
        norm="slaney",
        mel_scale="slaney",
    )


@lru_cache(maxsize=4)
def _cosines(settings: FrameSettings) -> torch.Tensor:
    """The orthonormal cosine transform, `(mels, n_mfcc)`."""
    return transforms.MFCC(
        settings.sample_rate_hz, settings.n_mfcc, melkwargs={"n_mels": settings.n_mels, "n_fft": settings.n_fft}
    ).dct_mat
