"""What is asked of a file, and what comes back; light, so that a start from the cache need not import torch.

MERGED: What can be chosen about features computed from audio. | What a augmented_copy is: a track that sounds a little different. Light: who only asks the cache imports no filters.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.features.frame_kinds import kind_named


@dataclass(frozen=True)
class FrameSettings:
    """How audio becomes features; every field is part of the cache key of what depends on it."""

    sample_rate_hz: int = 22050  # audio of another rate is resampled
    n_fft: int = 2048  # samples of one analysis frame
    hop_length_samples: int = 512  # samples from a frame to the next
    n_mfcc: int = 13  # coefficients of `mfcc`; `stats` always has the published 20
    n_mels: int = 128  # mel bands of `logmel`, and below `mfcc`
    deltas: bool = False  # append the first differences over time (9 frames, as librosa.feature.delta)
    max_clip_s: float = 120.0  # no more than this is read of a longer file

    def as_dict(self) -> dict[str, float]:
        """Plain numbers, for cache keys and records."""
        return asdict(self)


RENDERER_VERSION = (
    1  # part of the cache key of every augmented_copy: raise it when the same settings give another sound
)


@dataclass(frozen=True)
class Waveform:
    """How far a augmented_copy may be from its original; 0 (or None for noise) leaves that change out."""

    gain_db: float = 0.0  # louder or softer, up to so much
    pitch_semitones: float = 0.0  # higher or lower, up to so much
    stretch: float = 0.0  # faster or slower: a tempo of 1 / (1 + stretch) to 1 + stretch times the original's
    noise_snr_db: float | None = None  # white noise: the signal is so far above it, or up to 20 dB farther
    reverb_s: float = 0.0  # convolved with the impulse response of a room; the longest time to decay by 60 dB

    @property
    def changes_pitch_or_tempo(self) -> bool:
        """Whether the optional library is needed."""
        return bool(self.pitch_semitones or self.stretch)


@dataclass(frozen=True)
class AugmentedCopy:
    """One augmented_copy of every track that it is asked of; what it draws also depends on the content of the track's file.

    The draws do not depend on the settings: with doubled settings the same augmented_copy goes twice as far.
    """

    number: int  # 1, 2, ...
    seed: int
    waveform: Waveform

    def config_hash(self) -> dict[str, object]:
        """Everything that can change the sound, for cache keys."""
        return {"renderer": RENDERER_VERSION, **asdict(self)}


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
    augmented_copy: AugmentedCopy | None = None  # of the file, instead of the file as it is

    def config_hash(self) -> dict[str, object]:
        """Everything that can change the numbers of a file, and nothing else."""
        used = {"sample_rate_hz", "max_clip_s"}
        if self.name != "stats":
            used |= {"n_fft", "hop_length_samples", "deltas"} | kind_named(self.name).SETTINGS
        chosen = {key: value for key, value in self.settings.as_dict().items() if key in used}
        window = {"window_s": self.window_s} if self.name == "stats" else {}
        augmented_copy = {"augmented_copy": self.augmented_copy.config_hash()} if self.augmented_copy else {}
        return {"engine": ENGINE_VERSION, "name": self.name, **window, **chosen, **augmented_copy}

    @property
    def title(self) -> str:
        """What the progress is called."""
        return f"{self.name}, augmented_copy {self.augmented_copy.number}" if self.augmented_copy else self.name

    @property
    def row_s(self) -> float:
        """Seconds from a row's start to the next one's."""
        return (
            self.window_s if self.name == "stats" else (self.settings.hop_length_samples / self.settings.sample_rate_hz)
        )
