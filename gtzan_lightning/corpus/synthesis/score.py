"""Score of one track: its random parameters (`plan_track`), and the notes and hits of each bar."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gtzan_lightning.corpus.synthesis.instruments import DRUMS, INSTRUMENTS, Drum, Voice
from gtzan_lightning.corpus.synthesis.style import SCALES, Chord, Part, Style, TrackRng, load_styles

STYLES: dict[str, Style] = load_styles()  # of the ten genres
EQUALISER_HZ = (63.0, 125.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0)
SECTION_S = 7.5  # four sections in a track
SECTION_GAIN_DB = {"i": -4.0, "v": -1.5, "c": 0.0, "b": -5.0}
QUIET_DRUMS = {"i": ("hat", "ride", "shaker", "brush", "kick"), "b": ("kick", "hat", "conga", "brush", "ride")}
TIMING_SD_S = 0.004
MOOD_DB = 3.0  # standard deviation of a part's level between sections
REST_SHARE = 0.12  # probability that a part of RESTING is silent in a bar of a verse or chorus
RESTING = ("chord", "power", "arpeggio", "melody")


@dataclass(frozen=True)
class Record:
    """Room, mastering and medium of one track."""

    room_s: float  # reverberation time
    wet_db: float  # reverberation relative to the direct sound
    damping: float  # additional decay rate of high frequencies, relative to the decay rate
    tilt_db: float  # per octave around 1 kHz
    bands_db: tuple[float, ...]  # at EQUALISER_HZ
    low_cut_hz: float
    high_cut_hz: float
    level_dbfs: float  # RMS before the limiter
    noise_dbfs: float
    hum_hz: float

    @classmethod
    def drawn(cls, style: Style, rng: TrackRng) -> Record:
        """Draws the parameters of one track."""
        return cls(
            room_s=rng.within(*style.room_s, track_share=0.15),
            wet_db=rng.within(*style.wet_db, track_share=0.2),
            damping=rng.ratio(2.0, 0.3, 0.1),
            tilt_db=rng.within(*style.tilt_db, track_share=0.2),
            bands_db=tuple(rng.around(0.0, 2.2, 1.0) for _ in EQUALISER_HZ),
            low_cut_hz=rng.ratio(45.0, 0.35, 0.1),
            high_cut_hz=rng.within(*style.high_cut_hz, track_share=0.15),
            level_dbfs=rng.within(*style.level_dbfs, track_share=0.25),
            noise_dbfs=rng.within(*style.noise_dbfs, track_share=0.15),
            hum_hz=rng.artist_choice((50.0, 60.0)),
        )


@dataclass(frozen=True)
class Player:
    """One part of the band with the voice, patterns and gain of this track."""

    part: Part
    voice: Voice
    patterns: tuple[str, str]  # for intros and verses, for choruses and breaks
    gain_db: float


@dataclass(frozen=True)
class TrackPlan:
    """All parameters of one track."""

    style: Style
    tempo_bpm: float
    swing: float
    key_midi: int  # pitch class of the key, 0 to 11
    tuning_cents: float
    scale: tuple[int, ...]
    chords: tuple[Chord, ...]  # one per bar, repeated
    form: str
    drum_patterns: dict[str, str]
    kit: dict[str, Drum]
    drums_gain_db: float
    players: tuple[Player, ...]
    record: Record


def plan_track(seed: int, genre: str, artist: int, number: int) -> TrackPlan:
    """Draws the parameters of track `number` of `genre`, played by `artist`."""
    style = STYLES[genre]

    def rng(topic: str) -> TrackRng:
        return TrackRng.of(seed, genre, artist, number, topic)

    song, band = rng("song"), rng("band")
    patterns = [band.artist_choice(style.drums), band.artist_choice(style.drums)]
    return TrackPlan(
        style=style,
        tempo_bpm=song.within(*style.tempo_bpm, track_share=0.25),
        swing=song.within(*style.swing, track_share=0.2),
        key_midi=int(song.track.integers(12)),
        tuning_cents=song.around(0.0, 12.0, 12.0),
        scale=SCALES[song.track_choice(style.scales)],
        chords=song.track_choice(style.progressions),
        form=song.track_choice(style.forms),
        drum_patterns=band.track_choice(patterns),
        kit={name: drum.tuned_by(rng(f"drum {name}")) for name, drum in DRUMS.items()},
        drums_gain_db=band.around(style.drums_gain_db, 2.5, 1.2),
        players=tuple(_player(part, rng(f"part {place}")) for place, part in enumerate(style.parts)),
        record=Record.drawn(style, rng("record")),
    )


def _player(part: Part, rng: TrackRng) -> Player:
    """Draws voice, patterns and gain of one part."""
    voice = INSTRUMENTS[rng.artist_choice(part.voices)].played_by(rng)
    patterns = (rng.track_choice(part.patterns), rng.track_choice(part.patterns))
    return Player(part, voice, patterns, rng.around(part.gain_db, 3.0, 1.5))


@dataclass(frozen=True)
class Bar:
    """One bar of the track."""

    index: int
    start_s: float
    step_s: float
    section: str  # letter as in `Style.forms`
    first: bool  # of its section
    last: bool  # of its section


@dataclass(frozen=True)
class Event:
    """One note, chord or hit."""

    start_s: float
    duration_s: float
    pitches: tuple[int, ...]  # MIDI numbers; empty for a drum
    gain_db: float
    turn: int  # counts the notes of a part; selects the vowel


def bars(plan: TrackPlan, duration_s: float) -> Iterator[Bar]:
    """The bars of a track of `duration_s`; the track may end within the last one."""
    step_s = 60.0 / plan.tempo_bpm / plan.style.steps_per_beat
    bar_s = step_s * plan.style.steps_per_bar
    per_section = max(2, round(SECTION_S / bar_s))
    for index in range(int(np.ceil(duration_s / bar_s))):
        place = index % per_section
        section = plan.form[index // per_section % len(plan.form)]
        yield Bar(index, index * bar_s, step_s, section, place == 0, place == per_section - 1)


def section_gain_db(plan: TrackPlan, bar: Bar) -> float:
    """Gain of a bar; the last bar of a section is 1 dB louder."""
    return plan.style.dynamics * SECTION_GAIN_DB[bar.section] + (1.0 if bar.last else 0.0)


def drum_events(plan: TrackPlan, bar: Bar, rng: np.random.Generator) -> Iterator[tuple[str, Event]]:
    """The hits of one bar: the pattern, a fill at the end of a section, a crash at the beginning of a chorus."""
    if not plan.drum_patterns:
        return
    steps = plan.style.steps_per_bar
    fill_from = steps * 3 // 4 if bar.last else steps
    for drum, pattern in plan.drum_patterns.items():
        if drum in QUIET_DRUMS.get(bar.section, (drum,)):
            for step in range(fill_from):
                if pattern[step] != ".":
                    yield drum, _hit(plan, bar, step, 2.0 if pattern[step] == "X" else 0.0, rng)
    for step in range(fill_from, steps):
        yield ("tom" if rng.uniform() < 0.6 else "snare"), _hit(plan, bar, step, -2.0, rng)
    if bar.first and bar.section == "c":
        yield "crash", _hit(plan, bar, 0, 0.0, rng)


def _hit(plan: TrackPlan, bar: Bar, step: int, accent_db: float, rng: np.random.Generator) -> Event:
    gain_db = plan.drums_gain_db + section_gain_db(plan, bar) + accent_db + rng.normal(0.0, 1.2)
    return Event(_time_s(plan, bar, step, rng), 0.0, (), gain_db, 0)


def part_events(
    plan: TrackPlan, player: Player, bar: Bar, melody: Melody, mood_db: float, rng: np.random.Generator
) -> Iterator[Event]:
    """The notes of one part in one bar; `mood_db` is a gain."""
    rests = player.part.kind in RESTING and bar.section in "vc" and rng.uniform() < REST_SHARE
    if rests or bar.section not in player.part.sections:
        return
    onsets = note_steps(player.patterns[bar.section in "cb"])
    chord = plan.chords[bar.index % len(plan.chords)]
    pitches = part_pitches(player.part, chord, plan.key_midi, [step for step, _, _ in onsets], melody, bar.section)
    for turn, ((step, length, accent_db), notes) in enumerate(zip(onsets, pitches, strict=True)):
        gain_db = section_gain_db(plan, bar) + mood_db + accent_db + rng.normal(0.0, 1.0)
        yield Event(_time_s(plan, bar, step, rng), 0.95 * length * bar.step_s, notes, gain_db, turn + bar.index)


def note_steps(pattern: str) -> list[tuple[int, int, float]]:
    """First step, length in steps and accent in dB of each note of a pattern."""
    found = []
    for step, mark in enumerate(pattern):
        if mark in "xX":
            length = 1 + len(pattern[step + 1 :]) - len(pattern[step + 1 :].lstrip("-"))
            found.append((step, length, 2.0 if mark == "X" else 0.0))
    return found


def _time_s(plan: TrackPlan, bar: Bar, step: int, rng: np.random.Generator) -> float:
    swing = plan.swing * (step % 2)
    return max(0.0, bar.start_s + (step + swing) * bar.step_s + TIMING_SD_S * rng.standard_normal())


class Melody:
    """A melody over a scale: each section has a motif, which is repeated whenever the section recurs."""

    def __init__(self, scale: Sequence[int], rng: np.random.Generator) -> None:
        self._scale = scale
        self._motifs = {section: rng.integers(-2, 3, size=16).cumsum() for section in "ivcb"}

    def note(self, section: str, place: int, chord: Chord) -> int:
        """Semitones above the key of the motif's note at `place`; the first note is a note of the chord."""
        if place == 0:
            return chord.root + chord.intervals[int(self._motifs[section][0]) % len(chord.intervals)]
        octave, degree = divmod(int(self._motifs[section][place % 16]), len(self._scale))
        return self._scale[degree] + 12 * int(np.clip(octave, -1, 1))


def part_pitches(
    part: Part, chord: Chord, key: int, steps: Sequence[int], melody: Melody, section: str
) -> list[tuple[int, ...]]:
    """MIDI numbers of the notes that start on `steps`, one tuple per step."""
    root = _in_octave(key + chord.root, part.lowest_midi)
    notes = [_in_octave(key + chord.root + interval, part.lowest_midi) for interval in chord.intervals]
    fifth = root + chord.intervals[min(2, len(chord.intervals) - 1)] % 12
    if part.kind == "chord":
        return [tuple(sorted(notes))] * len(steps)
    if part.kind == "power":
        return [(root, root + 7, root + 12)] * len(steps)
    if part.kind == "melody":
        return [(_melody_note(part, key, melody.note(section, step, chord)),) for step in steps]
    cycle = {
        "root": (root,),
        "alternate": (root, fifth),
        "octave": (root, root + 12),
        "walk": (root, root + chord.intervals[1] % 12, fifth, root + 10),
        "arpeggio": (*sorted(notes), min(notes) + 12),
    }[part.kind]
    return [(cycle[place % len(cycle)],) for place in range(len(steps))]


def _in_octave(pitch: int, lowest_midi: int) -> int:
    """The note of pitch class `pitch` in the octave above `lowest_midi`."""
    return lowest_midi + (pitch - lowest_midi) % 12


def _melody_note(part: Part, key: int, semitones: int) -> int:
    """The note in the two octaves above 5 semitones below the part's lowest note."""
    return _in_octave(key, part.lowest_midi - 5) + semitones % 12 + 12 * (semitones > 11)
