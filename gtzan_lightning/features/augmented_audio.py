"""Waveform augmentation: pitch and tempo, reverberation, noise and gain, determined by the arguments alone."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from gtzan_lightning.features.feature_request import AugmentedCopy

NOISE_RANGE_DB = 20.0  # from the lowest signal-to-noise ratio to the highest
REVERB_RANGE_DB = (3.0, 15.0)  # direct-to-reverberant energy ratio
SHORTEST_REVERB = 0.25  # relative to the longest reverberation time

Signal = NDArray[np.float32]
"""`(samples,)`, mono."""


def rendered(signal: Signal, rate_hz: int, augmented_copy: AugmentedCopy, content_sha256: str) -> Signal:
    """An augmented copy of a signal, of the same length: cut if it became longer, repeated if it became shorter.

    Args:
        signal: `(samples,)`, mono.
        rate_hz: Its sampling rate.
        augmented_copy: Number, seed and strengths of the copy.
        content_sha256: Hash of the file, part of the seed: identical files have identical copies.
    """
    random = np.random.default_rng(_seed(augmented_copy, content_sha256))
    # Everything is drawn, used or not: switching one augmentation on leaves the others unchanged.
    semitones, tempo, gain = random.uniform(-1, 1, size=3)
    softness, reverb, distance = random.uniform(0, 1, size=3)
    room_rng, noise_rng = random.spawn(2)
    settings = augmented_copy.waveform
    sound = signal
    if settings.changes_pitch_or_tempo:
        sound = np.resize(
            stretched(signal, rate_hz, semitones * settings.pitch_semitones, (1 + settings.stretch) ** tempo),
            len(signal),
        )
    if settings.reverb_s:
        decay_s = settings.reverb_s * (SHORTEST_REVERB + (1 - SHORTEST_REVERB) * reverb)
        response = impulse_response(decay_s, rate_hz, np.interp(distance, (0, 1), REVERB_RANGE_DB), room_rng)
        sound = fftconvolve(sound, response)[: len(signal)]
    if settings.noise_snr_db is not None:
        sound = with_noise(sound, settings.noise_snr_db + NOISE_RANGE_DB * softness, noise_rng)
    return np.ascontiguousarray(sound * 10 ** (gain * settings.gain_db / 20), dtype=np.float32)


def stretched(signal: Signal, rate_hz: int, semitones: float, tempo: float) -> Signal:
    """Changes pitch and tempo independently, by the Signalsmith Stretch library: `(samples / tempo,)`."""
    from python_stretch import Signalsmith  # optional dependency

    stretch: Any = Signalsmith.Stretch(0)  # the seed has an effect only for a tempo below 0.5
    stretch.preset(1, rate_hz)
    stretch.setTransposeSemitones(semitones)
    stretch.timeFactor = tempo
    result: Signal = stretch.process(np.array(signal, np.float32, ndmin=2))[
        0
    ]  # a copy, since the input must be writable
    return result


def impulse_response(
    decay_s: float, rate_hz: int, direct_to_reverberant_db: float, random: np.random.Generator
) -> NDArray[np.float64]:
    """Impulse response of a room: direct sound, then noise that decays by 60 dB in `decay_s` (Polack 1988)."""
    time_s = np.arange(1, max(2, round(decay_s * rate_hz))) / rate_hz
    tail = random.normal(size=len(time_s)) * 10 ** (-3 * time_s / decay_s)
    tail *= 10 ** (-direct_to_reverberant_db / 20) / np.sqrt(np.square(tail).sum())
    return np.concatenate([[1.0], tail])


def with_noise(signal: NDArray[np.floating], snr_db: float, random: np.random.Generator) -> NDArray[np.floating]:
    """Adds white noise, `snr_db` below the level of the signal."""
    level = np.sqrt(np.square(signal, dtype=np.float64).mean())
    return signal + level * 10 ** (-snr_db / 20) * random.normal(size=len(signal))


def _seed(augmented_copy: AugmentedCopy, content_sha256: str) -> int:
    text = f"{content_sha256} {augmented_copy.number} {augmented_copy.seed}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
