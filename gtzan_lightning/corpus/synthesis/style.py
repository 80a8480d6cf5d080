"""Parameters of a genre, artists of a genre's tracks, and platform-independent random draws.

A draw has a component that all tracks of an artist share and one of the track itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import yaml

T = TypeVar("T")

PartKind = Literal["root", "alternate", "octave", "walk", "chord", "power", "arpeggio", "melody"]


def _table(name: str) -> dict[str, Any]:
    """A table beside this module; lists become tuples."""
    table: dict[str, Any] = _frozen(yaml.safe_load(Path(__file__).with_name(name).read_text(encoding="utf-8")))
    return table


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(each) for key, each in value.items()}
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


SOUNDS = _table("sounds.yaml")
SCALES: dict[str, tuple[int, ...]] = SOUNDS["scales"]
CHORDS: dict[str, tuple[int, ...]] = SOUNDS["chords"]


@dataclass(frozen=True)
class Chord:
    """A chord: its root in semitones above the key, and its notes in semitones above the root."""

    root: int
    intervals: tuple[int, ...]


def progression(text: str) -> tuple[Chord, ...]:
    """Parses chords, one per bar: `"0:maj 5:maj 7:7"` is I, IV, V7."""
    pairs = (word.split(":") for word in text.split())
    return tuple(Chord(int(root), CHORDS[quality]) for root, quality in pairs)


@dataclass(frozen=True)
class Part:
    """One instrument of the band.

    A pattern is one bar with one character per step: `x` starts a note, `X` an accented note, `-` holds, `.` rests.
    """

    kind: PartKind
    voices: tuple[str, ...]  # options, chosen per artist
    patterns: tuple[str, ...]  # options, two chosen per track: for verses and for choruses
    lowest_midi: int  # lowest note of the octave that chords are placed in
    gain_db: float
    sections: str = "ivcb"  # the part plays in: i(ntro), v(erse), c(horus), b(reak)


@dataclass(frozen=True)
class Style:
    """A genre: ranges `(low, high)` and options that its tracks are drawn from."""

    tempo_bpm: tuple[float, float]
    beats_per_bar: int
    steps_per_beat: int
    swing: tuple[float, float]  # delay of every second step, in steps
    scales: tuple[str, ...]  # of melodies, names in SCALES
    progressions: tuple[tuple[Chord, ...], ...]
    forms: tuple[str, ...]  # four sections, letters as in `Part.sections`
    drums: tuple[dict[str, str], ...]  # pattern of each drum; two chosen per artist, one of them per track
    drums_gain_db: float
    parts: tuple[Part, ...]
    room_s: tuple[float, float]  # reverberation time
    wet_db: tuple[float, float]  # reverberation relative to the direct sound
    tilt_db: tuple[float, float]  # of the mastering, per octave around 1 kHz
    high_cut_hz: tuple[float, float]
    level_dbfs: tuple[float, float]
    noise_dbfs: tuple[float, float]
    dynamics: float  # scales the level differences between sections

    @property
    def steps_per_bar(self) -> int:
        """Length of a pattern."""
        return self.beats_per_bar * self.steps_per_beat


def load_styles() -> dict[str, Style]:
    """The ten genres of `genre_styles.yaml`, by name."""
    return {genre: _style(**table) for genre, table in _table("genre_styles.yaml").items()}


def _style(parts: Sequence[dict[str, Any]], progressions: Sequence[str], **others: Any) -> Style:
    return Style(
        parts=tuple(Part(**each) for each in parts), progressions=tuple(map(progression, progressions)), **others
    )


# Calibrated so that the accuracy of an RBF SVM on 3-s windows drops from a window to a track to an artist split about
# as much as on GTZAN.
ARTIST_SPREAD = 0.8  # scales the deviations between artists of a genre
TRACK_SPREAD = 1.4  # scales the deviations between tracks of an artist
TRACKS_PER_ARTIST = 2.4  # on average: five artists for twelve tracks


def generator(seed: int, *keys: str | int) -> np.random.Generator:
    """The random generator of `seed` and `keys`, independent of those of other keys."""
    digest = hashlib.sha256("/".join(str(key) for key in (seed, *keys)).encode()).digest()
    words = [int.from_bytes(digest[at : at + 4], "little") for at in range(0, 32, 4)]
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(words)))


@dataclass(frozen=True)
class TrackRng:
    """Random generators of an artist, the same for all of the artist's tracks, and of one track."""

    artist: np.random.Generator
    track: np.random.Generator

    @classmethod
    def of(cls, seed: int, genre: str, artist: int, number: int, topic: str) -> TrackRng:
        """The generators of one topic (kit, room, ...); more draws in one topic do not change the others."""
        return cls(generator(seed, genre, "artist", artist, topic), generator(seed, genre, "track", number, topic))

    def around(self, value: float, artist_sd: float, track_sd: float) -> float:
        """`value` plus normal deviations of the artist and of the track."""
        deviation = ARTIST_SPREAD * artist_sd * self.artist.standard_normal()
        return float(value + deviation + TRACK_SPREAD * track_sd * self.track.standard_normal())

    def ratio(self, value: float, artist_sd: float, track_sd: float) -> float:
        """`value` times log-normal factors of the artist and of the track."""
        return float(value * np.exp(self.around(0.0, artist_sd, track_sd)))

    def within(self, low: float, high: float, track_share: float) -> float:
        """A uniform value of the artist plus a uniform deviation of the track, reflected at the limits."""
        value = self.artist.uniform(low, high)
        value += TRACK_SPREAD * track_share * (high - low) * self.track.uniform(-1.0, 1.0)
        folded = 2 * low - value if value < low else 2 * high - value if value > high else value
        return float(np.clip(folded, low, high))

    def artist_choice(self, options: Sequence[T]) -> T:
        """One of `options`, the same for all tracks of the artist."""
        return options[int(self.artist.integers(len(options)))]

    def track_choice(self, options: Sequence[T]) -> T:
        """One of `options`, drawn for this track."""
        return options[int(self.track.integers(len(options)))]


def artist_sizes(tracks: int) -> list[int]:
    """Number of tracks of each artist of a genre: 3, 3, 2, 2, 2 for 12 tracks."""
    artists = max(1, round(tracks / TRACKS_PER_ARTIST))
    base, more = divmod(tracks, artists)
    return [base + (index < more) for index in range(artists)]


def artist_of_tracks(tracks: int) -> list[int]:
    """Artist number of each track of a genre, `(tracks,)`."""
    return [artist for artist, size in enumerate(artist_sizes(tracks)) for _ in range(size)]
