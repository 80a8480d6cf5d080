"""What one track draws from its genre: everything that is decided before a note is played."""

from __future__ import annotations

from dataclasses import dataclass

from gtzan_lightning.corpus.synthesis.dice import Dice
from gtzan_lightning.corpus.synthesis.drums import DRUMS, Drum
from gtzan_lightning.corpus.synthesis.genres import STYLES
from gtzan_lightning.corpus.synthesis.instruments import INSTRUMENTS
from gtzan_lightning.corpus.synthesis.record import Record
from gtzan_lightning.corpus.synthesis.style import SCALES, Chord, Part, Style
from gtzan_lightning.corpus.synthesis.voices import Voice


@dataclass(frozen=True)
class Player:
    """One part of the band as this track has it."""

    part: Part
    voice: Voice
    patterns: tuple[str, str]  # of verses and intros, of choruses and breaks
    gain_db: float


@dataclass(frozen=True)
class TrackPlan:
    """One track before it is played."""

    style: Style
    tempo_bpm: float
    swing: float
    key_midi: int  # 0 to 11, the key's pitch class
    tuning_cents: float
    scale: tuple[int, ...]
    chords: tuple[Chord, ...]  # one a bar, repeated
    form: str
    drum_patterns: dict[str, str]
    kit: dict[str, Drum]
    drums_gain_db: float
    players: tuple[Player, ...]
    record: Record


def plan_track(seed: int, genre: str, artist: int, number: int) -> TrackPlan:
    """Everything that track `number` of `genre`, played by `artist`, draws."""
    style = STYLES[genre]

    def dice(topic: str) -> Dice:
        return Dice.of(seed, genre, artist, number, topic)

    song, band = dice("song"), dice("band")
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
        kit={name: drum.tuned_by(dice(f"drum {name}")) for name, drum in DRUMS.items()},
        drums_gain_db=band.around(style.drums_gain_db, 2.5, 1.2),
        players=tuple(_player(part, dice(f"part {place}")) for place, part in enumerate(style.parts)),
        record=Record.drawn(style, dice("record")),
    )


def _player(part: Part, dice: Dice) -> Player:
    """The part as an artist plays it on this track."""
    voice = INSTRUMENTS[dice.artist_choice(part.voices)].played_by(dice)
    patterns = (dice.track_choice(part.patterns), dice.track_choice(part.patterns))
    return Player(part, voice, patterns, dice.around(part.gain_db, 3.0, 1.5))
