"""Audio fingerprints: finds copies of a sound in the audio files, also shifted, resampled or coded.

Pairs of spectral peaks are hashed as landmarks (A. Wang, "An industrial-strength audio search algorithm", ISMIR 2003).
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

from gtzan_lightning.audit.duplicates import DuplicatePair, groups_of
from gtzan_lightning.audit.findings import AuditInput, Finding
from gtzan_lightning.audit.group_checks import across_parts, label_conflicts
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.features.audio_reading import read_audio

MAX_CLIP_S = 120.0  # files are read up to this length
RATE_HZ = 11_025  # codecs at 64 kbit/s and resampling leave the spectrum below 5.5 kHz intact
N_FFT = 1024  # samples of a frame: 93 ms
HOP = 256  # samples: 23 ms
BINS = 384  # lowest bins used, up to 4.1 kHz
PEAK_BINS, PEAK_FRAMES = 15, 11  # size of the neighbourhood in which a peak is the maximum
PEAKS_PER_S = 12  # number of peaks kept in each second, the loudest first
FLOOR_DB = 60.0  # below the maximum; weaker peaks are rounding noise
FAN_OUT = 4  # landmarks that start at one peak
MAX_GAP_FRAMES = 63  # between the peaks of a landmark: 1.5 s
MAX_LEAP_BINS = 63  # between the peaks of a landmark: 680 Hz

COMMON = 40  # landmarks of one hash are matched with at most this many others; frequent hashes are not distinctive
MIN_MATCHES = 12  # landmarks that must agree on one shift; unrelated tracks of 30 s reach 7
SHIFT_BITS = 16  # of a key: shifts up to 12 minutes
TRACK_BITS = 22  # of a key: up to 4 million sounds


@dataclass(frozen=True)
class Landmarks:
    """The landmarks of one sound."""

    hashes: NDArray[np.int64]  # (landmarks,): first bin, leap in bins and gap in frames, packed
    frames: NDArray[np.int64]  # (landmarks,), frame of the first peak


@dataclass(frozen=True)
class Match:
    """Two sounds that share a part."""

    one: int  # position in the given sounds, the smaller
    other: int
    shift_s: float  # position of the shared part in `other` minus that in `one`
    matches: int  # landmarks that agree on the shift


def audio_copies(audit_input: AuditInput, n_jobs: int = 1) -> list[Finding] | None:
    """Copies across parts and copies with two genres, by fingerprint; None if no track in use has audio."""
    tracks = audit_input.corpus.tracks
    chosen = [int(track) for track in audit_input.used_tracks() if tracks[track].path is not None]
    if not chosen:
        return None
    matches = find_matches(Parallel(n_jobs)(delayed(_landmarks_of)(tracks[track].path) for track in chosen))
    pairs = [DuplicatePair(chosen[match.one], chosen[match.other], 1 / match.matches) for match in matches]
    return [
        *across_parts(audit_input, pairs, "shared sound across parts", "warning"),
        *label_conflicts(audit_input, pairs),
    ]


def sound_groups(corpus: Corpus, n_jobs: int = 1) -> list[list[int]]:
    """Groups of tracks that share a sound, by position in the corpus; tracks without audio are in no group."""
    chosen = [position for position, track in enumerate(corpus.tracks) if track.path is not None]
    sounds = Parallel(n_jobs)(delayed(_landmarks_of)(corpus.tracks[position].path) for position in chosen)
    pairs = [(chosen[match.one], chosen[match.other]) for match in find_matches(sounds)]
    return groups_of(pairs, len(corpus.tracks))


def _landmarks_of(path: Path) -> Landmarks:
    """Landmarks of a file; none if it cannot be read."""
    return landmarks(read_audio(path, RATE_HZ, MAX_CLIP_S).signal, RATE_HZ)


def landmarks(signal: NDArray[np.float32], rate_hz: int) -> Landmarks:
    """Landmarks of a mono signal `(samples,)`; none if it is silent or shorter than a frame."""
    if rate_hz != RATE_HZ:
        signal = soxr.resample(signal, rate_hz, RATE_HZ, quality="HQ")
    if len(signal) < N_FFT or not signal.any():
        return Landmarks(np.empty(0, np.int64), np.empty(0, np.int64))
    return _paired(*peaks(_decibels(signal)))


def peaks(decibels: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Frame and bin of each peak of a spectrogram `(frames, bins)`, in time order."""
    largest = maximum_filter(decibels, size=(PEAK_FRAMES, PEAK_BINS), mode="nearest")
    frame, place = np.nonzero((decibels == largest) & (decibels > decibels.max() - FLOOR_DB))
    second = (frame * HOP / RATE_HZ).astype(int)
    order = np.lexsort((-decibels[frame, place], second))
    rank = np.arange(len(order)) - np.searchsorted(second[order], second[order])
    kept = np.sort(order[rank < PEAKS_PER_S])
    return frame[kept], place[kept]


def _decibels(signal: NDArray[np.float32]) -> NDArray[np.float32]:
    """Spectrogram in dB, `(frames, BINS)`."""
    frames = np.lib.stride_tricks.sliding_window_view(signal, N_FFT)[::HOP]
    spectrum = rfft(frames * np.hanning(N_FFT).astype(np.float32), axis=1)[:, :BINS]  # SciPy's stays in float32
    return (10 * np.log10(np.abs(spectrum) ** 2 + 1e-10)).astype(np.float32)


def _paired(frame: NDArray[np.intp], place: NDArray[np.intp]) -> Landmarks:
    """Pairs each peak with the first `FAN_OUT` peaks that follow within the maximum gap and leap."""
    hashes, frames = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    n_pairs = np.zeros(len(frame), int)  # pairs that start at each peak so far
    for step in range(1, len(frame)):
        first, second = np.arange(len(frame) - step), np.arange(step, len(frame))
        gap, leap = frame[second] - frame[first], place[second] - place[first]
        if not (gap <= MAX_GAP_FRAMES).any():
            break
        within = (gap > 0) & (gap <= MAX_GAP_FRAMES) & (np.abs(leap) <= MAX_LEAP_BINS)
        chosen = first[within & (n_pairs[first] < FAN_OUT)]
        n_pairs[chosen] += 1
        hashes.append((place[chosen] << 13) | ((leap[chosen] + MAX_LEAP_BINS) << 6) | gap[chosen])
        frames.append(frame[chosen])
    return Landmarks(np.concatenate(hashes), np.concatenate(frames))


def find_matches(sounds: Sequence[Landmarks], min_matches: int = MIN_MATCHES) -> list[Match]:
    """Pairs of sounds of which at least `min_matches` landmarks agree on one shift, sorted by their number.

    Landmarks with equal hashes vote for a shift: those of copies agree, those of unrelated sounds do not. Two
    neighbouring shifts count together, since a copy may be shifted by part of a frame.
    """
    keys, counts = np.unique(_shift_votes(sounds), return_counts=True)
    agreeing = counts.copy()
    agreeing[:-1] += np.where(np.diff(keys) == 1, counts[1:], 0)
    chosen = np.flatnonzero(agreeing >= min_matches)
    chosen = chosen[np.argsort(-agreeing[chosen], kind="stable")]
    _, first = np.unique(keys[chosen] >> SHIFT_BITS, return_index=True)  # the best shift of each pair
    return [_match(int(keys[row]), int(agreeing[row])) for row in chosen[np.sort(first)]]


def _shift_votes(sounds: Sequence[Landmarks]) -> NDArray[np.int64]:
    """A key of two sounds and a shift for each pair of landmarks with one hash in different sounds, `(pairs,)`."""
    hashes = np.concatenate([sound.hashes for sound in sounds] or [np.empty(0, np.int64)])
    frames = np.concatenate([sound.frames for sound in sounds] or [np.empty(0, np.int64)])
    owner = np.repeat(np.arange(len(sounds)), [len(sound.hashes) for sound in sounds])
    order = np.argsort(hashes, kind="stable")  # sounds stay in order within a hash
    hashes, frames, owner = hashes[order], frames[order], owner[order]
    keys = [np.empty(0, np.int64)]
    for step in range(1, min(COMMON, len(hashes))):
        met = np.flatnonzero((hashes[step:] == hashes[:-step]) & (owner[step:] != owner[:-step]))
        shift = frames[met + step] - frames[met] + (1 << (SHIFT_BITS - 1))
        keys.append((((owner[met] << TRACK_BITS) | owner[met + step]) << SHIFT_BITS) | shift)
    return np.concatenate(keys)


def _match(key: int, matches: int) -> Match:
    shift_frames = (key & ((1 << SHIFT_BITS) - 1)) - (1 << (SHIFT_BITS - 1))
    pair = key >> SHIFT_BITS
    return Match(pair >> TRACK_BITS, pair & ((1 << TRACK_BITS) - 1), shift_frames * HOP / RATE_HZ, matches)
