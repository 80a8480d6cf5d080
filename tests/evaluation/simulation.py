"""Simulated artists, tracks and windows with a known true score, as counts per artist."""

from dataclasses import dataclass

import numpy as np

from gtzan_lightning.evaluation.clusters import ClusterCounts

WINDOWS = 10  # per track
TEN_ARTISTS = [[2] * 10] * 10  # number of tracks of each artist of each genre
FEW_ARTISTS = [[9, 8, 3], [10, 10], [14] + [1] * 6, [12, 6, 2]] + [[4, 3, 2, 2, 2] + [1] * 7] * 6  # some large
DESCENDING = np.linspace(0.95, 0.35, 10)
CONSTANT = np.full(10, 0.7)


@dataclass
class World:
    """Parameters of the simulation; the true score is that of infinitely many artists."""

    tracks: list  # for each genre, the number of tracks of each artist
    accuracy: np.ndarray  # (genres,)
    artist_correlation: float = 0.2  # between tracks of an artist
    track_correlation: float = 0.3  # between windows of a track, beyond the artist's

    def __post_init__(self):
        self._drawn, self._rng = [], np.random.default_rng(20)
        self.genre = np.repeat(np.arange(len(self.tracks)), [len(artists) for artists in self.tracks])
        self.size = np.concatenate(self.tracks)
        genres = len(self.tracks)
        confusion = np.random.default_rng(0).dirichlet(np.ones(genres), genres)
        np.fill_diagonal(confusion, 0)
        self.confusion = confusion / confusion.sum(axis=1, keepdims=True)

    def true_totals(self):
        """Expected counts, `(3, genres)`, for the true accuracies."""
        n = WINDOWS * np.bincount(self.genre, self.size)
        wrong = (n * (1 - self.accuracy)) @ self.confusion
        return np.stack([n * self.accuracy, n, n * self.accuracy + wrong])

    def draws(self, number):
        """The first `number` simulated test parts, the same in each call."""
        while len(self._drawn) < number:
            self._drawn.append(self.draw(self._rng))
        return self._drawn[:number]

    def draw(self, rng):
        """Simulate one test part, as counts per artist."""
        p_artist = _beta(rng, self.accuracy[self.genre], self.artist_correlation)
        artist = np.repeat(np.arange(len(self.size)), self.size)
        p_track = _beta(rng, p_artist[artist], self.track_correlation)
        right = np.bincount(artist, rng.binomial(WINDOWS, p_track), len(self.size)).astype(int)
        errors = rng.gamma(3 * self.confusion[self.genre] + 1e-9) + 1e-12
        errors[np.arange(len(errors)), self.genre] = 0
        decided = rng.multinomial(WINDOWS * self.size - right, errors / errors.sum(axis=1, keepdims=True)).astype(float)
        totals = np.zeros((len(self.size), 3, len(self.tracks)))
        own = np.arange(len(self.size)), self.genre
        totals[:, 0][own] = right
        totals[:, 1][own] = WINDOWS * self.size
        totals[:, 2] = decided
        totals[:, 2][own] += right
        return ClusterCounts(totals, self.genre)


def _beta(rng, mean, correlation):
    mean = np.clip(mean, 1e-6, 1 - 1e-6)
    strength = 1 / correlation - 1
    return rng.beta(mean * strength, (1 - mean) * strength)


def rows_as_clusters(counts):
    """The same table with each window as its own cluster, which ignores their correlation."""
    genres = counts.totals.shape[2]
    right, of_genre, _ = counts.sum()
    blocks = []
    for genre in range(genres):
        n, hits = int(of_genre[genre]), int(right[genre])
        block = np.zeros((n, 3, genres))
        block[:hits, 0, genre] = 1
        block[:hits, 2, genre] = 1
        block[:, 1, genre] = 1
        blocks.append(block)
    totals = np.concatenate(blocks)
    return ClusterCounts(totals, totals[:, 1].argmax(axis=1))


class Population:
    """Artists of other music, with very different numbers of clips; the true score is that of all of them."""

    def __init__(self, artists=480, genres=10, correlation=0.25):
        rng = np.random.default_rng(3)
        self.genre = rng.choice(genres, artists, p=rng.dirichlet(np.full(genres, 3.0)))
        many = (rng.random(artists) < 0.08) * rng.integers(10, 40, artists)
        size = np.minimum(1 + rng.geometric(0.25, artists) + many, 40)
        self.artist = np.repeat(np.arange(artists), size)  # (clips,)
        right = rng.random(len(self.artist)) < _beta(rng, DESCENDING[self.genre], correlation)[self.artist]
        self.true = self.genre[self.artist]
        self.predicted = np.where(right, self.true, (self.true + rng.integers(1, genres, len(right))) % genres)
        self.clips_of = [np.flatnonzero(self.artist == artist) for artist in range(artists)]

    def totals(self, clips):
        """Counts of some clips, `(3, genres)`."""
        counts = np.zeros((3, self.genre.max() + 1))
        np.add.at(counts[0], self.true[clips], self.true[clips] == self.predicted[clips])
        np.add.at(counts[1], self.true[clips], 1)
        np.add.at(counts[2], self.predicted[clips], 1)
        return counts

    def whole_artists(self, rng, number):
        """Draw artists with all their clips, whatever their genres: counts `(artists, 3, genres)`."""
        drawn = rng.choice(len(self.genre), number)
        return np.stack([self.totals(self.clips_of[artist]) for artist in drawn])

    def equal_genres(self, rng, clips, most=8):
        """Draw artists of each genre, at most `most` clips each, until the genre has its number of clips."""
        found = []
        for genre in range(self.genre.max() + 1):
            left, own = clips, np.flatnonzero(self.genre == genre)
            while left:
                chosen = rng.permutation(self.clips_of[rng.choice(own)])[: min(most, left)]
                found.append(self.totals(chosen))
                left -= len(chosen)
        return np.stack(found)
