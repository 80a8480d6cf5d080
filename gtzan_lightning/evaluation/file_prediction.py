"""Prediction of one audio file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class FilePrediction:
    """Prediction of one file from the probabilities of its slices, or the reason why it was skipped."""

    path: Path
    genres: tuple[str, ...]
    start_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))  # (slices,)
    stop_s: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))  # (slices,)
    probabilities: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))  # (slices, genres)
    warnings: tuple[str, ...] = ()  # signal quality, out-of-distribution score, and repairs of the file
    skipped: str | None = None  # reason; the properties below are undefined then

    @property
    def mean(self) -> NDArray[np.float64]:
        """Probability of each genre: the mean over the slices, `(genres,)`."""
        return self.probabilities.mean(axis=0, dtype=np.float64)

    @property
    def genre(self) -> str:
        """The most probable genre."""
        return self.genres[self._ranked[0]]

    @property
    def probability(self) -> float:
        """Probability of `genre`."""
        return float(self.mean[self._ranked[0]])

    @property
    def runner_up(self) -> str:
        """The second most probable genre."""
        return self.genres[self._ranked[1]]

    @property
    def runner_up_probability(self) -> float:
        """Probability of `runner_up`."""
        return float(self.mean[self._ranked[1]])

    @property
    def agreement(self) -> float:
        """Share of the slices whose most probable genre is `genre`."""
        return float(np.mean(self.probabilities.argmax(axis=1) == self._ranked[0]))

    def slices(self) -> list[FilePrediction]:
        """Return the prediction of each slice."""
        rows = zip(self.start_s, self.stop_s, self.probabilities, strict=True)
        return [
            FilePrediction(self.path, self.genres, np.array([start]), np.array([stop]), row[None])
            for start, stop, row in rows
        ]

    @property
    def _ranked(self) -> NDArray[np.intp]:
        return np.argsort(-self.mean, kind="stable")
