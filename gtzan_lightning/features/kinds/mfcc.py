"""Mel-frequency cepstral coefficients, as librosa.feature.mfcc."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gtzan_lightning.features.feature_request import FrameSettings

if TYPE_CHECKING:  # the column names of cached features are needed without torch
    import torch

FRAMED = True
SETTINGS = frozenset({"n_mels", "n_mfcc"})


def columns(settings: FrameSettings) -> list[str]:
    """Names of the coefficients: `mfcc1 ...`."""
    return [f"mfcc{number}" for number in range(1, settings.n_mfcc + 1)]


def rows(power: torch.Tensor, settings: FrameSettings) -> torch.Tensor:
    """Power spectrum `(frames, bins)` to cepstra `(frames, n_mfcc)`; decibels are limited to 80 below the maximum."""
    from torchaudio.transforms import AmplitudeToDB

    from gtzan_lightning.features.spectrum import dct_bank, mel_spectrum

    mel = mel_spectrum(power, settings.sample_rate_hz, settings.n_mels)
    return AmplitudeToDB("power", top_db=80.0)(mel) @ dct_bank(settings.n_mels, settings.n_mfcc).to(mel)
