"""From a signal to a augmented_copy of it: pitch and tempo, a room, noise, gain; a function of its arguments alone."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from gtzan_lightning.features.feature_request import AugmentedCopy

NOISE_RANGE_DB = 20.0  # from the loudest noise to the softest
REVERB_RANGE_DB = (3.0, 15.0)  # energy of the direct sound above that of the room
SHORTEST_REVERB = 0.25  # of the longest

Signal = NDArray[np.float32]
"""`(samples,)`, mono."""


def rendered(signal: Signal, rate_hz: int, augmented_copy: AugmentedCopy, content_sha256: str) -> Signal:
    """A augmented_copy of a signal, of the same length: cut where it became longer, begun again where it became shorter.

    Args:
        signal: `(samples,)`, mono.
        rate_hz: its sampling rate.
        augmented_copy: which one, and how far it may go.
        content_sha256: of the file: two copies of a file have the same augmented_copies.
    """
    random = np.random.default_rng(_seed(augmented_copy, content_sha256))
    # All draws come first, whatever is asked for: a change that is switched on leaves the others as they were.
    semitones, tempo, gain = random.uniform(-1, 1, size=3)
    softness, reverb, distance = random.uniform(0, 1, size=3)
    room, noise = random.spawn(2)
    settings = augmented_copy.waveform
    sound = signal
    if settings.changes_pitch_or_tempo:
        sound = np.resize(
            stretched(signal, rate_hz, semitones * settings.pitch_semitones, (1 + settings.stretch) ** tempo),
            len(signal),
        )
    if settings.reverb_s:
        decay_s = settings.reverb_s * (SHORTEST_REVERB + (1 - SHORTEST_REVERB) * reverb)
        response = impulse_response(decay_s, rate_hz, np.interp(distance, (0, 1), REVERB_RANGE_DB), room)
        sound = fftconvolve(sound, response)[: len(signal)]
    if settings.noise_snr_db is not None:
        sound = with_noise(sound, settings.noise_snr_db + NOISE_RANGE_DB * softness, noise)
    return np.ascontiguousarray(sound * 10 ** (gain * settings.gain_db / 20), dtype=np.float32)


def stretched(signal: Signal, rate_hz: int, semitones: float, tempo: float) -> Signal:
    """Pitch and tempo changed apart from each other, by the Signalsmith Stretch library; `(samples / tempo,)`."""
    from python_stretch import Signalsmith  # optional: who changes neither can do without it

    stretch: Any = Signalsmith.Stretch(0)  # the seed matters for a tempo below a half only
    stretch.preset(1, rate_hz)
    stretch.setTransposeSemitones(semitones)
    stretch.timeFactor = tempo
    result: Signal = stretch.process(np.array(signal, np.float32, ndmin=2))[0]  # a copy: it must be writable
    return result


def impulse_response(
    decay_s: float, rate_hz: int, direct_above_room_db: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Of a made-up room: the direct sound, then noise that falls by 60 dB in `decay_s` (Polack 1988)."""
    time_s = np.arange(1, max(2, round(decay_s * rate_hz))) / rate_hz
    tail = random.normal(size=len(time_s)) * 10 ** (-3 * time_s / decay_s)
    tail *= 10 ** (-direct_above_room_db / 20) / np.sqrt(np.square(tail).sum())
    return np.concatenate([[1.0], tail])


def with_noise(signal: NDArray[np.floating], snr_db: float, random: np.random.Generator) -> NDArray[np.floating]:
    """White noise added, `snr_db` below the signal's own level."""
    level = np.sqrt(np.square(signal, dtype=np.float64).mean())
    return signal + level * 10 ** (-snr_db / 20) * random.normal(size=len(signal))


def _seed(augmented_copy: AugmentedCopy, content_sha256: str) -> int:
    text = f"{content_sha256} {augmented_copy.number} {augmented_copy.seed}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
