"""Counts per cluster, the sufficient statistics of cluster-robust confidence intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.evaluation.metrics import Decisions

Totals = NDArray[np.float64]  # (..., 3, genres): rows predicted correctly, rows of the genre, rows predicted as it
Statistic = Callable[[Totals], NDArray[np.float64]]  # (..., 3, genres) -> (...)


@dataclass(frozen=True, eq=False)
class ClusterCounts:
    """Counts of each cluster (artist, recording or track) and its stratum."""

    totals: Totals  # (clusters, 3, genres)
    stratum: NDArray[np.intp]  # (clusters,), 0, 1, ...: the most frequent genre of the cluster's rows; see `_strata`

    def __len__(self) -> int:
        return len(self.totals)

    @property
    def rows(self) -> NDArray[np.float64]:
        """Rows of each cluster, `(clusters,)`."""
        return self.totals[:, 1].sum(axis=-1)

    def sum(self) -> Totals:
        """Counts of the whole table, `(3, genres)`."""
        return self.totals.sum(axis=0)


def count_clusters(
    decisions: Decisions, cluster_of_track: Mapping[str, str], *, stratified: bool = True
) -> ClusterCounts:
    """Count the rows of each cluster.

    Args:
        decisions: Decisions at one level.
        cluster_of_track: Cluster of each track.
        stratified: Whether each genre is a stratum, as in a split of this package; False makes one stratum, for rows
            whose number in each genre is itself random.

    Raises:
        ValueError: A track has no cluster.
    """
    import pandas as pd  # here: a report of finished runs starts without it

    missing = sorted(set(decisions.track_id) - set(cluster_of_track))
    if missing:
        raise ValueError(f"no cluster is known for {len(missing)} tracks, among them {missing[:3]}")
    cluster, names = pd.factorize(pd.Series([cluster_of_track[track] for track in decisions.track_id], dtype=object))
    totals = np.zeros((len(names), 3, len(decisions.genres)))
    np.add.at(totals[:, 0], (cluster, decisions.y_true), decisions.y_true == decisions.y_pred)
    np.add.at(totals[:, 1], (cluster, decisions.y_true), 1)
    np.add.at(totals[:, 2], (cluster, decisions.y_pred), 1)
    genre = totals[:, 1].argmax(axis=1)
    return ClusterCounts(totals, _strata(genre) if stratified else np.zeros_like(genre))


def _strata(genre: NDArray[np.intp]) -> NDArray[np.intp]:
    """Stratum of each cluster, `(clusters,)`, with at least two clusters per stratum where there are two.

    Splits are stratified by genre, so the genre is the stratum. The variance within a genre of a single cluster cannot
    be estimated: such genres form one joint stratum (a single one joins the smallest of the others), which makes
    intervals conservative ("collapsed strata": Cochran 1977, Sampling Techniques, section 5A.12).
    """
    names, stratum, size = np.unique(genre, return_inverse=True, return_counts=True)
    merged = list(np.flatnonzero(size == 1))
    if len(merged) == 1 and len(names) > 1:
        others = np.flatnonzero(size > 1)
        merged.append(others[size[others].argmin()])
    target = np.arange(len(names))
    target[merged] = merged[0] if merged else 0
    return np.unique(target[stratum], return_inverse=True)[1]


# scikit-learn has these scores for labels; here they are functions of counts, for all resamples at once.


def accuracy(totals: Totals) -> NDArray[np.float64]:
    """Accuracy, `(..., 3, genres)` -> `(...)`."""
    return totals[..., 0, :].sum(axis=-1) / totals[..., 1, :].sum(axis=-1)


def genre_recall(totals: Totals) -> NDArray[np.float64]:
    """Recall of each genre, `(..., 3, genres)` -> `(..., genres)`; 0 without rows."""
    return _ratio(totals[..., 0, :], totals[..., 1, :])


def genre_f1(totals: Totals) -> NDArray[np.float64]:
    """F1 of each genre, `(..., 3, genres)` -> `(..., genres)`: 2 TP / (true rows + predicted rows)."""
    return _ratio(2 * totals[..., 0, :], totals[..., 1, :] + totals[..., 2, :])


def macro_f1(occurring: NDArray[np.intp]) -> Statistic:
    """Return macro F1 over the genres that occur in the whole table, the same ones in every resample."""
    return lambda totals: genre_f1(totals)[..., occurring].mean(axis=-1)


def _ratio(numerator: Totals, denominator: Totals) -> Totals:
    """Quotient, 0 where the denominator is 0; supports complex numbers, which `intervals.influence` passes."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
