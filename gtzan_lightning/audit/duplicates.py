"""Finds tracks of the same sound from their features alone, without metadata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, triu

from gtzan_lightning.datamodule.scaling import CONSTANT
from gtzan_lightning.features.feature_matrix import Features

NEAR = 0.25  # of the distance to the NEIGHBOURS-th neighbour; in the published tables unrelated tracks begin at 0.28
NEIGHBOURS = 10  # also the largest group of copies that is found as a whole
COMMON = 20  # rows that so many tracks share are silence, not copies
SHARED_ROWS = 0.5  # of the rows of the shorter track: then the two are one sound
BLOCK = 1024  # tracks whose distances are computed at once


@dataclass(frozen=True)
class DuplicatePair:
    """Two tracks with the same sound, or nearly the same."""

    one: int  # position in Corpus.tracks, the smaller
    other: int
    closeness: float  # distance as a share of the usual one around here; 0 for identical features

    @property
    def identical(self) -> bool:
        """Whether the features are the same to the last digit."""
        return self.closeness == 0


def find_duplicates(features: Features, near: float = NEAR) -> list[DuplicatePair]:
    """Pairs of tracks that share their rows or are nearest neighbours by far, the closest first.

    The distance of two tracks, each the mean of its rows on standardised columns, is measured in the distance that
    tracks around there keep from their tenth neighbour, so that no threshold depends on the number of columns, the
    genre or the size of the corpus.
    """
    identical = set(identical_tracks(features))
    pairs = [DuplicatePair(one, other, 0.0) for one, other in sorted(identical)]
    tracks, means = track_means(features)
    for one, other, closeness in _near_pairs(standardised(means), near):
        pair = (int(tracks[one]), int(tracks[other]))
        if pair not in identical:
            pairs.append(DuplicatePair(*pair, max(closeness, np.finfo(float).tiny)))
    return sorted(pairs, key=lambda pair: (pair.closeness, pair.one, pair.other))


def identical_tracks(features: Features) -> list[tuple[int, int]]:
    """Pairs of tracks of which the shorter shares at least half of its rows with the other, to the last digit.

    Half, because a window may be missing in one of two copies.
    """
    _, row, counts = np.unique(_row_hashes(features.values), return_inverse=True, return_counts=True)
    chosen = np.flatnonzero(counts[row] > 1)
    n_tracks = int(features.track_index.max()) + 1
    index = (features.track_index[chosen], row[chosen])
    holds = coo_matrix((np.ones(len(chosen)), index), (n_tracks, len(counts))).tocsr()
    holds.data[:] = 1  # a row that a track repeats counts once
    common = np.asarray(holds.sum(axis=0)).ravel() > COMMON
    holds = holds[:, np.flatnonzero(~common)]
    shared = triu(holds @ holds.T, k=1).tocoo()
    rows = np.bincount(features.track_index, minlength=n_tracks)
    enough = shared.data >= SHARED_ROWS * np.minimum(rows[shared.row], rows[shared.col])
    return [(int(one), int(other)) for one, other in zip(shared.row[enough], shared.col[enough], strict=True)]


def track_means(features: Features) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Tracks that have rows, `(tracks,)`, and the mean of their rows, `(tracks, features)`."""
    tracks, first = np.unique(features.track_index, return_index=True)
    rows = np.diff(np.append(first, len(features.track_index)))
    return tracks, np.add.reduceat(features.values, first, axis=0, dtype=np.float64) / rows[:, None]


def standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns `(rows, features)` with mean 0 and deviation 1; constant ones are left out."""
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    varies = deviation > CONSTANT * np.maximum(np.abs(mean), 1e-12)
    return (values[:, varies] - mean[varies]) / deviation[varies]


def _near_pairs(points: NDArray[np.float64], near: float) -> list[tuple[int, int, float]]:
    """Pairs of `points` `(tracks, columns)` closer than `near` times the usual distance, and that ratio."""
    n_neighbours = min(NEIGHBOURS, len(points) - 1)
    if n_neighbours < 2 or not points.shape[1]:
        return []
    neighbour, usual = _neighbours(points, n_neighbours)
    one = np.repeat(np.arange(len(points)), n_neighbours)
    other = neighbour.ravel()
    low, high = np.minimum(one, other), np.maximum(one, other)
    low, high = np.unique(np.stack([low, high]), axis=1)
    distance = np.linalg.norm(points[low] - points[high], axis=1)
    ratio = distance / np.maximum(np.sqrt(usual[low] * usual[high]), np.finfo(float).tiny)
    return [(int(low[k]), int(high[k]), float(ratio[k])) for k in np.flatnonzero(ratio < near)]


def _neighbours(points: NDArray[np.float64], count: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The nearest `count` of each point, `(tracks, count)`, and the distance to the farthest of them, `(tracks,)`."""
    square = (points**2).sum(axis=1)
    neighbour = np.empty((len(points), count), np.intp)
    farthest = np.empty(len(points))
    for start in range(0, len(points), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(points)))
        distance = square[rows, None] + square - 2 * points[rows] @ points.T
        distance[np.arange(len(rows)), rows] = np.inf
        neighbour[rows] = np.argpartition(distance, count - 1, axis=1)[:, :count]
        farthest[rows] = np.take_along_axis(distance, neighbour[rows], axis=1).max(axis=1)
    return neighbour, np.sqrt(np.maximum(farthest, 0))


def _row_hashes(values: NDArray[np.float32]) -> NDArray[np.uint64]:
    """A number for each row `(rows, features)` that is the same for rows of the same digits, `(rows,)`.

    A random linear form modulo 2^64: two different rows meet with a chance of less than 1 in 2^32.
    """
    factors = np.random.default_rng(0).integers(1, 2**63, values.shape[1], dtype=np.uint64) * 2 + 1
    hashes = np.empty(len(values), np.uint64)
    for start in range(0, len(values), 1 << 16):
        block = np.ascontiguousarray(values[start : start + (1 << 16)], np.float32)
        hashes[start : start + len(block)] = (block.view(np.uint32) * factors).sum(axis=1, dtype=np.uint64)
    return hashes
