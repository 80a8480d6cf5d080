"""Which notes a part plays over a chord."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gtzan_lightning.corpus.synthesis.style import Chord, Part


class Melody:
    """A tune over a scale: each section has its own motif, which returns with the section."""

    def __init__(self, scale: Sequence[int], rng: np.random.Generator) -> None:
        self._scale = scale
        self._motifs = {section: rng.integers(-2, 3, size=16).cumsum() for section in "ivcb"}

    def note(self, section: str, place: int, chord: Chord) -> int:
        """Semitones above the key of the motif's note at `place`; notes on the first place belong to the chord."""
        if place == 0:
            return chord.root + chord.intervals[int(self._motifs[section][0]) % len(chord.intervals)]
        octave, degree = divmod(int(self._motifs[section][place % 16]), len(self._scale))
        return self._scale[degree] + 12 * int(np.clip(octave, -1, 1))


def part_pitches(
    part: Part, chord: Chord, key: int, steps: Sequence[int], melody: Melody, section: str
) -> list[tuple[int, ...]]:
    """MIDI numbers of the notes that begin on `steps`, one tuple a step."""
    root = laid(key + chord.root, part.lowest_midi)
    notes = [laid(key + chord.root + interval, part.lowest_midi) for interval in chord.intervals]
    fifth = root + chord.intervals[min(2, len(chord.intervals) - 1)] % 12
    if part.kind == "chord":
        return [tuple(sorted(notes))] * len(steps)
    if part.kind == "power":
        return [(root, root + 7, root + 12)] * len(steps)
    if part.kind == "melody":
        return [(_sung(part, key, melody.note(section, step, chord)),) for step in steps]
    cycle = {
        "root": (root,),
        "alternate": (root, fifth),
        "octave": (root, root + 12),
        "walk": (root, root + chord.intervals[1] % 12, fifth, root + 10),
        "arpeggio": (*sorted(notes), min(notes) + 12),
    }[part.kind]
    return [(cycle[place % len(cycle)],) for place in range(len(steps))]


def laid(pitch: int, lowest_midi: int) -> int:
    """The note of pitch class `pitch` in the octave above `lowest_midi`."""
    return lowest_midi + (pitch - lowest_midi) % 12


def _sung(part: Part, key: int, semitones: int) -> int:
    """A melody's note in the two octaves around the part's register; what lies below them is raised."""
    return laid(key, part.lowest_midi - 5) + semitones % 12 + 12 * (semitones > 11)
