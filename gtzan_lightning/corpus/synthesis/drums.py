"""The sound of one hit: a falling tone and a burst of noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.synthesis import SAMPLE_RATE_HZ
from gtzan_lightning.corpus.synthesis.dice import Dice


@dataclass(frozen=True)
class Drum:
    """A drum. Times are time constants."""

    tone_hz: float
    drop: float  # how many times higher the tone begins
    tone_s: float
    noise: float  # level against the tone: 0 a tone only, 1 noise only
    low_hz: float  # band of the noise
    high_hz: float
    noise_s: float
    gain_db: float

    def tuned_by(self, dice: Dice) -> Drum:
        """The same drum in an artist's kit, as microphones took it on a track."""
        return Drum(
            tone_hz=dice.ratio(self.tone_hz, 0.16, 0.05),
            drop=dice.ratio(self.drop, 0.15, 0.05),
            tone_s=dice.ratio(self.tone_s, 0.35, 0.12),
            noise=float(np.clip(dice.ratio(self.noise, 0.25, 0.1), 0.0, 1.0)),
            low_hz=dice.ratio(self.low_hz, 0.25, 0.08),
            high_hz=min(dice.ratio(self.high_hz, 0.25, 0.08), 10_800.0),
            noise_s=dice.ratio(self.noise_s, 0.35, 0.12),
            gain_db=dice.around(self.gain_db, 2.5, 1.2),
        )


#                      tone  drop  tone_s noise  low     high     noise_s gain
DRUMS: dict[str, Drum] = {
    "kick": Drum(52.0, 3.5, 0.14, 0.12, 800.0, 4_500.0, 0.012, 0.0),
    "snare": Drum(185.0, 1.4, 0.07, 0.70, 900.0, 8_000.0, 0.09, -3.0),
    "rim": Drum(1_650.0, 1.1, 0.015, 0.35, 1_500.0, 6_000.0, 0.01, -9.0),
    "clap": Drum(400.0, 1.0, 0.01, 0.95, 800.0, 5_500.0, 0.10, -5.0),
    "hat": Drum(6_000.0, 1.0, 0.01, 0.98, 6_000.0, 10_800.0, 0.025, -13.0),
    "open": Drum(6_000.0, 1.0, 0.05, 0.98, 5_500.0, 10_800.0, 0.13, -13.0),
    "ride": Drum(4_200.0, 1.0, 0.20, 0.80, 4_000.0, 10_500.0, 0.30, -15.0),
    "crash": Drum(3_000.0, 1.0, 0.30, 0.97, 2_500.0, 10_800.0, 0.70, -12.0),
    "tom": Drum(105.0, 1.6, 0.20, 0.15, 400.0, 4_000.0, 0.04, -4.0),
    "conga": Drum(240.0, 1.2, 0.09, 0.15, 800.0, 4_000.0, 0.02, -9.0),
    "shaker": Drum(6_000.0, 1.0, 0.01, 1.00, 4_500.0, 10_500.0, 0.04, -16.0),
    "brush": Drum(220.0, 1.0, 0.02, 0.95, 1_500.0, 8_500.0, 0.12, -13.0),
}


def hit(drum: Drum, rng: np.random.Generator) -> NDArray[np.float32]:
    """One hit, `(samples,)`, until it has fallen by 50 dB."""
    samples = int(5.8 * max(drum.tone_s, drum.noise_s) * SAMPLE_RATE_HZ)
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    hz = drum.tone_hz * (1.0 + (drum.drop - 1.0) * np.exp(-time_s / 0.02))
    tone = np.sin(2 * np.pi * np.cumsum(hz, dtype=np.float64) / SAMPLE_RATE_HZ) * np.exp(-time_s / drum.tone_s)
    burst = band_noise(samples, drum.low_hz, drum.high_hz, rng) * np.exp(-time_s / drum.noise_s)
    sound = (1.0 - drum.noise) * tone + drum.noise * burst
    return (10 ** (drum.gain_db / 20) * sound).astype(np.float32)


def band_noise(samples: int, low_hz: float, high_hz: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise between two frequencies with soft edges, `(samples,)`, deviation about 0.5."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    hz = np.fft.rfftfreq(samples, 1 / SAMPLE_RATE_HZ)
    spectrum *= 1.0 / np.sqrt((1.0 + (low_hz / np.maximum(hz, 1.0)) ** 6) * (1.0 + (hz / high_hz) ** 6))
    sound = np.fft.irfft(spectrum, samples)
    return (0.5 * sound / max(float(np.std(sound)), 1e-9)).astype(np.float32)
