"""What features are: one matrix for the whole corpus, each row with its track and its time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Features:
    """The features of a corpus, one row a window (`stats`) or a frame (`mfcc`, `logmel`).

    Rows of a track are adjacent and in time order. A missing window is a gap in `start_s`.
    """

    name: str  # "stats", "mfcc" or "logmel"
    columns: tuple[str, ...]  # one name a feature
    values: NDArray[np.float32]  # (rows, features); may be a read-only memory map
    track_index: NDArray[np.int32]  # (rows,), position in Corpus.tracks
    start_s: NDArray[np.float64]  # (rows,), where the row begins in its track
    row_s: float  # seconds from a row's start to the next one's: the window for stats, the hop for frames
    notes: tuple[str, ...] = ()  # what was repaired, skipped or left out, one sentence each

    def __post_init__(self) -> None:
        rows = len(self.values)
        if self.values.ndim != 2 or self.values.shape[1] != len(self.columns):
            raise ValueError(f"values {self.values.shape} do not fit {len(self.columns)} columns")
        if len(self.track_index) != rows or len(self.start_s) != rows:
            raise ValueError(f"{rows} rows, but {len(self.track_index)} tracks and {len(self.start_s)} starts")
