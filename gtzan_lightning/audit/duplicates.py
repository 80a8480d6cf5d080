"""Detection of duplicate tracks from their features, without metadata."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
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
COMPARED_TRACKS = 5_000  # up to this number, each track is compared with each
CELL_TRACKS = 200  # tracks of a cell, on average
NEAREST_CELLS = 4
SEARCH_ERROR = 1e-4  # of a distance of scikit-learn's search, which are differences of squares
SAMPLED_A_CELL = 20  # tracks from which the cells are found, for each cell
BLOCK_ROWS = 2**16  # rows that are read at a time
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
    hashes = _row_hashes(features.values)
    ordered = np.sort(hashes)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(repeated):
        return []
    place = np.searchsorted(repeated, hashes).clip(max=len(repeated) - 1)
    chosen = np.flatnonzero(repeated[place] == hashes)
    n_tracks = int(features.track_index.max()) + 1
    index = (features.track_index[chosen], place[chosen])
    holds = coo_matrix((np.ones(len(chosen)), index), (n_tracks, len(repeated))).tocsr()
    holds.data[:] = 1  # a row that a track repeats counts once
    common = np.asarray(holds.sum(axis=0)).ravel() > COMMON
    holds = holds[:, np.flatnonzero(~common)]
    shared = triu(holds @ holds.T, k=1).tocoo()
    rows = np.bincount(features.track_index, minlength=n_tracks)
    enough = shared.data >= SHARED_ROWS * np.minimum(rows[shared.row], rows[shared.col])
    return [(int(one), int(other)) for one, other in zip(shared.row[enough], shared.col[enough], strict=True)]


def _row_hashes(values: NDArray[np.float32]) -> NDArray[np.uint64]:
    """A hash of 64 bits of each row, `(rows,)`, block by block: a mapped matrix may exceed the memory."""
    hashes = np.empty(len(values), np.uint64)
    for first in range(0, len(values), BLOCK_ROWS):
        block = np.asarray(values[first : first + BLOCK_ROWS])
        hashes[first : first + len(block)] = pd.util.hash_pandas_object(pd.DataFrame(block), index=False)
    return hashes


def track_means(features: Features) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Positions of the tracks that have rows, `(tracks,)`, and the mean of their rows, `(tracks, features)`."""
    tracks, first = np.unique(features.track_index, return_index=True)
    ends = np.append(first[1:], len(features.track_index))
    totals = np.empty((len(tracks), features.values.shape[1]))
    of_block = np.searchsorted(first, np.arange(0, len(features.values), BLOCK_ROWS))  # whole tracks
    for one, other in pairwise([*of_block.tolist(), len(tracks)]):
        if one < other:
            block = features.values[first[one] : ends[other - 1]]
            totals[one:other] = np.add.reduceat(block, first[one:other] - first[one], axis=0, dtype=np.float64)
    return tracks, totals / (ends - first)[:, None]


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
    to_neighbour, neighbour = _neighbours(points, n_neighbours)
    usual = to_neighbour[:, -1]
    one, other = np.repeat(np.arange(len(points)), n_neighbours), neighbour.ravel()
    scale = np.maximum(np.sqrt(usual[one] * usual[other]), np.finfo(float).tiny)
    close = to_neighbour.ravel() <= 2 * near * scale + SEARCH_ERROR
    pair = np.unique(np.minimum(one, other)[close] * len(points) + np.maximum(one, other)[close])
    low, high = np.divmod(pair, len(points))
    distance = np.linalg.norm(points[low] - points[high], axis=1)
    ratio = distance / np.maximum(np.sqrt(usual[low] * usual[high]), np.finfo(float).tiny)
    return [(int(low[k]), int(high[k]), float(ratio[k])) for k in np.flatnonzero(ratio < near)]


def _neighbours(points: NDArray[np.float64], count: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Distances and numbers of the nearest other points, `(points, count)` each.

    More than `COMPARED_TRACKS` points are divided into cells of similar ones, so that the time
    grows with their number and not with its square. A point is compared with those that have its cell among their
    `NEAREST_CELLS`. Of the neighbours this finds most, and those that are much nearer than the others, as copies are,
    practically always.
    """
    if len(points) <= COMPARED_TRACKS:
        return NearestNeighbors(n_neighbors=count, algorithm="brute").fit(points).kneighbors()
    cells = _nearest_cells(points)
    order = np.argsort(cells.ravel(), kind="stable")
    members = np.split(order // cells.shape[1], np.cumsum(np.bincount(cells.ravel()))[:-1])
    distance = np.full((len(points), count), np.inf)
    neighbour = np.tile(np.arange(len(points))[:, None], count)
    for cell, inside in enumerate(members):
        own = inside[cells[inside, 0] == cell]
        if len(own) and len(inside) > 1:
            search = NearestNeighbors(n_neighbors=min(count + 1, len(inside)), algorithm="brute").fit(points[inside])
            found_distance, found = search.kneighbors(points[own])
            others = _without_itself(inside[found], own)
            place = np.minimum(np.arange(count), others.sum(axis=1).min() - 1)
            distance[own] = found_distance[others].reshape(len(own), -1)[:, place]
            neighbour[own] = inside[found][others].reshape(len(own), -1)[:, place]
    return distance, neighbour


def _nearest_cells(points: NDArray[np.float64]) -> NDArray[np.intp]:
    """The nearest cells of each point, `(points, NEAREST_CELLS)`; cells are clusters of a sample."""
    from sklearn.cluster import KMeans

    n_cells = max(NEAREST_CELLS, len(points) // CELL_TRACKS)
    sample = np.random.default_rng(0).permutation(len(points))[: n_cells * SAMPLED_A_CELL]
    clusters = KMeans(n_cells, init="random", n_init=1, max_iter=10, random_state=0).fit(points[sample])
    search = NearestNeighbors(n_neighbors=NEAREST_CELLS, algorithm="brute").fit(clusters.cluster_centers_)
    cells: NDArray[np.intp] = search.kneighbors(points, return_distance=False)
    return cells


def _without_itself(found: NDArray[np.intp], own: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which neighbours are other points, `(points, neighbours)`; the last one is left out if a point is not found."""
    others = found != own[:, None]
    others[others.all(axis=1), -1] = False
    return others
