"""Counts by cluster: all that an interval needs to know of a table of decisions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.evaluation.metrics import Decisions

Totals = NDArray[np.float64]  # (..., 3, genres): rows that are right, rows of the genre, rows decided as the genre
Statistic = Callable[[Totals], NDArray[np.float64]]  # (..., 3, genres) -> (...)


@dataclass(frozen=True, eq=False)
class ClusterCounts:
    """Counts of each cluster (artist, recording or track), and the stratum that it is drawn from."""

    totals: Totals  # (clusters, 3, genres)
    stratum: NDArray[np.intp]  # (clusters,), the genre that most rows of the cluster have, as 0, 1, ...; see `_strata`

    def __len__(self) -> int:
        return len(self.totals)

    @property
    def rows(self) -> NDArray[np.float64]:
        """Rows of each cluster, `(clusters,)`."""
        return self.totals[:, 1].sum(axis=-1)

    def sum(self) -> Totals:
        """Counts of the whole table, `(3, genres)`."""
        return self.totals.sum(axis=0)


def count_clusters(decisions: Decisions, cluster_of_track: Mapping[str, str]) -> ClusterCounts:
    """Count the decisions of each cluster.

    Raises:
        ValueError: a track has no cluster.
    """
    missing = sorted(set(decisions.track_id) - set(cluster_of_track))
    if missing:
        raise ValueError(f"no cluster is known for {len(missing)} tracks, among them {missing[:3]}")
    cluster, names = pd.factorize(pd.Series([cluster_of_track[track] for track in decisions.track_id], dtype=object))
    shape = (len(names), len(decisions.genres))
    right = decisions.y_true == decisions.y_pred
    of_each = ((cluster[right], decisions.y_true[right]), (cluster, decisions.y_true), (cluster, decisions.y_pred))
    totals = np.stack([_tally(clusters, genres, shape) for clusters, genres in of_each], axis=1)
    return ClusterCounts(totals, _strata(totals[:, 1].argmax(axis=1)))


def _tally(clusters: NDArray[np.intp], genres: NDArray[np.intp], shape: tuple[int, int]) -> NDArray[np.float64]:
    """How many rows each cluster has in each genre, `(clusters, genres)`."""
    return np.bincount(clusters * shape[1] + genres, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)


def _strata(genre: NDArray[np.intp]) -> NDArray[np.intp]:
    """Strata `(clusters,)` of at least two clusters each, where there are two.

    Splits are stratified by genre, so the genre is the stratum. A genre with a single cluster says nothing about
    the spread inside it: such genres form one stratum together (a lone one joins the smallest of the others),
    which errs on the wide side ("collapsed strata": Cochran 1977, Sampling Techniques, section 5A.12).
    """
    names, stratum, size = np.unique(genre, return_inverse=True, return_counts=True)
    merged = list(np.flatnonzero(size == 1))
    if len(merged) == 1 and len(names) > 1:
        others = np.flatnonzero(size > 1)
        merged.append(others[size[others].argmin()])
    target = np.arange(len(names))
    target[merged] = merged[0] if merged else 0
    return np.unique(target[stratum], return_inverse=True)[1]


def accuracy(totals: Totals) -> NDArray[np.float64]:
    """Share of rows that are right, `(..., 3, genres)` -> `(...)`."""
    return totals[..., 0, :].sum(axis=-1) / totals[..., 1, :].sum(axis=-1)


def genre_recall(totals: Totals) -> NDArray[np.float64]:
    """Share of each genre's rows that are right, `(..., 3, genres)` -> `(..., genres)`; 0 without rows."""
    return _ratio(totals[..., 0, :], totals[..., 1, :])


def genre_f1(totals: Totals) -> NDArray[np.float64]:
    """F1 of each genre, `(..., 3, genres)` -> `(..., genres)`: 2 TP / (rows of it + rows decided as it)."""
    return _ratio(2 * totals[..., 0, :], totals[..., 1, :] + totals[..., 2, :])


def macro_f1(occurring: NDArray[np.intp]) -> Statistic:
    """Macro F1 over the genres that occur in the whole table, the same ones in every resample."""
    return lambda totals: genre_f1(totals)[..., occurring].mean(axis=-1)


def _ratio(numerator: Totals, denominator: Totals) -> Totals:
    """The quotient, 0 where the denominator is 0; complex numbers pass through (`intervals` differentiates)."""
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator != 0)
