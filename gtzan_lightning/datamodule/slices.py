"""Cutting tracks into slices, the examples of a model: sequences of steps of one or more feature rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_request import Features

BLOCK_STEPS = 2**16  # steps that are averaged at a time
TOLERANCE = 1e-6  # relative, of lengths: 6 s is two windows of 3.0000000001 s


@dataclass(frozen=True)
class SliceTable:
    """Slices and the feature rows that they consist of."""

    track_index: NDArray[np.int32]  # (slices,), position in Corpus.tracks
    start_s: NDArray[np.float64]  # (slices,)
    stop_s: NDArray[np.float64]  # (slices,)
    first_row: NDArray[np.int64]  # (slices,), first feature row
    steps: int  # steps per slice
    rows_per_step: int  # feature rows averaged to a step

    def __len__(self) -> int:
        return len(self.track_index)


def slice_table(
    features: Features, *, seconds: float, step_s: float | None = None, hop_s: float | None = None
) -> SliceTable:
    """Cuts every track into slices; slices never span a gap or the end of a track.

    Args:
        features: The rows to cut.
        seconds: Length of a slice.
        step_s: Length of a step; None is one feature row (a window or a frame). A longer step is a mean of rows.
        hop_s: Time from one slice to the next; None is `seconds`, without overlap.

    Raises:
        GtzanError: A length does not fit the features, or no track is long enough.
    """
    rows_per_step, steps, rows_per_hop = lengths_in_rows(features.row_s, seconds, step_s, hop_s, framed=features.framed)
    rows = steps * rows_per_step
    runs = _contiguous_runs(features)
    starts = [run[: len(run) - rows + 1 : rows_per_hop] for run in runs if len(run) >= rows]
    if not starts:
        raise GtzanError(
            f"slice.seconds={seconds:g}: no track has {rows} contiguous rows of {features.row_s:g} s.\n"
            "Take shorter slices."
        )
    first = np.concatenate(starts)
    start_s = features.start_s[first]
    return SliceTable(features.track_index[first], start_s, start_s + seconds, first, steps, rows_per_step)


def step_table(features: Features, slices: SliceTable) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The distinct steps of all slices; overlapping slices share steps.

    Returns:
        Values of the steps, `(distinct steps, features)`, and the steps of each slice, `(slices, steps)`. With one row
        per step, the values are the feature matrix itself; otherwise each is the mean of its rows.
    """
    first_row = slices.first_row[:, None] + np.arange(slices.steps) * slices.rows_per_step  # (slices, steps)
    if slices.rows_per_step == 1:
        return features.values, first_row
    distinct, index = np.unique(first_row, return_inverse=True)
    steps = np.empty((len(distinct), features.values.shape[1]), np.float32)
    for first in range(0, len(distinct), BLOCK_STEPS):
        rows = distinct[first : first + BLOCK_STEPS]
        total = np.zeros((len(rows), steps.shape[1]))
        for offset in range(slices.rows_per_step):
            total += features.values[rows + offset]
        steps[first : first + len(rows)] = total / slices.rows_per_step
    return steps, index.reshape(first_row.shape)


def tracks_without_slice(slices: SliceTable, n_tracks: int) -> NDArray[np.int64]:
    """Positions of the tracks that have no slice because they are too short or have gaps."""
    return np.setdiff1d(np.arange(n_tracks), slices.track_index)


def check_lengths(row_s: float, seconds: float, step_s: float | None, hop_s: float | None, *, framed: bool) -> None:
    """Refuses lengths that do not fit the features; needs no data.

    Args:
        row_s: Length of a feature row in seconds.
        seconds: `slice.seconds`.
        step_s: `slice.step_s`.
        hop_s: `slice.hop_s`.
        framed: Whether rows are frames, to which lengths are rounded; multiples of windows must be exact.

    Raises:
        GtzanError: A length does not fit; the message contains the nearest valid ones.
    """
    step_s = step_s or row_s
    if seconds < row_s * (1 - TOLERANCE):
        raise GtzanError(
            f"slice.seconds={seconds:g} is shorter than the features' window of {row_s:g} s.\n"
            f"Take slice.seconds={row_s:g} or longer, or features=mfcc or logmel on audio."
        )
    if framed:
        if step_s > seconds * (1 + TOLERANCE):
            raise GtzanError(f"slice.step_s={step_s:g} is longer than slice.seconds={seconds:g}. Take a shorter step.")
        return
    _check_multiple("slice.step_s", step_s, row_s, "the features' window")
    _check_multiple("slice.seconds", seconds, step_s, "slice.step_s")
    if hop_s is not None:
        _check_multiple("slice.hop_s", hop_s, row_s, "the features' window")


def lengths_in_rows(
    row_s: float, seconds: float, step_s: float | None, hop_s: float | None, *, framed: bool
) -> tuple[int, int, int]:
    """Rows per step, steps per slice, and rows from one slice to the next; arguments as in `check_lengths`.

    Raises:
        GtzanError: A length does not fit the features.
    """
    check_lengths(row_s, seconds, step_s, hop_s, framed=framed)
    rows_per_step = max(1, round((step_s or row_s) / row_s))
    rows = int(seconds / row_s * (1 + TOLERANCE))
    rows_per_hop = rows if hop_s is None and not framed else round((hop_s or seconds) / row_s)
    return rows_per_step, max(1, rows // rows_per_step), max(1, rows_per_hop)


def _check_multiple(key: str, value: float, unit: float, unit_name: str) -> None:
    times = value / unit
    if round(times) < 1 or abs(times - round(times)) > TOLERANCE * max(times, 1):
        below, above = max(1, int(times)) * unit, (int(times) + 1) * unit
        choice = f"{below:g}" if below == above else f"{below:g} or {above:g}"
        raise GtzanError(f"{key}={value:g} is not a whole number of {unit_name} ({unit:g} s). Take {choice}.")


def _contiguous_runs(features: Features) -> list[NDArray[np.int64]]:
    """Row numbers of each part of a track without a gap."""
    same_track = np.diff(features.track_index) == 0
    no_gap = np.abs(np.diff(features.start_s) - features.row_s) < features.row_s / 2
    return np.split(np.arange(len(features.track_index)), np.flatnonzero(~(same_track & no_gap)) + 1)
