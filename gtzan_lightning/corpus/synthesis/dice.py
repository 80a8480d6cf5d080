"""Random draws that are the same on every machine, shared by the tracks of an artist or a track's own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

# Calibrated so that an RBF-SVM on 3-s windows falls from a split over windows to one over tracks to one over artists
# about as far as it does on GTZAN.
ARTIST_SPREAD = 0.8  # how far artists of a genre lie apart
TRACK_SPREAD = 1.4  # how far tracks of an artist lie apart


def generator(seed: int, *keys: str | int) -> np.random.Generator:
    """The random stream of `seed` and `keys`; streams of other keys are independent of it."""
    digest = hashlib.sha256("/".join(str(key) for key in (seed, *keys)).encode()).digest()
    words = [int.from_bytes(digest[at : at + 4], "little") for at in range(0, 32, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


@dataclass(frozen=True)
class Dice:
    """Two streams: what an artist decides once, and what each track decides anew."""

    artist: np.random.Generator
    track: np.random.Generator

    @classmethod
    def of(cls, seed: int, genre: str, artist: int, number: int, topic: str) -> Dice:
        """The dice of one topic (kit, room, ...), so that a new draw in one topic leaves the others as they were."""
        return cls(generator(seed, genre, "artist", artist, topic), generator(seed, genre, "track", number, topic))

    def around(self, value: float, artist_sd: float, track_sd: float) -> float:
        """`value` plus a normal deviation of the artist and one of the track."""
        own = ARTIST_SPREAD * artist_sd * self.artist.standard_normal()
        return float(value + own + TRACK_SPREAD * track_sd * self.track.standard_normal())

    def ratio(self, value: float, artist_sd: float, track_sd: float) -> float:
        """`value` times a log-normal factor of the artist and one of the track."""
        return float(value * np.exp(self.around(0.0, artist_sd, track_sd)))

    def within(self, low: float, high: float, track_share: float) -> float:
        """A value of the range: the artist's own, which a track leaves by a share of the range."""
        value = self.artist.uniform(low, high)
        value += TRACK_SPREAD * track_share * (high - low) * self.track.uniform(-1.0, 1.0)
        folded = 2 * low - value if value < low else 2 * high - value if value > high else value
        return float(np.clip(folded, low, high))

    def artist_choice(self, options: Sequence[T]) -> T:
        """One of `options`, the same for all tracks of the artist."""
        return options[int(self.artist.integers(len(options)))]

    def track_choice(self, options: Sequence[T]) -> T:
        """One of `options`, for this track."""
        return options[int(self.track.integers(len(options)))]
