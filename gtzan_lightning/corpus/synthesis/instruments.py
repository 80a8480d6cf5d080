"""Sounds of the instruments: notes from wave tables, drum hits from a falling sine and a burst of noise.

A note mixes two wave tables: a dark one, and a bright one that decays faster.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.synthesis import SAMPLE_RATE_HZ
from gtzan_lightning.corpus.synthesis.style import SOUNDS, TrackRng

TABLE_SAMPLES = 4_096
MOST_HARMONICS = 256  # reaches Nyquist from 40 Hz up
Formants = tuple[float, ...]


@dataclass(frozen=True)
class Voice:
    """A pitched instrument. Times are time constants."""

    rolloff_db: float  # of the harmonics, per octave
    attack_s: float
    decay_s: float  # towards `sustain`
    sustain: float  # level that the note decays to; 0 for struck and plucked strings
    bright_s: float  # of the upper harmonics
    even: float = 1.0  # gain of the even harmonics
    vibrato_cents: float = 0.0
    detune_cents: float = 0.0  # between two players; 0 is a single player
    breath: float = 0.0  # level of noise relative to the tone
    scoop_cents: float = 0.0  # how far below its pitch a note starts
    formants: tuple[Formants, ...] = ((),)  # resonances in Hz of each vowel or body; notes alternate
    drive: float = 0.0  # gain before saturation, 0 for no amplifier
    cabinet_hz: float = 0.0  # upper cutoff of the loudspeaker, 0 for none

    def played_by(self, rng: TrackRng) -> Voice:
        """The instrument with deviations of an artist and a track."""
        size = rng.ratio(1.0, 0.10, 0.04)
        return replace(
            self,
            rolloff_db=rng.around(self.rolloff_db, 1.6, 0.6),
            decay_s=rng.ratio(self.decay_s, 0.3, 0.12),
            bright_s=rng.ratio(self.bright_s, 0.3, 0.12),
            even=self.even * float(np.clip(rng.ratio(1.0, 0.3, 0.1), 0.2, 2.0)),
            vibrato_cents=rng.ratio(self.vibrato_cents, 0.3, 0.2),
            breath=rng.ratio(self.breath, 0.4, 0.2),
            formants=tuple(tuple(hz * size for hz in vowel) for vowel in self.formants),
            drive=rng.ratio(self.drive, 0.35, 0.12),
            cabinet_hz=rng.ratio(self.cabinet_hz, 0.2, 0.06),
        )


def note(voice: Voice, hz: float, samples: int, turn: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """One note of `samples` plus a release of 50 ms, `(samples + release,)`, peak about 1."""
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
    """One alias-free period of the tone, `(TABLE_SAMPLES,)`, of unit energy before resonances."""
    harmonic = np.arange(1, max(1, min(MOST_HARMONICS, int(0.46 * SAMPLE_RATE_HZ / hz))) + 1)
    level = harmonic ** (-(voice.rolloff_db + (6.0 if dark else 0.0)) / 6.02)
    level = np.where(harmonic % 2 == 0, level * voice.even, level)
    level /= np.sqrt(np.sum(level**2))
    if formants:
        level *= _resonance(harmonic * hz, formants)
    spectrum = np.zeros(TABLE_SAMPLES // 2 + 1, dtype=np.complex128)
    # Schroeder phases (1970) for a low crest factor.
    spectrum[harmonic] = level * np.exp(1j * np.pi * harmonic**2 / len(harmonic))
    return (np.fft.irfft(spectrum) * TABLE_SAMPLES / 2).astype(np.float32)


def _resonance(hz: NDArray[np.floating], formants: Formants) -> NDArray[np.floating]:
    """Gain at `hz` of resonances at `formants`."""
    gain = np.full(len(hz), 0.12)
    for rank, centre_hz in enumerate(formants):
        gain += (0.9**rank) / (1.0 + ((hz - centre_hz) / (0.12 * centre_hz + 30.0)) ** 2)
    return gain


@dataclass(frozen=True)
class Drum:
    """A drum. Times are time constants."""

    tone_hz: float
    drop: float  # initial frequency as a multiple of `tone_hz`
    tone_s: float
    noise: float  # 0 for a tone only, 1 for noise only
    low_hz: float  # limits of the noise band
    high_hz: float
    noise_s: float
    gain_db: float

    def tuned_by(self, rng: TrackRng) -> Drum:
        """The drum with deviations of an artist and a track."""
        return Drum(
            tone_hz=rng.ratio(self.tone_hz, 0.16, 0.05),
            drop=rng.ratio(self.drop, 0.15, 0.05),
            tone_s=rng.ratio(self.tone_s, 0.35, 0.12),
            noise=float(np.clip(rng.ratio(self.noise, 0.25, 0.1), 0.0, 1.0)),
            low_hz=rng.ratio(self.low_hz, 0.25, 0.08),
            high_hz=min(rng.ratio(self.high_hz, 0.25, 0.08), 10_800.0),
            noise_s=rng.ratio(self.noise_s, 0.35, 0.12),
            gain_db=rng.around(self.gain_db, 2.5, 1.2),
        )


INSTRUMENTS = {name: Voice(**values) for name, values in SOUNDS["voices"].items()}
DRUMS = {name: Drum(**values) for name, values in SOUNDS["drums"].items()}


def hit(drum: Drum, rng: np.random.Generator) -> NDArray[np.float32]:
    """One hit, `(samples,)`, up to a decay of 50 dB."""
    samples = int(5.8 * max(drum.tone_s, drum.noise_s) * SAMPLE_RATE_HZ)
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    hz = drum.tone_hz * (1.0 + (drum.drop - 1.0) * np.exp(-time_s / 0.02))
    tone = np.sin(2 * np.pi * np.cumsum(hz, dtype=np.float64) / SAMPLE_RATE_HZ) * np.exp(-time_s / drum.tone_s)
    burst = band_noise(samples, drum.low_hz, drum.high_hz, rng) * np.exp(-time_s / drum.noise_s)
    sound = (1.0 - drum.noise) * tone + drum.noise * burst
    return (10 ** (drum.gain_db / 20) * sound).astype(np.float32)


def band_noise(samples: int, low_hz: float, high_hz: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Band-pass noise, third-order Butterworth slopes, `(samples,)`, standard deviation 0.5."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)
    spectrum *= 1.0 / np.sqrt((1.0 + (low_hz / np.maximum(hz, 1.0)) ** 6) * (1.0 + (hz / high_hz) ** 6))
    sound = np.fft.irfft(spectrum, samples)
    return (0.5 * sound / max(float(np.std(sound)), 1e-9)).astype(np.float32)
