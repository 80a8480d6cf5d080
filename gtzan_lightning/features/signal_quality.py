"""What a file sounds like before any feature: length, level, silence, and how high its sound reaches."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from gtzan_lightning.features.audio_reading import Reading, read_audio
from gtzan_lightning.features.feature_cache import FileCache, content_hash, key_of
from gtzan_lightning.features.feature_request import Analysis

VERSION = 2  # part of the cache key: raise it when a number that is computed here changes
BLOCK_S = 0.1
SILENCE_DBFS = -60.0  # a block below it is silent: a thousandth of full scale
FULL_SCALE = 0.999
FRAME_SAMPLES = 2048
FRAME_STEP = 4  # for the bandwidth: every fourth frame tells as much
BAND_FLOOR_DB = -70.0  # below the loudest frequency: what lies lower is noise, or the slope of a filter
TINY = 1e-12


@dataclass(frozen=True)
class SignalQuality:
    """What can be said of a file without a model."""

    duration_s: float
    level_dbfs: float  # root mean square; 0 is full scale
    clipped_share: float  # of the samples: at full scale
    silent_share: float  # of the blocks of 0.1 s: below -60 dBFS
    bandwidth_hz: float  # the highest frequency less than 70 dB below the loudest, on the average over time


def measure(signal: NDArray[np.float32], rate_hz: int) -> SignalQuality:
    """The sound of a mono signal `(samples,)`."""
    swings = signal - signal.mean()
    return SignalQuality(
        duration_s=len(signal) / rate_hz,
        level_dbfs=float(_decibels(np.mean(swings**2))),
        clipped_share=float(np.mean(np.abs(signal) >= FULL_SCALE)),
        silent_share=_silent_share(swings, max(1, round(BLOCK_S * rate_hz))),
        bandwidth_hz=_bandwidth_hz(swings, rate_hz),
    )


def file_quality(path: Path, rate_hz: int, max_s: float, cache_root: Path) -> tuple[SignalQuality | None, Reading | None]:
    """The sound of a file, measured once and then kept in the cache of features.

    Args:
        path: the file.
        rate_hz: it is resampled to this rate, as for the features.
        max_s: no more than so many seconds are read.
        cache_root: the cache's folder.

    Returns:
        The sound, None where the file cannot be read; and the file as it was read for it, None where it was not.
    """
    cache = FileCache(cache_root)
    try:
        key = key_of(content_hash(path), {"sound": VERSION, "rate_hz": rate_hz, "max_s": max_s})
    except OSError:
        return None, None
    try:
        return SignalQuality(*map(float, cache.values(key)[0])), None
    except LookupError:
        pass
    reading = read_audio(path, rate_hz, max_s)
    if reading.skipped is not None:
        return None, reading
    sound = measure(reading.signal, rate_hz)
    cache.store(key, Analysis(np.array([astuple(sound)], np.float32)))
    return sound, reading


def _silent_share(swings: NDArray[np.float32], block: int) -> float:
    blocks = swings[: len(swings) // block * block].reshape(-1, block)
    if not len(blocks):
        return 0.0
    return float(np.mean(_decibels(np.mean(blocks**2, axis=1)) < SILENCE_DBFS))


def _bandwidth_hz(swings: NDArray[np.float32], rate_hz: int) -> float:
    padded = np.pad(swings, (0, max(0, FRAME_SAMPLES - len(swings))))
    frames = padded[: len(padded) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    spectra = rfft(frames[::FRAME_STEP] * np.hanning(FRAME_SAMPLES).astype(np.float32), axis=1)
    decibels = _decibels((spectra.real**2 + spectra.imag**2).mean(axis=0))
    return float(np.flatnonzero(decibels >= decibels.max() + BAND_FLOOR_DB)[-1] * rate_hz / FRAME_SAMPLES)


def _decibels(power: NDArray[np.floating]) -> NDArray[np.floating]:
    return 10 * np.log10(np.maximum(power, TINY))
