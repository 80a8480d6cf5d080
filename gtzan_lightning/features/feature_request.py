"""Parameters and result of feature extraction from one audio file.

Does not import torch, so that features already in the cache load fast.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.features.kinds import is_framed, kind_named
from gtzan_lightning.utils.code_hash import code_hashes, combined

PACKAGE = "gtzan_lightning.features"
WITHOUT_VALUES = (f"{PACKAGE}.feature_cache", f"{PACKAGE}.cache_pruning")  # modules that compute no feature
WHOLE_CLIP_S = 30.0  # a window of 30 s is the whole clip, as in the published 30-s table


@dataclass(frozen=True)
class FrameSettings:
    """Parameters of the analysis of audio; each is part of the cache key of the features that depend on it."""

    sample_rate_hz: int = 22050  # audio of another rate is resampled
    n_fft: int = 2048  # samples of an analysis frame
    hop_length_samples: int = 512  # samples from one frame to the next
    n_mfcc: int = 13  # coefficients of `mfcc`; `stats` always has the published 20
    n_mels: int = 128  # mel bands of `logmel`, and of the spectrum behind `mfcc`
    deltas: bool = False  # append first differences over time (9 frames, as librosa.feature.delta)
    max_clip_s: float = 120.0  # longer files are cut to this length
    layer: str = "penultimate"  # of `musicnn`: penultimate, taggram, mean_pool or max_pool
    nets: tuple[str, ...] = ("msd", "mtt")  # of `musicnn`, by training data; their activations are joined


@dataclass(frozen=True)
class Waveform:
    """Strength of each augmentation of a waveform; 0 (None for noise) switches it off."""

    gain_db: float = 0.0  # largest change of level, up or down
    pitch_semitones: float = 0.0  # largest change of pitch, up or down
    stretch: float = 0.0  # tempo between 1 / (1 + stretch) and 1 + stretch times the original
    noise_snr_db: float | None = None  # lowest signal-to-noise ratio of added white noise; the highest is 20 dB above
    reverb_s: float = 0.0  # longest reverberation time (decay by 60 dB) of the simulated room

    @property
    def changes_pitch_or_tempo(self) -> bool:
        """Whether python-stretch, an optional dependency, is needed."""
        return bool(self.pitch_semitones or self.stretch)


@dataclass(frozen=True)
class AugmentedCopy:
    """Number, seed and strengths of an augmented copy; its random draws also depend on the content of the file.

    The draws do not depend on the strengths: doubling a strength doubles the change of the same copy.
    """

    number: int  # 1, 2, ...
    seed: int
    waveform: Waveform

    def cache_fields(self) -> dict[str, object]:
        """Everything that determines the samples, for cache keys."""
        return asdict(self)


@dataclass(frozen=True)
class FeatureRequest:
    """Which features to compute of a file, or of an augmented copy of it."""

    name: str  # a module of `kinds`
    window_s: float  # of features that are not frames
    settings: FrameSettings
    augmented_copy: AugmentedCopy | None = None  # None is the file itself

    def cache_fields(self) -> dict[str, object]:
        """Everything that determines the features of a given file, and nothing else, for cache keys."""
        used = {"sample_rate_hz", "max_clip_s"} | kind_named(self.name).SETTINGS
        if self.framed:
            used |= {"n_fft", "hop_length_samples", "deltas"}
        settings = {key: value for key, value in asdict(self.settings).items() if key in used}
        window = {} if self.framed else {"window_s": self.window_s}
        augmented_copy = {"augmented_copy": self.augmented_copy.cache_fields()} if self.augmented_copy else {}
        return {"code": feature_code(self.name), "name": self.name, **window, **settings, **augmented_copy}

    @property
    def title(self) -> str:
        """Label of the progress bar."""
        return f"{self.name}, augmented copy {self.augmented_copy.number}" if self.augmented_copy else self.name

    @property
    def row_s(self) -> float:
        """Seconds from the start of a row to the start of the next."""
        return self.settings.hop_length_samples / self.settings.sample_rate_hz if self.framed else self.window_s

    @property
    def framed(self) -> bool:
        """Whether a row is a frame instead of a window."""
        return is_framed(self.name)


@cache
def feature_code(name: str) -> str:
    """Hash of the source code that computes a feature; part of every cache key."""
    modules = [f"{PACKAGE}.extraction", f"{PACKAGE}.kinds.{name}"]
    return combined(code_hashes(modules, lambda module: module.startswith(PACKAGE) and module not in WITHOUT_VALUES))


def feature_columns(name: str, settings: FrameSettings) -> tuple[str, ...]:
    """Names of the features, such as `mfcc1 ...`; with deltas of frames, `mfcc1_delta ...` follow."""
    columns = kind_named(name).columns(settings)
    return tuple(columns + [f"{column}_delta" for column in columns] * (settings.deltas and is_framed(name)))


@dataclass(frozen=True)
class Analysis:
    """Features of one file, or the reason why it has none."""

    values: NDArray[np.float32]  # (rows, features), contiguous in time; no rows if the file was skipped
    notes: tuple[str, ...] = ()  # what was repaired or left out
    skipped: str | None = None  # the reason


@dataclass(frozen=True)
class Features:
    """The features of a corpus, one row per window (`stats`, `musicnn`) or frame (`mfcc`, `logmel`).

    Rows of a track are adjacent and in temporal order. A missing window is a gap in `start_s`.

    Raises:
        ValueError: The shapes of the arrays do not match.
    """

    name: str  # such as "stats"
    columns: tuple[str, ...]  # names of the features
    values: NDArray[np.float32]  # (rows, features); may be a read-only memory map
    track_index: NDArray[np.int32]  # (rows,), position in Corpus.tracks
    start_s: NDArray[np.float64]  # (rows,), start of the row within its track
    row_s: float  # seconds from the start of a row to the next: window length, or hop of frames
    length_s: NDArray[np.float64] | None = None  # (rows,), seconds of sound behind each row, where they are stated
    whole_clips: bool = False  # one row a track, of whatever length; each is a slice
    notes: tuple[str, ...] = ()  # one sentence per file that was repaired, skipped or left out

    @property
    def framed(self) -> bool:
        """Whether a row is a short frame instead of a window."""
        return is_framed(self.name)

    def __post_init__(self) -> None:
        rows = len(self.values)
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise ValueError(f"values {self.values.shape} do not fit {len(self.columns)} columns")
        if len(self.track_index) != rows or len(self.start_s) != rows:
            raise ValueError(f"{rows} rows, but {len(self.track_index)} tracks and {len(self.start_s)} starts")
