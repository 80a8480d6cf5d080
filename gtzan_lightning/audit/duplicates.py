"""Detection of duplicate tracks from their features, without metadata."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, triu
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.scaling import CONSTANT
from gtzan_lightning.features.feature_request import Features
from gtzan_lightning.utils.content_index import ContentIndex, indexed_hashes

NEAR = 0.25  # share of the distance to the NEIGHBOURS-th neighbour; unrelated published tracks start at 0.28
NEIGHBOURS = 10  # also the largest group of copies that is found completely
COMMON = 20  # rows shared by more tracks than this are silence, not copies
SHARED_ROWS = 0.5  # share of the rows of the shorter track that copies have in common


@dataclass(frozen=True)
class DuplicatePair:
    """Two tracks with the same sound, or nearly the same."""

    one: int  # position in Corpus.tracks, the smaller
    other: int
    closeness: float  # distance relative to the local scale (see find_duplicates); 0 for identical features

    @property
    def identical(self) -> bool:
        """Whether the features are equal bit by bit."""
        return self.closeness == 0


def find_duplicates(features: Features, near: float = NEAR) -> list[DuplicatePair]:
    """Pairs of tracks with identical rows, or with a distance far below the local scale; the closest first.

    A track is the mean of its rows on standardised columns. The distance of two tracks is divided by the geometric
    mean of their distances to their tenth neighbours, so that the threshold does not depend on the number of
    columns, the genre or the size of the corpus.
    """
    identical = set(identical_tracks(features))
    pairs = [DuplicatePair(one, other, 0.0) for one, other in sorted(identical)]
    tracks, means = track_means(features)
    for one, other, closeness in _near_pairs(_standardised(means), near):
        pair = (int(tracks[one]), int(tracks[other]))
        if pair not in identical:
            pairs.append(DuplicatePair(*pair, max(closeness, np.finfo(float).tiny)))
    return sorted(pairs, key=lambda pair: (pair.closeness, pair.one, pair.other))


def groups_of(pairs: Iterable[tuple[int, int]], n_tracks: int) -> list[list[int]]:
    """Groups of tracks that are connected by pairs, each sorted, without tracks that are in no pair."""
    one, other = np.array(list(pairs), int).reshape(-1, 2).T
    links = coo_matrix((np.ones(len(one)), (one, other)), (n_tracks, n_tracks))
    group = connected_components(links, directed=False)[1]
    members = pd.Series(range(n_tracks)).groupby(group).agg(list)
    return sorted(tracks for tracks in members if len(tracks) > 1)


def identical_files(corpus: Corpus, cache_root: Path) -> list[list[int]]:
    """Groups of tracks whose audio files have the same content, byte for byte."""
    with_file = [position for position, track in enumerate(corpus.tracks) if track.path is not None]
    paths = [path for track in corpus.tracks if (path := track.path) is not None]
    hashes = indexed_hashes(paths, ContentIndex(cache_root, corpus.root))
    known = pd.Series(with_file)[np.array(hashes) != ""].groupby([each for each in hashes if each]).agg(list)
    return sorted(tracks for tracks in known if len(tracks) > 1)


def identical_tracks(features: Features) -> list[tuple[int, int]]:
    """Pairs of tracks of which the shorter shares at least half of its rows with the other, bit by bit.

    Half of the rows suffice because a window may be missing in one of two copies.
    """
    hashes = pd.util.hash_pandas_object(pd.DataFrame(features.values), index=False)  # 64 bits a row
    _, row, counts = np.unique(hashes, return_inverse=True, return_counts=True)
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
    """Positions of the tracks that have rows, `(tracks,)`, and the mean of their rows, `(tracks, features)`."""
    tracks, first = np.unique(features.track_index, return_index=True)
    rows = np.diff(np.append(first, len(features.track_index)))
    return tracks, np.add.reduceat(features.values, first, axis=0, dtype=np.float64) / rows[:, None]


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Columns of `(rows, features)` with mean 0 and standard deviation 1, without the constant ones."""
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    varies = deviation > CONSTANT * np.maximum(np.abs(mean), 1e-12)
    return (values[:, varies] - mean[varies]) / deviation[varies]


def _near_pairs(points: NDArray[np.float64], near: float) -> list[tuple[int, int, float]]:
    """Pairs of `points`, `(tracks, columns)`, whose relative distance is below `near`, with that distance."""
    n_neighbours = min(NEIGHBOURS, len(points) - 1)
    if n_neighbours < 2 or not points.shape[1]:
        return []
    to_neighbour, neighbour = NearestNeighbors(n_neighbors=n_neighbours, algorithm="brute").fit(points).kneighbors()
    usual = to_neighbour[:, -1]
    one = np.repeat(np.arange(len(points)), n_neighbours)
    low, high = np.unique(np.sort([one, neighbour.ravel()], axis=0), axis=1)
    distance = np.linalg.norm(points[low] - points[high], axis=1)  # exact, unlike those of the search
    ratio = distance / np.maximum(np.sqrt(usual[low] * usual[high]), np.finfo(float).tiny)
    return [(int(low[k]), int(high[k]), float(ratio[k])) for k in np.flatnonzero(ratio < near)]
