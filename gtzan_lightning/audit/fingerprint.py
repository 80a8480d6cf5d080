"""Finds tracks that hold the same sound, shifted or encoded anew, by their landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.landmarks import HOP, RATE_HZ, Landmarks

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
