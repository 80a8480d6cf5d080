"""The room that a track was recorded in, and how the record was mastered."""

from __future__ import annotations

from dataclasses import dataclass

from gtzan_lightning.corpus.synthesis.dice import Dice
from gtzan_lightning.corpus.synthesis.style import Style

EQUALISER_HZ = (63.0, 125.0, 250.0, 500.0, 1_000.0, 2_000.0, 4_000.0, 8_000.0)


@dataclass(frozen=True)
class Record:
    """Room, mastering and medium of one track."""

    room_s: float  # reverberation time
    wet_db: float  # reverberation against the direct sound
    damping: float  # how much faster the highs fade in the room
    tilt_db: float  # per octave around 1 kHz
    bands_db: tuple[float, ...]  # at EQUALISER_HZ
    low_cut_hz: float
    high_cut_hz: float
    level_dbfs: float  # root mean square before the limiter
    noise_dbfs: float
    hum_hz: float

    @classmethod
    def drawn(cls, style: Style, dice: Dice) -> Record:
        """The record of one track: the artist's usual sound, and how far this track leaves it."""
        return cls(
            room_s=dice.within(*style.room_s, track_share=0.15),
            wet_db=dice.within(*style.wet_db, track_share=0.2),
            damping=dice.ratio(2.0, 0.3, 0.1),
            tilt_db=dice.within(*style.tilt_db, track_share=0.2),
            bands_db=tuple(dice.around(0.0, 2.2, 1.0) for _ in EQUALISER_HZ),
            low_cut_hz=dice.ratio(45.0, 0.35, 0.1),
            high_cut_hz=dice.within(*style.high_cut_hz, track_share=0.15),
            level_dbfs=dice.within(*style.level_dbfs, track_share=0.25),
            noise_dbfs=dice.within(*style.noise_dbfs, track_share=0.15),
            hum_hz=dice.artist_choice((50.0, 60.0)),
        )
