"""What a model says about one file: a genre, how sure, and how much its slices agree."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def _no_rows() -> NDArray[np.float64]:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class FilePrediction:
    """One file's prediction, from the probabilities of its slices; or why there is none."""

    path: Path
    genres: tuple[str, ...]
    start_s: NDArray[np.float64] = field(default_factory=_no_rows)  # (slices,)
    stop_s: NDArray[np.float64] = field(default_factory=_no_rows)  # (slices,)
    probabilities: NDArray[np.float32] = field(default_factory=lambda: np.empty((0, 0), np.float32))  # (slices, genres)
    warnings: tuple[str, ...] = ()  # how the file is unlike the training music, and what was repaired
    skipped: str | None = None  # why the file has no prediction; the other properties are not defined then

    @property
    def mean(self) -> NDArray[np.float64]:
        """Probability of each genre for the file: the mean over its slices, `(genres,)`."""
        return self.probabilities.mean(axis=0, dtype=np.float64)

    @property
    def genre(self) -> str:
        """The most probable genre."""
        return self.genres[self._ranked[0]]

    @property
    def probability(self) -> float:
        """That of the genre."""
        return float(self.mean[self._ranked[0]])

    @property
    def runner_up(self) -> str:
        """The second most probable genre."""
        return self.genres[self._ranked[1]]

    @property
    def runner_up_probability(self) -> float:
        """That of the runner-up."""
        return float(self.mean[self._ranked[1]])

    @property
    def agreement(self) -> float:
        """Share of the slices whose most probable genre is the file's."""
        return float(np.mean(self.probabilities.argmax(axis=1) == self._ranked[0]))

    def slices(self) -> list[FilePrediction]:
        """Each slice as an prediction of its own."""
        rows = zip(self.start_s, self.stop_s, self.probabilities, strict=True)
        return [
            FilePrediction(self.path, self.genres, np.array([start]), np.array([stop]), row[None])
            for start, stop, row in rows
        ]

    @property
    def _ranked(self) -> NDArray[np.intp]:
        return np.argsort(-self.mean, kind="stable")
