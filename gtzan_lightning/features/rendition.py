"""What a rendition is: a track that sounds a little different. Light: who only asks the cache imports no filters."""

from __future__ import annotations

from dataclasses import asdict, dataclass

RENDERER_VERSION = 1  # part of the cache key of every rendition: raise it when the same settings give another sound


@dataclass(frozen=True)
class Waveform:
    """How far a rendition may be from its original; 0 (or None for noise) leaves that change out."""

    gain_db: float = 0.0  # louder or softer, up to so much
    pitch_semitones: float = 0.0  # higher or lower, up to so much
    stretch: float = 0.0  # faster or slower: a tempo of 1 / (1 + stretch) to 1 + stretch times the original's
    noise_snr_db: float | None = None  # white noise: the signal is so far above it, or up to 20 dB farther
    reverb_s: float = 0.0  # convolved with the impulse response of a room; the longest time to decay by 60 dB

    @property
    def changes_pitch_or_tempo(self) -> bool:
        """Whether the optional library is needed."""
        return bool(self.pitch_semitones or self.stretch)


@dataclass(frozen=True)
class Rendition:
    """One rendition of every track that it is asked of; what it draws also depends on the content of the track's file.

    The draws do not depend on the settings: with doubled settings the same rendition goes twice as far.
    """

    number: int  # 1, 2, ...
    seed: int
    waveform: Waveform

    def identity(self) -> dict[str, object]:
        """Everything that can change the sound, for cache keys."""
        return {"renderer": RENDERER_VERSION, **asdict(self)}
