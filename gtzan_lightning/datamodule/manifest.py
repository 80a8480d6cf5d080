"""Split manifests: the part of each slice or track, from a file, a file for each part, or a column of the data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.corpus.location import MANIFEST_COLUMN, Manifest, manifest_files
from gtzan_lightning.corpus.table_files import TableFile, counted, read_table_file
from gtzan_lightning.corpus.table_rows import NAMES, plain
from gtzan_lightning.corpus.tracks import PART_OF_WORD, SEVERAL, Corpus, examples, matched_tracks, part_of, track_key
from gtzan_lightning.datamodule.assignment import EXCLUDED, PARTS, SplitRule
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.datamodule.splits import with_validation
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import as_cell, quoted, text_of_cell

COLUMNS = ("track_id", "start_s", "stop_s", "part")
SHOWN = 5  # names in a note
BLOCK_ROWS = 50_000  # rows that are formatted at a time


def manifest_csv(corpus: Corpus, slices: SliceTable, parts: NDArray[np.str_]) -> bytes:
    """The split as CSV, one row per slice that has a part, in corpus order."""
    kept = parts != EXCLUDED
    cells = np.asarray([quoted(as_cell(track.track_id)) for track in corpus.tracks], dtype=object)
    text = [f"{','.join(COLUMNS)}\n".encode()]
    for rows in np.array_split(np.flatnonzero(kept), kept.sum() // BLOCK_ROWS + 1):
        start_s, stop_s = (times[rows].round(6).tolist() for times in (slices.start_s, slices.stop_s))
        cell = zip(cells[slices.track_index[rows]], start_s, stop_s, parts[rows].tolist(), strict=True)
        text.append("".join(map("%s,%r,%r,%s\n".__mod__, cell)).encode())  # several times as fast as pandas
    return b"".join(text)


def manifest_sha256(csv: bytes) -> str:
    """SHA-256 of a manifest; runs are compared pairwise only if it is equal."""
    return hashlib.sha256(csv).hexdigest()


def manifest_parts(
    manifest: Manifest, corpus: Corpus, slices: SliceTable, rule: SplitRule
) -> tuple[NDArray[np.str_], list[str]]:
    """The part of each slice, `(slices,)`, and notes on tracks without a match and an assigned validation part.

    Raises:
        GtzanError: There is no such file or column, it is no list, or it names none of the tracks.
    """
    files = manifest_files(manifest, rule.fold)
    if list(files) == [""] and set(COLUMNS) <= set(read_table_file(files[""], as_text=True).columns):
        return read_manifest(files[""], corpus, slices), []
    if files:
        listed = [pair for part, path in files.items() for pair in _listed(path, part, corpus, rule)]
        source = ", ".join(map(str, files.values()))
    else:
        listed, source = _of_column(str(manifest).removeprefix(MANIFEST_COLUMN), corpus, rule), str(manifest)
    known = [track.track_id for track in corpus.tracks]
    found = matched_tracks([name for name, _ in listed], corpus.tracks, f"split.manifest={source}")
    part_of_track: dict[str, str] = {}
    for track, (name, part) in zip(found, listed, strict=True):
        if track is not None and part_of_track.setdefault(track, part) != part:
            raise GtzanError(
                f"split.manifest={source}: {name} is in {part_of_track[track]} and in {part}. Leave it in one part."
            )
    if not part_of_track:
        raise GtzanError(
            f"split.manifest={source}: names none of the {len(known):,} tracks. It has "
            f"{examples(name for name, _ in listed)}; the data have {examples(known)}."
        )
    unknown = [name for (name, _), track in zip(listed, found, strict=True) if track is None]
    unlisted = [track for track in known if track not in part_of_track]
    notes = [
        f"split.manifest: {counted(len(names), 'track', 'tracks')} {what}: {examples(names, SHOWN)}"
        for names, what in ((unknown, "of the list not in the data"), (unlisted, "of the data not in the list"))
        if names
    ]
    tracks, note = with_validation(np.asarray([part_of_track.get(t, EXCLUDED) for t in known]), corpus, rule)
    return tracks[slices.track_index], [*notes, *([note] if note else [])]


def _listed(path: Path, part: str, corpus: Corpus, rule: SplitRule) -> list[tuple[str, str]]:
    """Track and part of each row of a list; `part` is that of the whole file, "" if a column has it."""
    table = read_table_file(path, as_text=True)
    keys = {track_key(track.track_id) for track in corpus.tracks}
    columns = table.columns
    matches = {name: sum(track_key(value) in keys for value in values) for name, values in columns.items()}
    named = [name for name in columns if plain(name) in NAMES["id"]]
    identity = max(matches, key=lambda name: (matches[name], name in named))
    names = list(columns[identity])
    if part:
        header = [identity] if table.has_header and track_key(identity) in keys else []  # a list without a header
        return [(name, part) for name in header + names]
    return list(zip(names, _parts_of(table, identity, rule), strict=True))


def _parts_of(table: TableFile, identity: str, rule: SplitRule) -> list[str]:
    """The parts in the first column that mostly has parts; those with a usual name come before the others."""
    others = [name for name in table.columns if name != identity]
    for name in sorted(others, key=lambda name: plain(name) not in NAMES["part"]):
        values = table.columns[name].tolist()
        words, folds = _rows_of_parts(values)
        is_fold = plain(name) in NAMES["part"] and 2 * len(folds) > len(values)
        if is_fold or (2 * len(words) > len(values) and any(map(part_of, values))):
            column = f"column {name}"
            return _as_parts(values, f"{table.path}, {column}", partial(_cell, table, column), rule)
    raise GtzanError(
        f"split.manifest={table.path}: no column has train, val and test or the number of a fold (columns: "
        f"{', '.join(table.columns)}).\nName one file a part: split.manifest={{train: FILE, test: FILE}}."
    )


def _of_column(name: str, corpus: Corpus, rule: SplitRule) -> list[tuple[str, str]]:
    found = [column for column in corpus.columns if plain(column) == plain(name)]
    if not found:
        known = ", ".join(corpus.columns) or "none"
        raise GtzanError(f"split.manifest={MANIFEST_COLUMN}{name}: the data have no such column. They have: {known}.")
    values = corpus.columns[found[0]]
    for track, value in values.items():
        several = value.split(SEVERAL)
        if len({each if (part := part_of(each)) is None else part for each in several}) > 1:
            raise GtzanError(
                f"split.manifest={MANIFEST_COLUMN}{name}: the rows of {track} are in several parts: "
                f"{', '.join(map(repr, several))}. Give all rows of a track the same part."
            )
    first = [value.partition(SEVERAL)[0] for value in values.values()]
    tracks, column = list(values), f"column {found[0]}"
    parts = _as_parts(first, column, lambda row: f"{column}, track {tracks[row]}", rule)
    return list(zip(tracks, parts, strict=True))


def _cell(table: TableFile, column: str, row: int) -> str:
    return f"{table.path}, {table.line(row)}: {column}"


def _rows_of_parts(values: Sequence[str]) -> tuple[list[int], list[int]]:
    """The rows with words for parts, and those with the numbers of folds."""
    words = [row for row, value in enumerate(values) if part_of(value) is not None]
    return words, [row for row, value in enumerate(values) if value.isdecimal()]


def _as_parts(values: Sequence[str], where: str, place: Callable[[int], str], rule: SplitRule) -> list[str]:
    """Parts from words, or from the numbers of folds with `split.fold` as the test part; `place` names a row."""
    words, numbers = _rows_of_parts(values)
    are_folds = len(numbers) > len(words)
    wrong = set(range(len(values))).difference(numbers if are_folds else words)
    if wrong:
        row = min(wrong)
        close = get_close_matches(values[row].casefold(), PART_OF_WORD, n=1)
        hint = f" Did you mean {close[0]}?" if close and not are_folds else ""
        allowed = "the numbers of folds" if are_folds else f"{', '.join(PARTS)} and their usual names"
        raise GtzanError(f"split.manifest: {place(row)} has {values[row]!r}; allowed: {allowed}.{hint}")
    if not are_folds:
        return [str(part_of(value)) for value in values]
    folds = sorted({int(value) for value in values})
    if rule.fold not in folds:
        raise GtzanError(f"split.manifest: {where} has folds {folds}; split.fold chooses the one that is tested.")
    return ["test" if int(value) == rule.fold else "train" for value in values]


def read_manifest(path: Path, corpus: Corpus, slices: SliceTable) -> NDArray[np.str_]:
    """The part of each slice according to a manifest file, `(slices,)`; "" for a slice that it does not contain.

    Raises:
        GtzanError: The file is not a manifest, or contains a slice that does not exist or is repeated.
    """
    table = _table(path)
    position = {
        (corpus.tracks[track].track_id, round(float(start), 6), round(float(stop), 6)): index
        for index, (track, start, stop) in enumerate(
            zip(slices.track_index, slices.start_s, slices.stop_s, strict=True)
        )
    }
    known = {track.track_id for track in corpus.tracks}
    parts = np.full(len(slices), EXCLUDED, dtype="<U5")
    keys = zip(table["track_id"], table["start_s"].round(6), table["stop_s"].round(6), strict=True)
    for line, (key, part) in enumerate(zip(keys, table["part"], strict=True), start=2):
        if key[0] not in known:
            raise GtzanError(
                f"split.manifest={path}, line {line}: there is no track {key[0]!r}; the data have "
                f"{examples(sorted(known))}.\nUse the manifest with the data root that it was made for, or write "
                "the names as in the data."
            )
        if key not in position:
            raise GtzanError(
                f"split.manifest={path}, line {line}: {key[0]} from {key[1]:g} to {key[2]:g} s is no slice here.\n"
                "Use the manifest with the data root, features and slice that it was made for."
            )
        if parts[position[key]] != EXCLUDED:
            raise GtzanError(
                f"split.manifest={path}, line {line}: {key[0]} at {key[1]:g} s is named twice. Delete one row."
            )
        parts[position[key]] = part
    return parts


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise GtzanError(f"split.manifest: there is no file {path}. Give the split.csv of a run.")
    try:
        kinds = {"track_id": str, "part": str, "start_s": float, "stop_s": float}
        table = pd.read_csv(path, dtype=kinds, keep_default_na=False)  # "nan" is a valid track ID
    except (ValueError, OSError) as error:
        raise GtzanError(
            f"split.manifest={path}: not a split manifest ({error}). Give the split.csv of a run."
        ) from error
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise GtzanError(f"split.manifest={path}: no column {', '.join(missing)}. Give the split.csv of a run.")
    table["track_id"] = table["track_id"].map(text_of_cell)
    wrong = table.index[~table["part"].isin(PARTS)]
    if len(wrong):
        value = table["part"].iloc[wrong[0]]
        raise GtzanError(f"split.manifest={path}, line {wrong[0] + 2}: part {value!r}; allowed: {', '.join(PARTS)}.")
    return table
