"""Placebo labels: a random genre for each track (or artist) can only be guessed, unless the split leaks.

Shuffling labels slice by slice would hide what is looked for: the slices of a track then have different labels, and
to know the track does not help. Here the label is constant in each unit, as the genre is. The parts stay as they are:
it is this split that is tested, whatever it was stratified by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from gtzan_lightning.audit.case import Case
from gtzan_lightning.audit.findings import Finding
from gtzan_lightning.audit.probes import Probe
from gtzan_lightning.errors import GtzanError

Unit = Literal["track", "artist"]
SURE_P = 0.01


@dataclass(frozen=True)
class Placebo:
    """Scores under placebo labels, and what they say of the split and of the real score."""

    unit: Unit  # what keeps one label
    scores: tuple[float, ...]  # test accuracy of each draw
    real: float  # test accuracy of the same probe under the true genres
    chance: float  # 1 / number of genres: what a sound split gives, draw by draw, on average

    @property
    def mean(self) -> float:
        """Mean placebo score."""
        return float(np.mean(self.scores))

    @property
    def p_real(self) -> float:
        """`(b + 1) / (B + 1)`, with b the placebo scores that reach the real one.

        Tests whether the real score could come from labels that mean nothing. The split's leak is in both, so that
        a small value does not make the split sound.
        """
        reached = sum(score >= self.real for score in self.scores)
        return (reached + 1) / (len(self.scores) + 1)

    @property
    def p_leak(self) -> float:
        """One-sided t-test of the draws' mean against chance.

        Under a split that keeps the units apart, a test slice's label is independent of all training labels and
        uniform, whatever the probe answers: the expected score is exactly chance. Draws are independent.
        """
        if np.ptp(self.scores) == 0:
            return 0.0 if self.scores[0] > self.chance else 1.0
        return float(stats.ttest_1samp(self.scores, self.chance, alternative="greater").pvalue)

    @property
    def leaks(self) -> bool:
        """Whether the split lets a probe know a unit again."""
        return self.p_leak < SURE_P

    def finding(self, promised: bool) -> Finding | None:
        """What it says of the split; a split that promises to keep the units apart, and does not, is an error."""
        if not self.leaks:
            return None
        evidence = (
            f"A random genre for each {self.unit} is told right in {self.mean:.1%} of the test slices, chance is "
            f"{self.chance:.1%} (p = {self.p_leak:.1g}, {len(self.scores)} draws)."
        )
        remedy = "Use a split that keeps them apart: split=grouped for tracks, split=artist for artists."
        return Finding(f"placebo labels by {self.unit}", "error" if promised else "warning", "L3.2", evidence, remedy)


def placebo(case: Case, probe: Probe, unit: Unit = "track", draws: int = 20, seed: int = 0) -> Placebo:
    """Draws a random genre for each unit `draws` times, and trains and tests the probe on it.

    Raises:
        GtzanError: placebo by artist, and the corpus does not know them; or fewer than two draws.
    """
    if draws < 2:
        raise GtzanError(f"--draws {draws}: one draw says nothing of chance. Use 20 or more.")
    n_genres = len(case.corpus.genres)
    units = unit_of_track(case, unit)
    random = np.random.default_rng(seed)
    scores = [probe(random.integers(n_genres, size=units.max() + 1)[units]) for _ in range(draws)]
    return Placebo(unit, tuple(scores), probe(np.asarray(case.corpus.labels())), 1 / n_genres)


def unit_of_track(case: Case, unit: Unit) -> NDArray[np.intp]:
    """The unit of each track as a number from 0, `(tracks,)`.

    Raises:
        GtzanError: artists are asked for, and not known.
    """
    if unit == "track":
        return np.arange(len(case.corpus.tracks))
    if not case.corpus.has_artists:
        raise GtzanError(
            f"placebo=artist needs the artist of each track, and the corpus {case.corpus.name!r} does not know them.\n"
            "Put a metadata.csv with the columns track_id and artist into the data root, or use placebo=track."
        )
    return np.unique([str(track.artist_group) for track in case.corpus.tracks], return_inverse=True)[1]
