"""What is asked of a file, and what comes back; light, so that a start from the cache need not import torch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.features.frame_kinds import kind_named
from gtzan_lightning.features.rendition import Rendition
from gtzan_lightning.features.settings import FrameSettings

ENGINE_VERSION = 3  # part of every cache key: raise it when a number that this room computes changes
WHOLE_CLIP_S = 30.0  # a window of 30 s is the whole clip, as in the published 30-s table


@dataclass(frozen=True)
class Analysis:
    """What became of one file: its rows, or why there are none."""

    values: NDArray[np.float32]  # (rows, features), contiguous in time; no rows when skipped
    notes: tuple[str, ...] = ()  # what was repaired or left out
    skipped: str | None = None


@dataclass(frozen=True)
class FeatureRequest:
    """What is to be computed of each file."""

    name: str  # "stats", or a module of `frame_kinds`
    window_s: float  # of `stats`
    settings: FrameSettings
    rendition: Rendition | None = None  # of the file, instead of the file as it is

    def identity(self) -> dict[str, object]:
        """Everything that can change the numbers of a file, and nothing else."""
        used = {"sample_rate_hz", "max_clip_s"}
        if self.name != "stats":
            used |= {"n_fft", "hop_length_samples", "deltas"} | kind_named(self.name).SETTINGS
        chosen = {key: value for key, value in self.settings.as_dict().items() if key in used}
        window = {"window_s": self.window_s} if self.name == "stats" else {}
        rendition = {"rendition": self.rendition.identity()} if self.rendition else {}
        return {"engine": ENGINE_VERSION, "name": self.name, **window, **chosen, **rendition}

    @property
    def title(self) -> str:
        """What the progress is called."""
        return f"{self.name}, rendition {self.rendition.number}" if self.rendition else self.name

    @property
    def row_s(self) -> float:
        """Seconds from a row's start to the next one's."""
        return (
            self.window_s if self.name == "stats" else (self.settings.hop_length_samples / self.settings.sample_rate_hz)
        )
