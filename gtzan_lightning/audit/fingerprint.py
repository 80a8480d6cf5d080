"""Copies of a sound among the audio files of a corpus, shifted and encoded anew as they may be.

MERGED: Spectral-peak landmarks of a sound, which survive noise, coding and shifts. | Finds tracks that hold the same sound, shifted or encoded anew, by their landmarks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from joblib import Parallel, delayed
from numpy.typing import NDArray
from scipy.fft import rfft
from scipy.ndimage import maximum_filter

from gtzan_lightning.audit.audit_input import AuditInput
from gtzan_lightning.audit.duplicates import DuplicatePair
from gtzan_lightning.audit.findings import Finding
from gtzan_lightning.audit.group_checks import across_parts, label_conflicts
from gtzan_lightning.features.audio_reading import read_audio

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


COMMON = 40  # a landmark meets so many others of its hash at most: what all music shares says nothing
MIN_MATCHES = 12  # landmarks that must agree on one shift; unrelated tracks of 30 s reach 7
SHIFT_BITS = 16  # of a key: shifts of up to 12 minutes
TRACK_BITS = 22  # of a key: up to 4 million sounds


@dataclass(frozen=True)
class Match:
    """Two sounds of which one holds a part of the other."""

    one: int  # position in the given sounds, the smaller
    other: int
    shift_s: float  # so much later stands the shared sound in `other`
    matches: int  # landmarks that agree on the shift


def find_matches(sounds: Sequence[Landmarks], min_matches: int = MIN_MATCHES) -> list[Match]:
    """Pairs of sounds of which at least `min_matches` landmarks agree on one shift, the surest first.

    Every landmark meets the others of its hash. Unrelated sounds share hashes at all kinds of shifts, copies at one;
    a copy may be shifted by part of a frame, so that its landmarks fall into two neighbouring shifts.
    """
    keys, counts = np.unique(_meetings(sounds), return_counts=True)
    agreeing = counts.copy()
    agreeing[:-1] += np.where(np.diff(keys) == 1, counts[1:], 0)
    chosen = np.flatnonzero(agreeing >= min_matches)
    chosen = chosen[np.argsort(-agreeing[chosen], kind="stable")]
    _, first = np.unique(keys[chosen] >> SHIFT_BITS, return_index=True)  # the best shift of each pair
    return [_match(int(keys[row]), int(agreeing[row])) for row in chosen[np.sort(first)]]


def _meetings(sounds: Sequence[Landmarks]) -> NDArray[np.int64]:
    """A key of both sounds and their shift for each two landmarks of one hash in different sounds, `(meetings,)`."""
    hashes = np.concatenate([sound.hashes for sound in sounds] or [np.empty(0, np.int64)])
    frames = np.concatenate([sound.frames for sound in sounds] or [np.empty(0, np.int64)])
    owner = np.repeat(np.arange(len(sounds)), [len(sound.hashes) for sound in sounds])
    order = np.argsort(hashes, kind="stable")  # sounds stay in order within a hash
    hashes, frames, owner = hashes[order], frames[order], owner[order]
    keys = []
    for step in range(1, min(COMMON, len(hashes))):
        met = np.flatnonzero((hashes[step:] == hashes[:-step]) & (owner[step:] != owner[:-step]))
        shift = frames[met + step] - frames[met] + (1 << (SHIFT_BITS - 1))
        keys.append((((owner[met] << TRACK_BITS) | owner[met + step]) << SHIFT_BITS) | shift)
    return np.concatenate(keys or [np.empty(0, np.int64)])


def _match(key: int, matches: int) -> Match:
    shift_frames = (key & ((1 << SHIFT_BITS) - 1)) - (1 << (SHIFT_BITS - 1))
    pair = key >> SHIFT_BITS
    return Match(pair >> TRACK_BITS, pair & ((1 << TRACK_BITS) - 1), shift_frames * HOP / RATE_HZ, matches)


MAX_CLIP_S = 120.0  # longer files are read so far


def audio_copies(audit_input: AuditInput, n_jobs: int = 1) -> list[Finding] | None:
    """Copies across parts and under two genres, by fingerprint; None where no track in use has audio."""
    chosen = [int(track) for track in audit_input.used_tracks() if audit_input.corpus.tracks[track].path is not None]
    if not chosen:
        return None
    sounds = Parallel(n_jobs)(delayed(_landmarks_of)(audit_input.corpus.tracks[track].path) for track in chosen)
    matches = find_matches(sounds)
    pairs = [DuplicatePair(chosen[match.one], chosen[match.other], 1 / match.matches) for match in matches]
    return [
        *across_parts(audit_input, pairs, "shared sound across parts", "warning"),
        *label_conflicts(audit_input, pairs),
    ]


def _landmarks_of(path: Path) -> Landmarks:
    """Landmarks of a file; none of one that cannot be read."""
    return landmarks(read_audio(path, RATE_HZ, MAX_CLIP_S).signal, RATE_HZ)
