"""What a genre is made of.

MERGED: Random draws that are the same on every machine, shared by the tracks of an artist or a track's own. | Who plays a track: artists of two or three tracks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

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
class TrackRng:
    """Two streams: what an artist decides once, and what each track decides anew."""

    artist: np.random.Generator
    track: np.random.Generator

    @classmethod
    def of(cls, seed: int, genre: str, artist: int, number: int, topic: str) -> TrackRng:
        """The rng of one topic (kit, room, ...), so that a new draw in one topic leaves the others as they were."""
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


TRACKS_PER_ARTIST = 2.4  # on average: five artists share twelve tracks


def artist_sizes(tracks: int) -> list[int]:
    """Tracks of each artist of a genre, in order: 12 tracks are 3, 3, 2, 2, 2."""
    artists = max(1, round(tracks / TRACKS_PER_ARTIST))
    base, more = divmod(tracks, artists)
    return [base + (index < more) for index in range(artists)]


def artist_of_tracks(tracks: int) -> list[int]:
    """The artist's number of each track of a genre, `(tracks,)`."""
    return [artist for artist, size in enumerate(artist_sizes(tracks)) for _ in range(size)]


PartKind = Literal["root", "alternate", "octave", "walk", "chord", "power", "arpeggio", "melody"]

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "blues": (0, 3, 5, 6, 7, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}

CHORDS: dict[str, tuple[int, ...]] = {
    "maj": (0, 4, 7),
    "min": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "9": (0, 4, 10, 14),
    "maj7": (0, 4, 7, 11),
    "min7": (0, 3, 7, 10),
    "min9": (0, 3, 10, 14),
    "dim": (0, 3, 6),
    "sus": (0, 5, 7),
}


@dataclass(frozen=True)
class Chord:
    """A chord: its root in semitones above the key, and its notes in semitones above the root."""

    root: int
    intervals: tuple[int, ...]


def progression(text: str) -> tuple[Chord, ...]:
    """Chords, one a bar, from text: `"0:maj 5:maj 7:7"` is I, IV, V7."""
    pairs = (word.split(":") for word in text.split())
    return tuple(Chord(int(root), CHORDS[quality]) for root, quality in pairs)


@dataclass(frozen=True)
class Part:
    """One instrument of the band.

    A pattern is one bar, one character a step: `x` begins a note, `X` one with an accent, `-` holds it, `.` rests.
    """

    kind: PartKind
    voices: tuple[str, ...]  # an artist takes one
    patterns: tuple[str, ...]  # a track takes two: one for verses, one for choruses
    lowest_midi: int  # bottom of the octave that chords are laid into
    gain_db: float
    sections: str = "ivcb"  # plays in intro, verse, chorus, break


@dataclass(frozen=True)
class Style:
    """A genre: ranges to draw from, all (low, high), and tables to choose from."""

    tempo_bpm: tuple[float, float]
    beats_per_bar: int
    steps_per_beat: int
    swing: tuple[float, float]  # how late every second step comes, in steps
    scales: tuple[str, ...]  # of melodies
    progressions: tuple[tuple[Chord, ...], ...]
    forms: tuple[str, ...]  # four sections: i(ntro), v(erse), c(horus), b(reak)
    drums: tuple[dict[str, str], ...]  # drum to pattern of one bar; an artist takes two, a track one of them
    drums_gain_db: float
    parts: tuple[Part, ...]
    room_s: tuple[float, float]  # reverberation time
    wet_db: tuple[float, float]  # reverberation against the direct sound
    tilt_db: tuple[float, float]  # of the mastering, per octave around 1 kHz
    high_cut_hz: tuple[float, float]
    level_dbfs: tuple[float, float]
    noise_dbfs: tuple[float, float]
    dynamics: float  # how much quieter intros and breaks are, 1 = usual

    @property
    def steps_per_bar(self) -> int:
        """Steps of a pattern."""
        return self.beats_per_bar * self.steps_per_beat
