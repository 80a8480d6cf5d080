"""The sound of one note: two wave tables, a dark one that stays and a bright one that fades."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.synthesis import SAMPLE_RATE_HZ
from gtzan_lightning.corpus.synthesis.dice import Dice

TABLE_SAMPLES = 4_096
MOST_HARMONICS = 256  # reaches Nyquist from 40 Hz up
Formants = tuple[float, ...]


@dataclass(frozen=True)
class Voice:
    """An instrument. Times are time constants."""

    rolloff_db: float  # of the harmonics, per octave
    attack_s: float
    decay_s: float  # of the body, towards `sustain`
    sustain: float  # 0 for struck and plucked strings
    bright_s: float  # of the upper harmonics
    even: float = 1.0  # level of the even harmonics
    vibrato_cents: float = 0.0
    detune_cents: float = 0.0  # between the players of a section; 0 is a soloist
    breath: float = 0.0  # noise against tone
    scoop_cents: float = 0.0  # how far below its pitch a note begins
    formants: tuple[Formants, ...] = ((),)  # vowels or bodies, each its resonances in Hz; notes take turns
    drive: float = 0.0  # gain into the distorting amplifier, 0 for none
    cabinet_hz: float = 0.0  # the loudspeaker's high cut, 0 for none

    def played_by(self, dice: Dice) -> Voice:
        """The same instrument as an artist owns it and a track was recorded with it."""
        size = dice.ratio(1.0, 0.10, 0.04)
        return replace(
            self,
            rolloff_db=dice.around(self.rolloff_db, 1.6, 0.6),
            decay_s=dice.ratio(self.decay_s, 0.3, 0.12),
            bright_s=dice.ratio(self.bright_s, 0.3, 0.12),
            even=self.even * float(np.clip(dice.ratio(1.0, 0.3, 0.1), 0.2, 2.0)),
            vibrato_cents=dice.ratio(self.vibrato_cents, 0.3, 0.2),
            breath=dice.ratio(self.breath, 0.4, 0.2),
            formants=tuple(tuple(hz * size for hz in vowel) for vowel in self.formants),
            drive=dice.ratio(self.drive, 0.35, 0.12),
            cabinet_hz=dice.ratio(self.cabinet_hz, 0.2, 0.06),
        )


def note(voice: Voice, hz: float, samples: int, turn: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """One note of `samples` plus its release, `(samples + release,)`, peak about 1."""
    release = int(0.05 * SAMPLE_RATE_HZ)
    time_s = np.arange(samples + release, dtype=np.float32) / SAMPLE_RATE_HZ
    body = voice.sustain + (1.0 - voice.sustain) * np.exp(-time_s / voice.decay_s)
    envelope = body * (1.0 - np.exp(-time_s / voice.attack_s))
    envelope[samples:] *= np.linspace(1.0, 0.0, release, dtype=np.float32)
    bright = 0.15 + 0.85 * np.exp(-time_s / voice.bright_s)
    formants = voice.formants[turn % len(voice.formants)]
    cents = (0.0,) if voice.detune_cents == 0 else (-voice.detune_cents, voice.detune_cents)
    sound = np.zeros_like(time_s)
    for cent in cents:
        place = _phase(voice, hz * 2.0 ** (cent / 1200), time_s, rng)
        sound += wave_table(voice, hz, formants, dark=True)[place]
        sound += wave_table(voice, hz, formants, dark=False)[place] * bright
    if voice.breath > 0:
        sound += voice.breath * rng.standard_normal(len(time_s), dtype=np.float32)
    return (sound * envelope / len(cents)).astype(np.float32)


def _phase(voice: Voice, hz: float, time_s: NDArray[np.floating], rng: np.random.Generator) -> NDArray[np.int32]:
    """Position in the wave table at each sample, `(samples,)`."""
    rate_hz = rng.uniform(4.8, 6.2)
    bend = voice.vibrato_cents * np.minimum(time_s / 0.3, 1.0) * np.sin(2 * np.pi * rate_hz * time_s)
    bend -= voice.scoop_cents * np.exp(-time_s / 0.06)
    cycles = np.cumsum(hz * (1.0 + bend * (np.log(2.0) / 1200)), dtype=np.float64) / SAMPLE_RATE_HZ + rng.uniform()
    return (cycles % 1.0 * TABLE_SAMPLES).astype(np.int32) % TABLE_SAMPLES


def wave_table(voice: Voice, hz: float, formants: Formants, *, dark: bool) -> NDArray[np.float32]:
    """One period of the tone without aliases, `(TABLE_SAMPLES,)`, of unit energy before resonances."""
    harmonic = np.arange(1, max(1, min(MOST_HARMONICS, int(0.46 * SAMPLE_RATE_HZ / hz))) + 1)
    level = harmonic ** (-(voice.rolloff_db + (6.0 if dark else 0.0)) / 6.02)
    level = np.where(harmonic % 2 == 0, level * voice.even, level)
    level /= np.sqrt(np.sum(level**2))
    if formants:
        level *= _resonance(harmonic * hz, formants)
    spectrum = np.zeros(TABLE_SAMPLES // 2 + 1, dtype=np.complex128)
    # Schroeder's phases keep the peak of the period low.
    spectrum[harmonic] = level * np.exp(1j * np.pi * harmonic**2 / len(harmonic))
    return (np.fft.irfft(spectrum) * TABLE_SAMPLES / 2).astype(np.float32)


def _resonance(hz: NDArray[np.floating], formants: Formants) -> NDArray[np.floating]:
    """Gain at `hz` of a body that resonates at `formants`."""
    gain = np.full(len(hz), 0.12)
    for rank, centre_hz in enumerate(formants):
        gain += (0.9**rank) / (1.0 + ((hz - centre_hz) / (0.12 * centre_hz + 30.0)) ** 2)
    return gain
