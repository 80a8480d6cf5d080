"""Random-label control: models trained on random genres score above chance only if the split leaks.

Labels are drawn for each track or artist, not for each slice: a model profits from recognising a track only if all
its slices have one label. The parts stay as they are, whatever they were stratified by.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import cho_factor, cho_solve
from sklearn.linear_model import Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import NearestNeighbors

from gtzan_lightning.audit.findings import AuditInput, Finding
from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.datamodule.slices import step_table
from gtzan_lightning.errors import GtzanError

Cluster = Literal["track", "artist"]
Labels = NDArray[np.int64]
Probe = Callable[[Labels], float]
"""Trains a model on the label of each track, `(tracks,)`, and returns the accuracy on the slices of the test part."""

RIDGE = 1e-3  # share of the number of training slices, added to the diagonal
KERNEL_RIDGE = 0.1  # added to a diagonal of ones: about as much regularisation as an SVM with C = 10
MAX_P = 0.01  # p-value below which the split is reported as leaky


@dataclass(frozen=True)
class RandomLabelResult:
    """Test accuracies of a probe under random and under true labels."""

    cluster: Cluster  # tracks of one cluster share a random label
    scores: tuple[float, ...]  # test accuracy of each draw of labels
    real: float  # test accuracy under the true genres
    chance: float  # 1 / number of genres: the expected accuracy if the split does not leak

    @property
    def mean(self) -> float:
        """Mean accuracy under random labels."""
        return float(np.mean(self.scores))

    @property
    def p_real(self) -> float:
        """p-value of the accuracy under true genres: `(b + 1) / (B + 1)`, with b of B random scores reaching it.

        A leak raises both, so that a small value does not show that the split is sound.
        """
        reached = sum(score >= self.real for score in self.scores)
        return (reached + 1) / (len(self.scores) + 1)

    @property
    def p_leak(self) -> float:
        """p-value of a one-sided t-test of the mean accuracy against chance.

        If no cluster is in both parts, test labels are uniform and independent of all training labels, so that the
        expected accuracy of any model is exactly chance. Draws are independent.
        """
        if np.ptp(self.scores) == 0:
            return 0.0 if self.scores[0] > self.chance else 1.0
        return float(stats.ttest_1samp(self.scores, self.chance, alternative="greater").pvalue)

    @property
    def leaks(self) -> bool:
        """Whether the accuracy under random labels is significantly above chance."""
        return self.p_leak < MAX_P

    def finding(self, promised: bool) -> Finding | None:
        """The finding of a leak, an error if the split rule promises to keep clusters in one part; None without one."""
        if not self.leaks:
            return None
        evidence = (
            f"With a random genre for each {self.cluster}, {self.mean:.1%} of the test slices are predicted correctly; "
            f"chance is {self.chance:.1%} (p = {self.p_leak:.1g}, {len(self.scores)} draws)."
        )
        remedy = (
            f"The split keeps each {self.cluster} in one part, so look for copies: gtzan audit --fingerprint."
            if promised
            else "Use a split that keeps them apart: split=grouped for tracks, split=artist for artists."
        )
        return Finding(f"random labels by {self.cluster}", "error" if promised else "warning", "L3.2", evidence, remedy)


def random_label_control(
    audit_input: AuditInput, probe: Probe, cluster: Cluster = "track", draws: int = 20, seed: int = 0
) -> RandomLabelResult:
    """Trains and tests the probe on `draws` random genres for each cluster, and on the true genres.

    Raises:
        GtzanError: Artists are requested and the corpus does not know them, or there are fewer than two draws.
    """
    if draws < 2:
        raise GtzanError(f"--draws {draws}: the t-test needs at least two draws. Use 20 or more.")
    corpus = audit_input.corpus
    cluster_of_track = _cluster_of_track(audit_input, cluster)
    rng = np.random.default_rng(seed)
    n_clusters = cluster_of_track.max() + 1
    scores = [probe(rng.integers(len(corpus.genres), size=n_clusters)[cluster_of_track]) for _ in range(draws)]
    return RandomLabelResult(cluster, tuple(scores), probe(np.asarray(corpus.labels())), 1 / len(corpus.genres))


def _cluster_of_track(audit_input: AuditInput, cluster: Cluster) -> NDArray[np.intp]:
    """The cluster of each track as a number from 0, `(tracks,)`."""
    corpus = audit_input.corpus
    if cluster == "track":
        return np.arange(len(corpus.tracks))
    if not corpus.has_artists:
        raise GtzanError(
            f"random_labels=artist needs the artist of each track, and the corpus {corpus.name!r} does not know them.\n"
            "Put a metadata.csv with the columns track_id and artist into the data root, or use random_labels=track."
        )
    return np.unique([str(track.artist_group) for track in corpus.tracks], return_inverse=True)[1]


def nearest_neighbour(audit_input: AuditInput) -> Probe:
    """Probe of a 1-nearest-neighbour classifier; neighbours do not depend on labels, and are searched once."""
    x, train, test = _examples(audit_input)
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(x[train])
    nearest = search.kneighbors(x[test], return_distance=False)[:, 0]
    return _probe(audit_input, train, test, lambda labels: labels[nearest])


def linear(audit_input: AuditInput) -> Probe:
    """Probe of a ridge regression on one-hot labels."""
    x, train, test = _examples(audit_input)
    x = np.hstack([x.astype(np.float64), np.ones((len(x), 1))])
    one_hot = np.eye(len(audit_input.corpus.genres))

    def predict(labels: Labels) -> NDArray[np.intp]:
        model = Ridge(RIDGE * len(train), fit_intercept=False, solver="cholesky").fit(x[train], one_hot[labels])
        return model.predict(x[test]).argmax(axis=1)

    return _probe(audit_input, train, test, predict)


def kernel(audit_input: AuditInput) -> Probe:
    """Probe of a ridge regression with a Gaussian kernel, the closed-form model nearest to an RBF SVM.

    scikit-learn's `KernelRidge` would decompose the kernel matrix again for each draw; here one Cholesky
    decomposition serves all of them. With 7,000 training slices it takes about ten seconds and 0.4 GB.
    """
    x, train, test = _examples(audit_input)
    x = x.astype(np.float64)
    gamma = 1 / (x.shape[1] * max(float(x[train].var()), 1e-12))  # gamma="scale" of sklearn.svm.SVC
    gram = rbf_kernel(x[train], gamma=gamma)
    gram[np.diag_indices_from(gram)] += KERNEL_RIDGE
    factor = cho_factor(gram, overwrite_a=True)
    to_train = rbf_kernel(x[test], x[train], gamma=gamma)
    one_hot = np.eye(len(audit_input.corpus.genres))
    return _probe(
        audit_input, train, test, lambda labels: (to_train @ cho_solve(factor, one_hot[labels])).argmax(axis=1)
    )


PROBES = {"nearest": nearest_neighbour, "linear": linear, "kernel": kernel}


def _probe(
    audit_input: AuditInput,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    predict: Callable[[Labels], NDArray[np.integer]],
) -> Probe:
    """The accuracy of `predict`, which maps labels of the training slices to labels of the test slices."""
    track = audit_input.slices.track_index
    return lambda labels: float((predict(labels[track[train]]) == labels[track[test]]).mean())


def _examples(audit_input: AuditInput) -> tuple[NDArray[np.float32], NDArray[np.intp], NDArray[np.intp]]:
    """Each slice as the mean of its standardised steps, `(slices, features)`, and the training and test slices."""
    values, step_index = step_table(audit_input.features, audit_input.slices)
    train, test = (np.flatnonzero(audit_input.parts == part) for part in ("train", "test"))
    scale = Standardisation.fitted(values[np.unique(step_index[train])])
    total = np.zeros((len(step_index), values.shape[1]), np.float32)
    for steps in step_index.T:  # step by step: all steps at once may not fit into memory
        total += scale.apply(values[steps])
    return total / step_index.shape[1], train, test
