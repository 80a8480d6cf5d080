"""Reads and validates the published Kaggle feature tables (`features_3_sec.csv`, `features_30_sec.csv`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.errors import GtzanError

TABLE_OF_WINDOW_S = {3.0: "features_3_sec.csv", 30.0: "features_30_sec.csv"}

_PER_FRAME = ("chroma_stft", "rms", "spectral_centroid", "spectral_bandwidth", "rolloff", "zero_crossing_rate")
_MOMENTS = ("mean", "var")
STATS_COLUMNS = (
    "length",  # samples
    *(f"{name}_{moment}" for name in (*_PER_FRAME, "harmony", "perceptr") for moment in _MOMENTS),
    "tempo",  # beats per minute
    *(f"mfcc{number}_{moment}" for number in range(1, 21) for moment in _MOMENTS),
)
"""The 58 feature columns of the published tables, in their order."""

EXACTLY: dict[str, Any] = {} if int(pd.__version__.partition(".")[0]) >= 3 else {"float_precision": "round_trip"}
"""Options of `pandas.read_csv` for exact parsing of floats, the default from pandas 3.0."""

_ROW_NAME = re.compile(r"(?P<track>.+?\.\d+)(?:\.(?P<segment>\d+))?\.(?:wav|au)")


@dataclass(frozen=True)
class FeatureTable:
    """One published table: one row per window, sorted by track and time."""

    columns: tuple[str, ...]  # STATS_COLUMNS
    values: NDArray[np.float64]  # (rows, 58)
    track_ids: tuple[str, ...]  # (rows,)
    genres: tuple[str, ...]  # (rows,)
    start_s: NDArray[np.float64]  # (rows,)
    window_s: float
    notes: tuple[str, ...]  # gaps between windows


def read_table(path: Path) -> FeatureTable:
    """Reads and validates a published table.

    Args:
        path: `features_3_sec.csv` or `features_30_sec.csv`; the name determines the window.

    Raises:
        GtzanError: The file is not such a table, lacks a column, repeats a row, has a label that contradicts the file
            name, or a value that is not a finite number.
    """
    stat = path.stat()
    return _read_table(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=4)
def _read_table(path: Path, _size: int, _time: int) -> FeatureTable:
    """Reads a table once for the corpus, its features and all jobs of a sweep."""
    frame = _parsed(path)
    _check_columns(frame, path)
    tracks, segments = _row_names(frame, path)
    _check_rows(frame, tracks, segments, path)
    values = _finite_values(frame, path)
    window_s = _window_s(path)
    order = np.lexsort((segments, np.asarray(tracks)))
    ordered = [tracks[index] for index in order]
    return FeatureTable(
        columns=STATS_COLUMNS,
        values=values[order],
        track_ids=tuple(ordered),
        genres=tuple(frame["label"].iloc[order].tolist()),
        start_s=segments[order].astype(np.float64) * window_s,
        window_s=window_s,
        notes=_gaps(ordered, segments[order], path.name),
    )


def _window_s(path: Path) -> float:
    for window_s, name in TABLE_OF_WINDOW_S.items():
        if path.name == name:
            return window_s
    raise GtzanError(f"{path}: not a published table; expected one of {', '.join(TABLE_OF_WINDOW_S.values())}.")


def _parsed(path: Path) -> pd.DataFrame:
    try:
        frame = pd.read_csv(path, dtype={"filename": str, "label": str}, **EXACTLY)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        raise GtzanError(f"{path}: cannot be read as CSV ({error}). Download the table again.") from error
    if frame.empty:
        raise GtzanError(f"{path}: the table has no rows. Download it again.")
    return frame


def _check_columns(frame: pd.DataFrame, path: Path) -> None:
    missing = [name for name in ("filename", *STATS_COLUMNS, "label") if name not in frame.columns]
    if missing:
        raise GtzanError(
            f"{path}: {_count(missing, 'column is', 'columns are')} missing: {_few(missing)}.\n"
            "Use the published table unchanged, or compute the features from audio with data.source=audio."
        )


def _row_names(frame: pd.DataFrame, path: Path) -> tuple[list[str], NDArray[np.int64]]:
    """Track and segment number of each row, from names such as `blues.00000.3.wav`."""
    tracks, segments = [], []
    for line, name in enumerate(frame["filename"].fillna("").astype(str), start=2):
        match = _ROW_NAME.fullmatch(name)
        if match is None:
            raise GtzanError(
                f"{path}, line {line}: filename {name!r} is not of the form genre.00000.wav or genre.00000.0.wav.\n"
                "Restore the name as published."
            )
        tracks.append(match["track"])
        segments.append(int(match["segment"] or 0))
    return tracks, np.asarray(segments)


def _check_rows(frame: pd.DataFrame, tracks: list[str], segments: NDArray[np.int64], path: Path) -> None:
    is_repeated = pd.DataFrame({"track": tracks, "segment": segments}).duplicated()
    twice = frame["filename"].reset_index(drop=True)[is_repeated]
    if len(twice):
        lines = [str(index + 2) for index in twice.index]
        raise GtzanError(
            f"{path}: {_count(lines, 'row repeats', 'rows repeat')} the window of an earlier row: "
            f"{_few(list(twice))} (line {_few(lines)}).\nDelete the repeated rows."
        )
    for line, (track, label) in enumerate(zip(tracks, frame["label"].astype(str), strict=True), start=2):
        if track.rpartition(".")[0] != label:
            raise GtzanError(
                f"{path}, line {line}: label {label!r} does not agree with filename {track}.\nCorrect one of the two."
            )


def _finite_values(frame: pd.DataFrame, path: Path) -> NDArray[np.float64]:
    numbers = frame[list(STATS_COLUMNS)].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    bad_rows, bad_columns = np.nonzero(~np.isfinite(numbers))
    if len(bad_rows):
        where = [
            f"line {row + 2} ({frame['filename'].iloc[row]}), column {STATS_COLUMNS[column]}"
            for row, column in zip(bad_rows[:3], bad_columns[:3], strict=True)
        ]
        raise GtzanError(
            f"{path}: {_count(bad_rows, 'value is', 'values are')} not a finite number: {'; '.join(where)}"
            f"{' ...' if len(bad_rows) > 3 else ''}.\n"
            "Delete these rows (a missing window is allowed) or download the table again."
        )
    return numbers


def _gaps(tracks: list[str], segments: NDArray[np.int64], name: str) -> tuple[str, ...]:
    """A note on the number of tracks whose windows are not contiguous."""
    same_track = np.asarray(tracks[1:]) == np.asarray(tracks[:-1])
    gaps = same_track & (np.diff(segments) != 1)
    tracks_with_gap = sorted({track for track, gap in zip(tracks[1:], gaps, strict=True) if gap})
    if not tracks_with_gap:
        return ()
    return (f"{name}: {len(tracks_with_gap)} tracks have a gap between their windows; no slice spans a gap",)


def _count(items: list[str] | NDArray[np.int64], one: str, many: str) -> str:
    return f"{len(items)} {one if len(items) == 1 else many}"


def _few(items: list[str], most: int = 5) -> str:
    return ", ".join(items[:most]) + (" ..." if len(items) > most else "")
