"""Feature tables: one row per window or clip, with track names, genres and columns of numbers.

The published tables of Kaggle (`features_3_sec.csv`, `features_30_sec.csv`) are read by the same functions, with the
features and the length of a window known beforehand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.corpus.cell_numbers import rows_of_text
from gtzan_lightning.corpus.location import TABLE_OF_WINDOW_S, TableOptions
from gtzan_lightning.corpus.table_files import Column, counted, is_numeric, read_table_file, text_of
from gtzan_lightning.corpus.table_rows import Roles, TableRows, few, find_roles, genre_of_rows
from gtzan_lightning.corpus.tracks import examples, genre_in_name, shown_stem, split_track_name, stem_key
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.caching import Memo
from gtzan_lightning.utils.memory import without_collection

WHOLE_CLIP_S = 30.0  # nominal length of a row per track whose length is unknown, as in the published 30-s table

_PER_FRAME = ("chroma_stft", "rms", "spectral_centroid", "spectral_bandwidth", "rolloff", "zero_crossing_rate")
_MOMENTS = ("mean", "var")
STATS_COLUMNS = (
    "length",  # samples
    *(f"{name}_{moment}" for name in (*_PER_FRAME, "harmony", "perceptr") for moment in _MOMENTS),
    "tempo",  # beats per minute
    *(f"mfcc{number}_{moment}" for number in range(1, 21) for moment in _MOMENTS),
)
"""The 58 feature columns of the published tables, in their order."""

IN_HERTZ = ("spectral_centroid", "spectral_bandwidth", "rolloff")  # their variance is larger than their mean
FEWEST_SAMPLES = 1000  # a smaller length is in seconds
SAME_LENGTH = 0.01  # relative; 66,149 samples are 3 s


@dataclass(frozen=True, eq=False)
class FeatureTable:
    """The rows of one or several files, sorted by track and time."""

    columns: tuple[str, ...]
    in_file: tuple[NDArray[np.float64], ...]  # values of each column, (rows in the files,)
    order: NDArray[np.intp]  # (rows,), row in the files of each row
    track_ids: tuple[str, ...]  # (rows,)
    genres: tuple[str, ...]  # (rows,)
    start_s: NDArray[np.float64]  # (rows,)
    window_s: float  # seconds from one row of a track to the next
    whole_clips: bool  # one row a track
    has_tracks: bool  # False where no column names the tracks: each row counts as a track
    others: dict[str, tuple[str, ...]]  # text and parts, (rows,) each
    reading: tuple[str, ...]  # how the files were read, one sentence each
    notes: tuple[str, ...]  # what was left out or is unusual

    @property
    def values(self) -> NDArray[np.float64]:
        """A new matrix `(rows, features)`."""
        return np.stack([column[self.order] for column in self.in_file], axis=1)

    def single(self, rows: NDArray[np.intp]) -> NDArray[np.float32]:
        """Some rows in single precision, `(rows, features)`; a table may be as large as the memory."""
        single, in_file = np.empty((len(rows), len(self.columns)), np.float32), self.order[rows]
        for number, column in enumerate(self.in_file):
            single[:, number] = column[in_file]
        return single


def read_published_table(path: Path, options: TableOptions | None = None) -> FeatureTable:
    """Reads a published table; its name determines the window.

    Raises:
        GtzanError: The file is not such a table, or its windows have another length.
    """
    window_s = next((window_s for window_s, name in TABLE_OF_WINDOW_S.items() if path.name == name), None)
    if window_s is None:
        raise GtzanError(f"{path}: not a published table; expected one of {', '.join(TABLE_OF_WINDOW_S.values())}.")
    return read_feature_table((path,), replace(options or TableOptions(), window_s=window_s), published=True)


def read_feature_table(
    paths: Sequence[Path], options: TableOptions | None = None, *, published: bool = False
) -> FeatureTable:
    """Reads a table that may be divided into several files.

    Args:
        paths: The files.
        options: Roles of columns, length of a window, other names of genres.
        published: Whether the features are the 58 columns of the published tables.

    Raises:
        GtzanError: A file is no such table; rows are repeated; names or lengths contradict each other.
    """
    stats = tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in paths if path.exists())
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        raise GtzanError(f"features.path: there is no file {', '.join(missing)}.")
    options = options or TableOptions()
    return READ.get((stats, options, published), lambda: _read(paths, options, published), _size)


READ: Memo[FeatureTable] = Memo(most=4, most_bytes=2**25)
"""Tables of the last jobs of this process; large ones are not kept."""


def _size(table: FeatureTable) -> int:
    return sum(column.nbytes for column in table.in_file)


@without_collection()
def _read(paths: Sequence[Path], options: TableOptions, published: bool) -> FeatureTable:
    tables = [read_table_file(path) for path in paths]
    table = TableRows(tables)
    wanted = STATS_COLUMNS if published else options.features
    _require_columns(table, wanted, published)
    chosen = dict(options.columns)
    roles = find_roles(table.joined, chosen, wanted or None, options.drop)
    _require_numbers(table, roles, may_drop=not wanted)
    usable, notes = _usable_rows(table, roles, options.max_skipped_share)
    table = table.chosen(usable)
    columns = table.joined.columns
    tracks, windows, in_name = _track_of_rows(table, roles)
    genres, genre_notes = genre_of_rows(
        table, roles, in_name, dict(options.aliases), trust_labels=chosen.get("genre") is not None
    )
    order_in_track, window_s, how = _times(table, roles, tracks, windows, options, published)
    codes, distinct = pd.factorize(np.asarray(tracks, object), sort=True)
    _refuse_repeated(table, roles, codes, order_in_track)
    order = np.lexsort((order_in_track, codes))
    ordered = distinct[codes[order]]
    start_s = order_in_track[order] * window_s
    others = {
        name: tuple(text_of(columns[name])[order])
        for name in columns
        if name not in (roles.id, roles.genre) and (name in roles.parts or not is_numeric(columns[name]))
    }
    names = ", ".join(dict.fromkeys(path.name for path in paths))
    size = f"{names}: {len(tracks):,} rows of {len(distinct):,} tracks; {how}"
    forms = [f"{each.path.name}: {each.form}" for each in tables]
    notes = [*(note for each in tables for note in each.notes), *notes, *genre_notes, *_odd_values(table, roles)]
    return FeatureTable(
        columns=roles.features,
        in_file=tuple(columns[name] for name in roles.features),
        order=order,
        track_ids=tuple(ordered),
        genres=tuple(genres[index] for index in order),
        start_s=start_s,
        window_s=window_s,
        whole_clips=len(distinct) == len(tracks),
        has_tracks=roles.id is not None,
        others=others,
        reading=(*dict.fromkeys(forms), size, *roles.lines()),
        notes=(*notes, *_gaps(codes[order], start_s, window_s, names)),
    )


def _require_columns(table: TableRows, wanted: Sequence[str], published: bool) -> None:
    """Refuses a table without the columns of the published tables, or of a trained run."""
    window = " features.window_s=3" if table.path.name == TABLE_OF_WINDOW_S[3.0] else ""
    missing = [name for name in wanted if name not in table.joined.columns]
    if not missing:
        return
    what = f"{table.path}: {counted(len(missing), 'column is', 'columns are')} missing: {few(missing)}.\n"
    if not published:
        raise GtzanError(
            f"{what}The run was trained on {len(wanted)} features of these names. Name the columns of this table so."
        )
    raise GtzanError(
        f"{what}To use the columns that are there: features=table features.path={table.path}{window}. "
        "To compute all 58 from audio: data.source=audio."
    )


def _require_numbers(table: TableRows, roles: Roles, *, may_drop: bool) -> None:
    for name in roles.features:
        values = table.joined.columns[name]
        if not is_numeric(values):
            odd = next(iter(rows_of_text(values.tolist())), 0)
            remedy = f", leave the row out, or leave the column out with features.drop=[{name}]"
            raise GtzanError(
                f"{table.where(odd)}: column {name} has {values[odd]!r}, which is no number.\n"
                f"Correct the cell{remedy if may_drop else ', or leave the row out'}."
            )


def _usable_rows(table: TableRows, roles: Roles, most: float) -> tuple[NDArray[np.bool_], list[str]]:
    """Rows whose features are all finite; a note on the others.

    Raises:
        GtzanError: There are too many others.
    """
    bad = {name: ~np.isfinite(table.joined.columns[name]) for name in roles.features}
    usable = ~np.any(list(bad.values()), axis=0)
    wrong = np.flatnonzero(~usable)
    if not len(wrong):
        return usable, []
    affected = [f"{name} ({int(rows.sum()):,})" for name, rows in bad.items() if rows.any()]
    first = ", ".join(table.where(row) for row in wrong[:3])
    what = f"{counted(len(wrong), 'row has', 'rows have')} values that are not finite numbers ({first}"
    what += f"{' ...' if len(wrong) > 3 else ''}), in {few(affected)}"
    if len(wrong) > most * len(usable):
        raise GtzanError(
            f"{table.path}: {what}; more than {most:.0%} of all rows.\n"
            "Leave these columns out with features.drop=[...], correct them, or raise data.max_skipped_share."
        )
    return usable, [f"{table.path.name}: {what}; these rows are left out"]


def _track_of_rows(table: TableRows, roles: Roles) -> tuple[list[str], list[int | None], list[str | None]]:
    """Track of each row, and the number of a window and the genre that its name has, None where there is none.

    Raises:
        GtzanError: Two different names have the same normal form.
    """
    if roles.id is None:
        count = len(table)
        return [f"row {row + 1:06d}" for row in range(count)], [None] * count, [None] * count
    texts = text_of(table.joined.columns[roles.id])
    empty = [row for row, text in enumerate(texts) if not text.strip()]
    if empty:
        raise GtzanError(f"{table.where(empty[0])}: no track in column {roles.id}. Fill it in, or remove the row.")
    parsed = {text: split_track_name(text) for text in set(texts)}
    folder = {
        text: text.strip().replace("\\", "/").rstrip("/").rpartition("/")[0].rpartition("/")[2] for text in parsed
    }
    folders: dict[str, set[str]] = {}  # by stem
    for text, (stem, _) in parsed.items():
        folders.setdefault(stem, set()).add(folder[text])
    spelled: dict[str, list[str]] = {}  # key -> stems
    for stem in folders:
        spelled.setdefault(stem_key(stem), []).append(stem)
    for key, stems in spelled.items():
        if len(stems) > 1:
            raise GtzanError(
                f"{table.path}: {examples(sorted(stems))} would be one track, {key}, but are written as two.\n"
                "Write one track the same way in each row, or rename one of two different tracks."
            )
    shown = {stem: shown_stem(stem) for stem in folders}
    genre = {stem: genre_in_name(stem) for stem in folders}
    names = {
        text: f"{folder[text]}/{shown[stem]}" if len(folders[stem]) > 1 else shown[stem]
        for text, (stem, _) in parsed.items()
    }
    genres = [genre[parsed[text][0]] or folder[text] or None for text in texts]
    return [names[text] for text in texts], [parsed[text][1] for text in texts], genres


def _times(
    table: TableRows, roles: Roles, tracks: Sequence[str], windows: Sequence[int | None], options: TableOptions,
    published: bool,
) -> tuple[NDArray[np.float64], float, str]:  # fmt: skip
    """Position of each row in its track, in rows; seconds from one row to the next; how both were found.

    Raises:
        GtzanError: The length of a window is unknown, or the file and the configuration disagree about it.
    """
    columns = table.joined.columns
    codes = pd.factorize(np.asarray(tracks, object))[0]
    whole = codes.max(initial=0) + 1 == len(codes)
    length_s, length_text = _length(columns[roles.length], options.sample_rate_hz) if roles.length else (None, "")
    place = _places(roles, columns, windows, codes)
    hop_s = _hop(columns[roles.start], codes) if roles.start and not whole else None
    if whole and options.window_s != 3.0:
        clip_s = WHOLE_CLIP_S if published else length_s or options.window_s or WHOLE_CLIP_S
        return np.zeros(len(codes)), clip_s, f"one row a track{length_text and f', {length_text}'}"
    if published and length_s and np.nanmedian(columns["length"]) < FEWEST_SAMPLES:
        length_s, length_text = None, ""  # the published column is in samples
    found, source = (hop_s, f"column {roles.start}") if hop_s else (length_s, length_text)
    if published and found and options.window_s and abs(found / options.window_s - 1) > SAME_LENGTH:
        raise GtzanError(
            f"{table.path}: its rows are {found:g} s apart ({source}), not {options.window_s:g} s as its name says.\n"
            f"Read it as what it is: features=table features.path={table.path} slice.seconds={found:g}."
        )
    if published and options.window_s == WHOLE_CLIP_S:
        raise GtzanError(
            f"{table.path}: has several rows a track; the published table of this name has one.\n"
            f"Use features=table features.path={table.path}."
        )
    if found and options.window_s and abs(found / options.window_s - 1) > SAME_LENGTH:
        raise GtzanError(
            f"features.window_s={options.window_s:g}: the rows of a track are {found:g} s apart in {table.path} "
            f"({source}).\nLeave features.window_s out, or correct the table."
        )
    seconds: float | None = found or options.window_s or (None if options.needs_length else WHOLE_CLIP_S)
    if seconds is None:
        raise GtzanError(
            f"{table.path}: {len(codes):,} rows of {codes.max() + 1:,} tracks, and no column says how long a row is.\n"
            "Set features.window_s=SECONDS, from the start of one row of a track to the next, "
            "or features.pooling=clip for one row a track (mean and deviation of each feature)."
        )
    if roles.start is not None and roles.window is None and not all(window is not None for window in windows):
        place = columns[roles.start] / seconds
    else:
        place = place - place.min()
    overlap = f", each {length_s:g} s long" if hop_s and length_s and abs(length_s / hop_s - 1) > SAME_LENGTH else ""
    return place, seconds, f"a row every {seconds:g} s ({source or 'features.window_s'}){overlap}"


def _places(
    roles: Roles, columns: Mapping[str, Column], windows: Sequence[int | None], codes: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Position of each row in its track: number of the window, start in seconds, or order in the file."""
    if roles.window is not None:
        return np.nan_to_num(columns[roles.window])
    if all(window is not None for window in windows):
        return np.asarray(windows, np.float64)
    return columns[roles.start] if roles.start is not None else _order_of_rows(codes)


def _length(values: Column, rate_hz: int) -> tuple[float | None, str]:
    """Median length of a row in seconds, and how it was found."""
    middle = float(np.nanmedian(values))
    if middle <= 0:
        return None, ""
    if middle < FEWEST_SAMPLES:
        return middle, f"column of lengths: {middle:g} s"
    seconds = middle / rate_hz
    rounded = round(seconds, 1) if abs(round(seconds, 1) / seconds - 1) < 1e-3 else round(seconds, 3)
    return rounded, f"lengths of {middle:,.0f} samples at {rate_hz:,} Hz"


def _hop(starts: Column, codes: NDArray[np.intp]) -> float | None:
    """Smallest common distance between the starts of successive rows of a track, in seconds."""
    order = np.lexsort((starts, codes))
    steps = np.diff(starts[order])[np.diff(codes[order]) == 0]
    steps = steps[steps > 0]
    return round(float(np.quantile(steps, 0.05)), 6) if len(steps) else None


def _order_of_rows(codes: NDArray[np.intp]) -> NDArray[np.float64]:
    """Number of each row within its track, in the order of the file."""
    order = np.argsort(codes, kind="stable")
    first = np.r_[0, np.flatnonzero(np.diff(codes[order])) + 1]
    number = np.arange(len(codes)) - np.repeat(first, np.diff(np.r_[first, len(codes)]))
    place = np.empty(len(codes))
    place[order] = number
    return place


def _refuse_repeated(table: TableRows, roles: Roles, codes: NDArray[np.intp], place: NDArray[np.float64]) -> None:
    keys = pd.DataFrame({"track": codes, "place": np.round(place, 6)})
    repeated = np.flatnonzero(keys.duplicated() & keys["place"].notna())
    if len(repeated):
        names = text_of(table.joined.columns[roles.id]) if roles.id else codes
        other = int(repeated[0])
        one = int(np.flatnonzero((keys == keys.iloc[other]).all(axis=1))[0])
        raise GtzanError(
            f"{table.path}: {counted(len(repeated), 'row repeats', 'rows repeat')} the window of an earlier row: "
            f"{names[other]} ({table.where(other)}) and {names[one]} ({table.where(one)}).\nDelete the repeated rows."
        )


def _odd_values(table: TableRows, roles: Roles) -> list[str]:
    """Notes on values that contradict the name of their column."""
    columns, notes = table.joined.columns, []
    for name in roles.features:
        values = columns[name]
        mean = columns.get(name.replace("_var", "_mean"))
        if name.endswith("_var") and (values < 0).any():
            notes.append(f"{name}: negative in {counted(int((values < 0).sum()), 'row', 'rows')}, but named a variance")
        elif name.endswith("_var") and name.startswith(IN_HERTZ) and mean is not None and is_numeric(mean):
            if np.median(values) < np.median(mean):
                notes.append(f"{name}: its values ({np.median(values):.4g}) have the size of standard deviations")
        elif (name.endswith(("rate", "rate_mean")) or name in ("tempo", "bpm")) and (values == 0).any():
            notes.append(f"{name}: zero in {counted(int((values == 0).sum()), 'row', 'rows')}")
    return [f"{table.path.name}: {note}" for note in notes]


def _gaps(codes: NDArray[np.intp], start_s: NDArray[np.float64], window_s: float, name: str) -> list[str]:
    """A note on the number of tracks whose rows are not contiguous."""
    gaps = (np.diff(codes) == 0) & (np.abs(np.diff(start_s) - window_s) >= window_s / 2)
    with_gap = len(np.unique(codes[1:][gaps]))
    if not with_gap:
        return []
    return [f"{name}: {with_gap} tracks have a gap between their windows; no slice spans a gap"]
