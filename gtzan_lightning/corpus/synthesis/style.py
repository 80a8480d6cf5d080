"""What a genre is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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
