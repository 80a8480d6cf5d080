"""Random labels: a random genre for each track (or artist) can only be guessed, unless the split leaks.

Shuffling labels slice by slice would hide what is looked for: the slices of a track then have different labels, and
to know the track does not help. Here the label is constant in each cluster, as the genre is. The parts stay as they are:
it is this split that is tested, whatever it was stratified by.

MERGED: Small models that are quick enough to train again for each set of random labels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import cho_factor, cho_solve

from gtzan_lightning.audit.audit_input import AuditInput
from gtzan_lightning.audit.findings import Finding
from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.datamodule.slices import step_table
from gtzan_lightning.errors import GtzanError

Probe = Callable[[NDArray[np.int64]], float]
"""Trains on the label of each track, `(tracks,)`, and returns the accuracy on the slices of the test part."""

BLOCK = 512  # test slices whose distances are computed at once
RIDGE = 1e-3  # of the number of training slices, added to the diagonal
KERNEL_RIDGE = 0.1  # added to a diagonal of ones: as sure of its labels as an SVM with C = 10


def nearest_neighbour(audit_input: AuditInput) -> Probe:
    """1-NN on standardised slices. Who is whose neighbour does not depend on the labels, and is found once."""
    x, train, test = _examples(audit_input)
    square = (x[train] ** 2).sum(axis=1)
    blocks = [test[start : start + BLOCK] for start in range(0, len(test), BLOCK)]
    nearest = np.concatenate([train[np.argmin(square - 2 * x[block] @ x[train].T, axis=1)] for block in blocks])
    track = audit_input.slices.track_index

    def probe(labels: NDArray[np.int64]) -> float:
        return float((labels[track[nearest]] == labels[track[test]]).mean())

    return probe


def linear(audit_input: AuditInput) -> Probe:
    """Ridge regression on one-hot labels; all but a product of matrices is done once."""
    x, train, test = _examples(audit_input)
    x = np.hstack([x.astype(np.float64), np.ones((len(x), 1))])
    gram = x[train].T @ x[train] + RIDGE * len(train) * np.eye(x.shape[1])
    of_labels = np.linalg.solve(gram, x[train].T)  # (features + 1, training slices)
    track, n_genres = audit_input.slices.track_index, len(audit_input.corpus.genres)

    def probe(labels: NDArray[np.int64]) -> float:
        weights = of_labels @ np.eye(n_genres)[labels[track[train]]]  # (features + 1, genres)
        return float(((x[test] @ weights).argmax(axis=1) == labels[track[test]]).mean())

    return probe


def kernel(audit_input: AuditInput) -> Probe:
    """Ridge regression with a Gaussian kernel, the nearest to an RBF support-vector machine that has a closed form.

    One Cholesky decomposition serves all labels; with 7,000 training slices it takes some ten seconds and 0.4 GB.
    """
    x, train, test = _examples(audit_input)
    x = x.astype(np.float64)
    width = x.shape[1] * max(float(x[train].var()), 1e-12)  # scikit-learn's gamma="scale"
    own = _gaussian(x[train], x[train], width)
    own[np.diag_indices_from(own)] += KERNEL_RIDGE
    factor = cho_factor(own, overwrite_a=True)
    across = _gaussian(x[test], x[train], width)
    track, n_genres = audit_input.slices.track_index, len(audit_input.corpus.genres)

    def probe(labels: NDArray[np.int64]) -> float:
        answers = across @ cho_solve(factor, np.eye(n_genres)[labels[track[train]]])  # (test slices, genres)
        return float((answers.argmax(axis=1) == labels[track[test]]).mean())

    return probe


PROBES = {"nearest": nearest_neighbour, "linear": linear, "kernel": kernel}


def _gaussian(a: NDArray[np.floating], b: NDArray[np.floating], width: float) -> NDArray[np.floating]:
    """`exp(-|a - b|² / width)`, `(len(a), len(b))`."""
    squared = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1) - 2 * a @ b.T
    return np.exp(-np.maximum(squared, 0) / width)


def _examples(audit_input: AuditInput) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.intp]]:
    """Each slice as the mean of its standardised steps, `(slices, features)`, and the training and test slices."""
    values, step_index = step_table(audit_input.features, audit_input.slices)
    train, test = (np.flatnonzero(audit_input.parts == part) for part in ("train", "test"))
    scale = Standardisation.fitted(values[np.unique(step_index[train])])
    total = np.zeros((len(step_index), values.shape[1]), np.float32)
    for steps in step_index.T:
        total += scale.apply(values[steps])
    return total / step_index.shape[1], train, test


Cluster = Literal["track", "artist"]
SURE_P = 0.01


@dataclass(frozen=True)
class RandomLabelResult:
    """Scores under random labels, and what they say of the split and of the real score."""

    cluster: Cluster  # what keeps one label
    scores: tuple[float, ...]  # test accuracy of each draw
    real: float  # test accuracy of the same probe under the true genres
    chance: float  # 1 / number of genres: what a sound split gives, draw by draw, on average

    @property
    def mean(self) -> float:
        """Mean random_labels score."""
        return float(np.mean(self.scores))

    @property
    def p_real(self) -> float:
        """`(b + 1) / (B + 1)`, with b the random-label scores that reach the real one.

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
        """Whether the split lets a probe know a cluster again."""
        return self.p_leak < SURE_P

    def finding(self, promised: bool) -> Finding | None:
        """What it says of the split; a split that promises to keep the units apart, and does not, is an error."""
        if not self.leaks:
            return None
        evidence = (
            f"A random genre for each {self.cluster} is told right in {self.mean:.1%} of the test slices, chance is "
            f"{self.chance:.1%} (p = {self.p_leak:.1g}, {len(self.scores)} draws)."
        )
        remedy = "Use a split that keeps them apart: split=grouped for tracks, split=artist for artists."
        return Finding(f"random labels by {self.cluster}", "error" if promised else "warning", "L3.2", evidence, remedy)


def random_label_control(
    audit_input: AuditInput, probe: Probe, cluster: Cluster = "track", draws: int = 20, seed: int = 0
) -> RandomLabelResult:
    """Draws a random genre for each cluster `draws` times, and trains and tests the probe on it.

    Raises:
        GtzanError: random_labels by artist, and the corpus does not know them; or fewer than two draws.
    """
    if draws < 2:
        raise GtzanError(f"--draws {draws}: one draw says nothing of chance. Use 20 or more.")
    n_genres = len(audit_input.corpus.genres)
    units = cluster_of_track(audit_input, cluster)
    random = np.random.default_rng(seed)
    scores = [probe(random.integers(n_genres, size=units.max() + 1)[units]) for _ in range(draws)]
    return RandomLabelResult(cluster, tuple(scores), probe(np.asarray(audit_input.corpus.labels())), 1 / n_genres)


def cluster_of_track(audit_input: AuditInput, cluster: Cluster) -> NDArray[np.intp]:
    """The cluster of each track as a number from 0, `(tracks,)`.

    Raises:
        GtzanError: artists are asked for, and not known.
    """
    if cluster == "track":
        return np.arange(len(audit_input.corpus.tracks))
    if not audit_input.corpus.has_artists:
        raise GtzanError(
            f"random_labels=artist needs the artist of each track, and the corpus {audit_input.corpus.name!r} does not know them.\n"
            "Put a metadata.csv with the columns track_id and artist into the data root, or use random_labels=track."
        )
    return np.unique([str(track.artist_group) for track in audit_input.corpus.tracks], return_inverse=True)[1]
