"""Signal quality of an audio file: duration, level, clipping, silence and bandwidth."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.fft import rfft

from gtzan_lightning.features.audio_reading import Reading, read_audio
from gtzan_lightning.features.feature_cache import FileCache
from gtzan_lightning.features.feature_request import Analysis
from gtzan_lightning.utils.code_hash import code_hashes, combined
from gtzan_lightning.utils.content_index import content_hash, key_of

BLOCK_S = 0.1
SILENCE_DBFS = -60.0  # blocks below this level are silent
FULL_SCALE = 0.999  # samples of at least this magnitude count as clipped
FRAME_SAMPLES = 2048
FRAME_STEP = 4  # every fourth frame is enough for the bandwidth
BAND_FLOOR_DB = -70.0  # relative to the loudest frequency; lower levels are noise, or the slope of a filter
TINY = 1e-12


@dataclass(frozen=True)
class SignalQuality:
    """Properties of a signal that need no model."""

    duration_s: float
    level_dbfs: float  # root mean square relative to full scale
    clipped_share: float  # share of samples at full scale
    silent_share: float  # share of 0.1-s blocks below -60 dBFS
    bandwidth_hz: float  # highest frequency less than 70 dB below the loudest, in the mean spectrum


def measure(signal: NDArray[np.float32], rate_hz: int) -> SignalQuality:
    """The signal quality of a mono signal `(samples,)`."""
    centred = signal - signal.mean()
    return SignalQuality(
        duration_s=len(signal) / rate_hz,
        level_dbfs=float(_decibels(np.mean(centred**2))),
        clipped_share=float(np.mean(np.abs(signal) >= FULL_SCALE)),
        silent_share=_silent_share(centred, max(1, round(BLOCK_S * rate_hz))),
        bandwidth_hz=_bandwidth_hz(centred, rate_hz),
    )


def file_quality(
    path: Path, rate_hz: int, max_s: float, cache_root: Path
) -> tuple[SignalQuality | None, Reading | None]:
    """The signal quality of a file, from the cache of features or measured.

    Args:
        path: The file.
        rate_hz: Sampling rate to which it is resampled, as for features.
        max_s: Longest part to read, in seconds.
        cache_root: Folder of the cache.

    Returns:
        The signal quality, None if the file cannot be read; and the file as read for it, None if it was not read.
    """
    cache = FileCache(cache_root)
    try:
        key = key_of(content_hash(path), {"sound": _code(), "rate_hz": rate_hz, "max_s": max_s})
    except OSError:
        return None, None
    try:
        return SignalQuality(*map(float, cache.values(key)[0])), None
    except LookupError:
        reading = read_audio(path, rate_hz, max_s)
    if reading.skipped is not None:
        return None, reading
    quality = measure(reading.signal, rate_hz)
    cache.store(key, Analysis(np.array([astuple(quality)], np.float32)))
    return quality, reading


@cache
def _code() -> str:
    """Hash of the source code of this module and of the reading of audio; part of the cache key."""
    relevant = (__name__, read_audio.__module__)
    return combined(code_hashes(relevant, lambda module: module in relevant))


def _silent_share(centred: NDArray[np.float32], block: int) -> float:
    blocks = centred[: len(centred) // block * block].reshape(-1, block)
    if not len(blocks):
        return 0.0
    return float(np.mean(_decibels(np.mean(blocks**2, axis=1)) < SILENCE_DBFS))


def _bandwidth_hz(centred: NDArray[np.float32], rate_hz: int) -> float:
    padded = np.pad(centred, (0, max(0, FRAME_SAMPLES - len(centred))))
    frames = padded[: len(padded) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    spectra = rfft(frames[::FRAME_STEP] * np.hanning(FRAME_SAMPLES).astype(np.float32), axis=1)
    decibels = _decibels((spectra.real**2 + spectra.imag**2).mean(axis=0))
    return float(np.flatnonzero(decibels >= decibels.max() + BAND_FLOOR_DB)[-1] * rate_hz / FRAME_SAMPLES)


def _decibels(power: NDArray[np.floating]) -> NDArray[np.floating]:
    return 10 * np.log10(np.maximum(power, TINY))
