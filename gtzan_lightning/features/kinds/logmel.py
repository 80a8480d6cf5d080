"""Log-mel spectra, as librosa.power_to_db(librosa.feature.melspectrogram(...), top_db=None)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gtzan_lightning.features.feature_request import FrameSettings

if TYPE_CHECKING:  # the column names of cached features are needed without torch
    import torch

FRAMED = True
SETTINGS = frozenset({"n_mels"})


def columns(settings: FrameSettings) -> list[str]:
    """Names of the bands: `mel1 ...`."""
    return [f"mel{number}" for number in range(1, settings.n_mels + 1)]


def rows(power: torch.Tensor, settings: FrameSettings) -> torch.Tensor:
    """Power spectrum `(frames, bins)` to decibels relative to 1, at least -100: `(frames, n_mels)`."""
    from torchaudio.transforms import AmplitudeToDB

    from gtzan_lightning.features.spectrum import mel_spectrum

    return AmplitudeToDB("power")(mel_spectrum(power, settings.sample_rate_hz, settings.n_mels))
