"""Spectral-peak landmarks of a sound, which survive noise, coding and shifts.

After A. Wang, "An industrial-strength audio search algorithm" (ISMIR 2003): the peaks of the spectrogram are its
constellation; each peak is paired with some that follow it; a pair's two frequencies and the time between them are
its hash, which does not depend on when it sounds nor how loudly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.ndimage import maximum_filter

RATE_HZ = 11_025  # what codecs at 64 kbit/s and resampling leave alone lies below half of it
N_FFT = 1024  # samples of a frame: 93 ms
HOP = 256  # samples: 23 ms
BINS = 384  # lowest bins used, up to 4.1 kHz
PEAK_BINS, PEAK_FRAMES = 15, 11  # a peak is the largest value in so large a neighbourhood
PEAKS_PER_S = 12  # the loudest so many are kept, second by second
FLOOR_DB = 60.0  # below the loudest: weaker peaks are rounding noise
FAN_OUT = 4  # pairs that start at one peak
MAX_GAP_FRAMES = 63  # from one peak of a pair to the other: 1.5 s
MAX_LEAP_BINS = 63  # so far apart may their frequencies lie: 680 Hz


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of one sound."""

    hashes: NDArray[np.int64]  # (landmarks,): first bin, leap in bins and gap in frames, packed
    frames: NDArray[np.int64]  # (landmarks,), when the first peak sounds


def landmarks(signal: NDArray[np.float32], rate_hz: int) -> Landmarks:
    """Landmarks of a mono signal `(samples,)`; none of one that is shorter than a frame, or silent."""
    if rate_hz != RATE_HZ:
        signal = soxr.resample(signal, rate_hz, RATE_HZ, quality="HQ")
    if len(signal) < N_FFT or not signal.any():
        return Landmarks(np.empty(0, np.int64), np.empty(0, np.int64))
    frame, place = peaks(_decibels(signal))
    return _paired(frame, place)


def peaks(decibels: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The constellation of a spectrogram `(frames, bins)`: frame and bin of each peak, in time order."""
    largest = maximum_filter(decibels, size=(PEAK_FRAMES, PEAK_BINS), mode="nearest")
    is_peak = (decibels == largest) & (decibels > decibels.max() - FLOOR_DB)
    frame, place = np.nonzero(is_peak)
    frames_per_s = RATE_HZ / HOP
    second = (frame / frames_per_s).astype(int)
    order = np.lexsort((-decibels[frame, place], second))
    rank = np.arange(len(order)) - np.searchsorted(second[order], second[order])
    kept = np.sort(order[rank < PEAKS_PER_S])
    return frame[kept], place[kept]


def _decibels(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spectrogram in dB, `(frames, BINS)`."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, N_FFT)[::HOP]
    spectrum = rfft(frames * np.hanning(N_FFT).astype(np.float32), axis=1)[:, :BINS]  # scipy's keeps single precision
    return (10 * np.log10(np.abs(spectrum) ** 2 + 1e-10)).astype(np.float32)


def _paired(frame: NDArray[np.intp], place: NDArray[np.intp]) -> Landmarks:
    """Pairs each peak with the first `FAN_OUT` that follow within reach."""
    hashes, frames = [], []
    reached = np.zeros(len(frame), int)  # pairs that start at each peak so far
    for step in range(1, len(frame)):
        first, second = np.arange(len(frame) - step), np.arange(step, len(frame))
        gap, leap = frame[second] - frame[first], place[second] - place[first]
        if not (gap <= MAX_GAP_FRAMES).any():
            break
        within = (gap > 0) & (gap <= MAX_GAP_FRAMES) & (np.abs(leap) <= MAX_LEAP_BINS)
        chosen = first[within & (reached[first] < FAN_OUT)]
        reached[chosen] += 1
        hashes.append((place[chosen] << 13) | ((leap[chosen] + MAX_LEAP_BINS) << 6) | gap[chosen])
        frames.append(frame[chosen])
    if not hashes:
        return Landmarks(np.empty(0, np.int64), np.empty(0, np.int64))
    return Landmarks(np.concatenate(hashes).astype(np.int64), np.concatenate(frames).astype(np.int64))
