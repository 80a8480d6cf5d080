"""From dry sound to a record: room, equaliser, noise, level and limiter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gtzan_lightning.corpus.synthesis import SAMPLE_RATE_HZ
from gtzan_lightning.corpus.synthesis.record import EQUALISER_HZ, Record

REFLECTIONS = 9


def amplifier(sound: NDArray[np.float32], drive: float) -> NDArray[np.float32]:
    """A distorting amplifier, `(samples,)`: `drive` is the gain before saturation."""
    return np.tanh(np.float32(drive) * sound) / np.float32(max(drive, 1.0) ** 0.25)


def loudspeaker(hz: NDArray[np.float32], cabinet_hz: float) -> NDArray[np.float32]:
    """Gain at `hz` of a guitar cabinet."""
    cuts = (1.0 + (hz / cabinet_hz) ** 8) * (1.0 + (80.0 / np.maximum(hz, 1.0)) ** 4)
    return (1.0 / np.sqrt(cuts)).astype(np.float32)


def equaliser(record: Record, hz: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gain at `hz` of the mastering."""
    octaves = np.log2(np.clip(hz, 30.0, 11_000.0) / 1_000.0)
    gain_db = record.tilt_db * octaves + np.interp(octaves, np.log2(np.array(EQUALISER_HZ) / 1_000.0), record.bands_db)
    cuts = (1.0 + (record.low_cut_hz / np.maximum(hz, 1.0)) ** 4) * (1.0 + (hz / record.high_cut_hz) ** 12)
    return (10 ** (gain_db / 20) / np.sqrt(cuts)).astype(np.float32)


def room(record: Record, rng: np.random.Generator) -> NDArray[np.float32]:
    """Impulse response of the room, `(samples,)`: direct sound, early reflections, a tail whose highs fade first."""
    samples = int(min(record.room_s * 1.1, 2.2) * SAMPLE_RATE_HZ)
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    decay = 6.9 / record.room_s  # falls by 60 dB in room_s
    noise = rng.standard_normal(samples, dtype=np.float32)
    dull = np.convolve(noise, np.full(8, 0.35, dtype=np.float32), mode="same")
    tail = dull * np.exp(-decay * time_s) + noise * np.exp(-decay * (1.0 + record.damping) * time_s)
    tail[: int(0.012 * SAMPLE_RATE_HZ)] = 0.0
    early = (rng.uniform(0.004, 0.05, REFLECTIONS) * SAMPLE_RATE_HZ).astype(int) % samples
    response = tail / np.sqrt(np.sum(tail**2))
    response[early] += 0.25 * rng.choice((-1.0, 1.0), REFLECTIONS)
    response *= 10 ** (record.wet_db / 20)
    response[0] = 1.0
    return response.astype(np.float32)


def master(
    spectrum: NDArray[np.complex64], record: Record, samples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The finished record, `(samples,)`, peak below 1, from the spectrum of the dry mix."""
    size = 2 * (len(spectrum) - 1)
    hz = fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ).astype(np.float32)
    spectrum = spectrum * fft.rfft(room(record, rng), size) * equaliser(record, hz)
    sound = fft.irfft(spectrum, size)[:samples]
    sound *= 10 ** (record.level_dbfs / 20) / max(float(np.sqrt(np.mean(sound**2))), 1e-9)
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    hum = 0.5 * np.sin(2 * np.pi * record.hum_hz * time_s)
    sound += 10 ** (record.noise_dbfs / 20) * (rng.standard_normal(samples, dtype=np.float32) + hum)
    return (0.98 * np.tanh(sound)).astype(np.float32)
