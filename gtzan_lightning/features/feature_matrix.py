"""The feature matrix of a corpus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.features.kinds import is_framed


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
