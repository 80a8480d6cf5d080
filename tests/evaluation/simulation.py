"""Artists, tracks and windows with a known true score, as counts by artist."""

from dataclasses import dataclass

import numpy as np

from gtzan_lightning.evaluation.clusters import ClusterCounts

WINDOWS = 10  # of a track
TEN_ARTISTS = [[2] * 10] * 10  # tracks of each artist of each genre
FEW_ARTISTS = [[9, 8, 3], [10, 10], [14] + [1] * 6, [12, 6, 2]] + [[4, 3, 2, 2, 2] + [1] * 7] * 6  # one may dominate
EASY_TO_HARD = np.linspace(0.95, 0.35, 10)
ALL_ALIKE = np.full(10, 0.7)


@dataclass
class World:
    """What is fixed while the artists vary: `truth` is the score of endlessly many artists."""

    tracks: list  # per genre the number of tracks of each artist
    accuracy: np.ndarray  # (genres,)
    artist_correlation: float = 0.2  # of two tracks of an artist
    track_correlation: float = 0.3  # of two windows of a track, beyond the artist's

    def __post_init__(self):
        self._drawn, self._rng = [], np.random.default_rng(20)
        self.genre = np.repeat(np.arange(len(self.tracks)), [len(artists) for artists in self.tracks])
        self.size = np.concatenate(self.tracks)
        genres = len(self.tracks)
        confusion = np.random.default_rng(0).dirichlet(np.ones(genres), genres)
        np.fill_diagonal(confusion, 0)
        self.mistake = confusion / confusion.sum(axis=1, keepdims=True)

    def true_totals(self):
        """Expected counts, `(3, genres)`, for a perfectly known model."""
        n = WINDOWS * np.bincount(self.genre, self.size)
        wrong = (n * (1 - self.accuracy)) @ self.mistake
        return np.stack([n * self.accuracy, n, n * self.accuracy + wrong])

    def draws(self, number):
        """The first `number` test parts of this world, the same ones for whoever asks."""
        while len(self._drawn) < number:
            self._drawn.append(self.draw(self._rng))
        return self._drawn[:number]

    def draw(self, rng):
        """One test part: the rows of each artist by what became of them, as counts by artist."""
        p_artist = _beta(rng, self.accuracy[self.genre], self.artist_correlation)
        artist = np.repeat(np.arange(len(self.size)), self.size)
        p_track = _beta(rng, p_artist[artist], self.track_correlation)
        right = np.bincount(artist, rng.binomial(WINDOWS, p_track), len(self.size)).astype(int)
        habit = rng.gamma(3 * self.mistake[self.genre] + 1e-9) + 1e-12
        habit[np.arange(len(habit)), self.genre] = 0
        decided = rng.multinomial(WINDOWS * self.size - right, habit / habit.sum(axis=1, keepdims=True)).astype(float)
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


def rows_as_units(counts):
    """The same table as if each window were independent evidence, which it is not."""
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
