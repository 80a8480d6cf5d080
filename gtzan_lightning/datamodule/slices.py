"""Slices as sequences of steps: what a model reads.

MERGED: Examples: each slice is some seconds of one track, read as a sequence of steps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_matrix import Features

TOLERANCE = 1e-6  # relative; 6 s is two windows of 3.0000000001 s


@dataclass(frozen=True)
class SliceTable:
    """One row an example, and the feature rows that it reads."""

    track_index: NDArray[np.int32]  # (slices,), position in Corpus.tracks
    start_s: NDArray[np.float64]  # (slices,)
    stop_s: NDArray[np.float64]  # (slices,)
    first_row: NDArray[np.int64]  # (slices,), first feature row
    steps: int  # steps of each slice
    rows_per_step: int  # feature rows averaged into one step

    def __len__(self) -> int:
        return len(self.track_index)


def slice_table(
    features: Features, *, seconds: float, step_s: float | None = None, hop_s: float | None = None
) -> SliceTable:
    """Cuts every track into slices; one that would span a gap or run over the end is not made.

    Args:
        features: the rows to cut.
        seconds: length of a slice.
        step_s: length of a step; None is the features' own row (a 3-s window, or a frame). A longer step averages rows.
        hop_s: from one slice to the next; None is `seconds`, which makes slices that do not overlap.

    Raises:
        GtzanError: a length does not fit the features, or no track is long enough.
    """
    rows_per_step, steps, rows_per_hop = lengths_in_rows(
        features.row_s, seconds, step_s, hop_s, framed=features.name != "stats"
    )
    rows = steps * rows_per_step
    first = np.concatenate(
        [run[0] + _starts(len(run), rows, rows_per_hop) for run in _contiguous_runs(features) if len(run) >= rows]
        or [np.empty(0, np.int64)]
    )
    if not len(first):
        raise GtzanError(
            f"slice.seconds={seconds:g}: no track has {rows} contiguous rows of {features.row_s:g} s.\n"
            "Take shorter slices."
        )
    start_s = features.start_s[first]
    return SliceTable(features.track_index[first], start_s, start_s + seconds, first, steps, rows_per_step)


def tracks_without_slice(slices: SliceTable, n_tracks: int) -> NDArray[np.int64]:
    """Positions of the tracks that are too short, or have too many gaps, for a single slice."""
    return np.setdiff1d(np.arange(n_tracks), slices.track_index)


def check_lengths(row_s: float, seconds: float, step_s: float | None, hop_s: float | None, *, framed: bool) -> None:
    """Refuses lengths that no features of this kind can be cut into, before any work.

    Args:
        row_s: seconds of a feature row.
        seconds: `slice.seconds`.
        step_s: `slice.step_s`.
        hop_s: `slice.hop_s`.
        framed: rows are short frames, so that lengths are rounded to them; windows must fit exactly.

    Raises:
        GtzanError: the first length that does not fit, with the nearest ones that do.
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
    """Rows a step, steps a slice, rows from one slice to the next; arguments as those of `check_lengths`.

    Raises:
        GtzanError: a length does not fit the features.
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
    """Row numbers of each stretch of one track without a gap."""
    same_track = np.diff(features.track_index) == 0
    no_gap = np.abs(np.diff(features.start_s) - features.row_s) < features.row_s / 2
    return np.split(np.arange(len(features.track_index)), np.flatnonzero(~(same_track & no_gap)) + 1)


def _starts(available: int, rows: int, hop: int) -> NDArray[np.int64]:
    return np.arange(0, available - rows + 1, hop)


def step_table(features: Features, slices: SliceTable) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Every step once, and which of them each slice reads; overlapping slices share theirs.

    Returns:
        Values of the steps, `(distinct steps, features)`, and the steps of each slice, `(slices, steps)`. One row a
        step leaves the feature matrix as it is; a longer step is the mean of its rows.
    """
    first_row = slices.first_row[:, None] + np.arange(slices.steps) * slices.rows_per_step  # (slices, steps)
    if slices.rows_per_step == 1:
        return features.values, first_row
    distinct, index = np.unique(first_row, return_inverse=True)
    total = np.zeros((len(distinct), features.values.shape[1]))
    for offset in range(slices.rows_per_step):
        total += features.values[distinct + offset]
    return (total / slices.rows_per_step).astype(np.float32), index.reshape(first_row.shape)
