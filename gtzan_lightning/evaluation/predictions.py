"""Table of predictions, from which all metrics are computed: one row per slice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.content_index import UNREADABLE, content_hash
from gtzan_lightning.utils.files import as_cell, quoted, replacing, text_of_cell

if TYPE_CHECKING:  # a report of finished runs starts without pandas
    import pandas as pd

PARTS = ("train", "val", "test")
LEADING_COLUMNS = ("track_id", "start_s", "part", "y_true")
BINARY = ".npz"  # suffix of the binary copy of a CSV file
BLOCK_ROWS = 10_000  # rows that are formatted at a time
SUM_TOLERANCE = 1e-3  # allowed deviation from 1 of the sum of a row's probabilities


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predicted probabilities of each slice; `clips` returns the same kind of table with one row per track.

    Lists are converted to arrays. Probabilities are float32, which the CSV file reproduces exactly, so metrics computed
    from the file and from memory are equal.

    Raises:
        ValueError: The columns differ in length, or a part or a genre is unknown.
        GtzanError: A probability is not between 0 and 1, or a row does not sum to 1.
    """

    track_id: NDArray[np.object_]  # (rows,)
    start_s: NDArray[np.float64]  # (rows,), start of the slice in its track
    part: NDArray[np.object_]  # (rows,), "train", "val" or "test"
    y_true: NDArray[np.object_]  # (rows,), name of the true genre
    probabilities: NDArray[np.float32]  # (rows, genres)
    genres: tuple[str, ...]  # names of the columns of `probabilities`

    def __post_init__(self) -> None:
        for name, kind in (("track_id", object), ("start_s", np.float64), ("part", object), ("y_true", object)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=kind))
        object.__setattr__(self, "probabilities", np.asarray(self.probabilities, dtype=np.float32))
        object.__setattr__(self, "genres", tuple(self.genres))
        rows = len(self.track_id)
        if self.probabilities.shape != (rows, len(self.genres)):
            raise ValueError(f"probabilities {self.probabilities.shape} are not ({rows}, {len(self.genres)})")
        if not all(column.shape == (rows,) for column in (self.start_s, self.part, self.y_true)):
            raise ValueError("the columns of the predictions differ in length")
        for name, values, allowed in (("part", self.part, PARTS), ("y_true", self.y_true, self.genres)):
            unknown = set(values) - set(allowed)
            if unknown:
                raise ValueError(f"{name} {sorted(map(str, unknown))} is not among {allowed}")
        row = _first_bad_row(self.probabilities)
        if row is not None:
            raise GtzanError(
                f"the model's probabilities for {self.track_id[row]} at {self.start_s[row]:g} s are not a distribution "
                f"(they sum to {self.probabilities[row].sum():g}). The training has probably diverged: "
                "choose a lower learning rate."
            )

    def __len__(self) -> int:
        return len(self.track_id)

    def labels(self) -> NDArray[np.intp]:
        """True genre of each row as an index into `genres`, `(rows,)`."""
        index = {genre: number for number, genre in enumerate(self.genres)}
        return np.fromiter(map(index.__getitem__, self.y_true), np.intp, len(self))

    def decisions(self) -> NDArray[np.intp]:
        """Most probable genre of each row as an index into `genres`, `(rows,)`; the first one of ties."""
        return self.probabilities.argmax(axis=1)

    def rows(self, chosen: NDArray[Any] | slice) -> Predictions:
        """Select rows by a slice, a boolean mask or an array of indices."""
        columns = {name: getattr(self, name)[chosen] for name in (*LEADING_COLUMNS, "probabilities")}
        return replace(self, **columns)

    def only(self, part: str) -> Predictions:
        """Select the rows of one part, `"train"`, `"val"` or `"test"`; there may be none."""
        if part not in PARTS:
            raise ValueError(f"part {part!r} is not among {PARTS}")
        chosen = np.flatnonzero(self.part == part)
        together = len(chosen) and chosen[-1] - chosen[0] == len(chosen) - 1
        return self.rows(slice(chosen[0], chosen[-1] + 1) if together else chosen)  # a slice copies nothing

    def clips(self) -> Predictions:
        """Average the probabilities of each track's slices: one row per track, in order of first appearance.

        In a leaky split, a track with slices in several parts has one row per part, from the slices of that part.

        Raises:
            ValueError: A track has two genres.
        """
        clip, first = self._clip_of_row()
        total = np.zeros((len(first), len(self.genres)))  # float64, so that the order of the rows has no effect
        np.add.at(total, clip, self.probabilities)
        mean = total / np.bincount(clip, minlength=len(first))[:, None]
        return replace(self.rows(first), probabilities=mean.astype(np.float32))

    def clip_votes(self) -> NDArray[np.intp]:
        """Majority vote of the slices of each clip, `(clips,)`, in the order of `clips`.

        A slice votes for its most probable genre. Ties are broken by the mean probability.
        """
        clip, first = self._clip_of_row()
        votes = np.zeros((len(first), len(self.genres)))
        np.add.at(votes, (clip, self.decisions()), 1)
        tied = votes == votes.max(axis=1, keepdims=True)
        return np.where(tied, self.clips().probabilities, -1.0).argmax(axis=1)

    def _clip_of_row(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Clip of each row, `(rows,)`, and first row of each clip, `(clips,)`."""
        import pandas as pd

        rows = pd.DataFrame({"part": self.part, "track": self.track_id}).groupby(["part", "track"], sort=False)
        clip = np.asarray(rows.ngroup(), dtype=np.intp)
        first = np.unique(clip, return_index=True)[1]
        wrong = self.y_true != self.y_true[first[clip]]
        if wrong.any():
            raise ValueError(f"track {self.track_id[wrong.argmax()]} has two genres")
        return clip, first


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Writes the table atomically as CSV with columns `track_id, start_s, part, y_true, p_<genre>...`.

    `<stem>.npz` beside it holds the same table in a form that is read fast, see `stored_table`.
    """
    digest = hashlib.sha256()
    with replacing(path) as temporary, temporary.open("wb") as file:
        for lines in _csv_lines(predictions):
            digest.update(lines)
            file.write(lines)
    _store(predictions, path, digest.hexdigest())


def _csv_lines(predictions: Predictions) -> Iterator[bytes]:
    """The CSV file in blocks of rows, as `pandas.DataFrame.to_csv` writes them, several times as fast."""
    yield ",".join([*LEADING_COLUMNS, *(quoted(f"p_{genre}") for genre in predictions.genres)]).encode() + b"\n"
    text = {name: quoted(as_cell(name)) for name in {*predictions.track_id, *predictions.y_true}}
    form = ",".join(["%s,%r,%s,%s", *["%.9g"] * len(predictions.genres)]) + "\n"  # 9 digits are exact for float32
    for first in range(0, len(predictions), BLOCK_ROWS):
        block = slice(first, first + BLOCK_ROWS)
        leading = (
            [text[name] for name in predictions.track_id[block]],
            predictions.start_s[block].tolist(),  # %r is the shortest exact form
            predictions.part[block],
            [text[name] for name in predictions.y_true[block]],
        )
        probabilities = predictions.probabilities[block].astype(np.float64).T.tolist()
        yield "".join(map(form.__mod__, zip(*leading, *probabilities, strict=True))).encode()


@dataclass(frozen=True, eq=False)
class StoredTable:
    """The binary copy of a CSV file with predictions."""

    path: Path
    about: dict[str, Any]  # the state of the CSV file, rows of each part, names of tracks and genres

    def rows(self, part: str) -> int:
        """Number of rows of a part; reads no array."""
        return int(self.about["rows"][part])

    def predictions(self) -> Predictions:
        """The whole table."""
        with np.load(self.path, allow_pickle=False) as arrays:
            tracks, genres, parts = (
                np.array(names, dtype=object) for names in (self.about["tracks"], self.about["genres"], PARTS)
            )
            return Predictions(
                tracks[arrays["track"]], arrays["start_s"], parts[arrays["part"]], genres[arrays["y_true"]],
                arrays["probabilities"], tuple(genres),
            )  # fmt: skip


def stored_table(path: Path) -> StoredTable | None:
    """The binary copy of the CSV file `path`; None if there is none, or the CSV file has changed since.

    A file of the same size and time is the same; otherwise its content is compared, since a copy of a run folder may
    have other times.
    """
    copy = path.with_suffix(BINARY)
    try:
        with np.load(copy, allow_pickle=False) as arrays:
            about = json.loads(str(arrays["about"]))
        state = about["csv"]
        found = path.stat()
        same = (found.st_size, found.st_mtime_ns) == (state["bytes"], state["mtime_ns"])
        if not same and (found.st_size != state["bytes"] or content_hash(path) != state["sha256"]):
            return None
    except UNREADABLE:
        return None
    return StoredTable(copy, about)


def _store(predictions: Predictions, path: Path, sha256: str) -> None:
    """Writes the binary copy of a CSV file that was just written."""
    import pandas as pd

    track, tracks = pd.factorize(predictions.track_id)
    part = pd.Categorical(predictions.part, PARTS).codes  # int8
    counts = {name: int((part == number).sum()) for number, name in enumerate(PARTS)}
    state = path.stat()
    about = {
        "csv": {"bytes": state.st_size, "mtime_ns": state.st_mtime_ns, "sha256": sha256},
        "rows": counts,
        "tracks": list(tracks),
        "genres": list(predictions.genres),
    }
    with replacing(path.with_suffix(BINARY), sync=False) as temporary, temporary.open("wb") as file:
        np.savez(
            file, about=np.array(json.dumps(about)), track=track.astype(np.int32), start_s=predictions.start_s,
            part=part, y_true=predictions.labels().astype(np.int16),
            probabilities=predictions.probabilities,
        )  # fmt: skip


def read_predictions(path: Path) -> Predictions:
    """Reads the file of `write_predictions`, or another CSV file with the same columns.

    Raises:
        GtzanError: The file is unreadable or invalid; the message names file, line and column.
    """
    if (stored := stored_table(path)) is not None:
        return stored.predictions()
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise GtzanError(f"{path}: cannot be read as a table of predictions: {error}.") from error
    genres = _genres_of_columns(list(table.columns), path)
    for name in ("track_id", "y_true"):
        table[name] = table[name].map(text_of_cell)
    for name, allowed in (("part", PARTS), ("y_true", genres)):
        _check_rows(~table[name].isin(allowed).to_numpy(), table[name], f"is not one of {', '.join(allowed)}", path)
    start_s = _numbers(table["start_s"], path)
    columns = [_numbers(table[f"p_{genre}"], path) for genre in genres]
    probabilities = np.stack(columns, axis=1).astype(np.float32)
    row = _first_bad_row(probabilities)
    if row is not None:
        raise GtzanError(
            f"{path}, line {row + 2}: the probabilities lie outside [0, 1] or do not sum to 1 "
            f"(sum {probabilities[row].sum():g}). Write softmax outputs, not logits."
        )
    track_id, part, y_true = (table[name].to_numpy(dtype=object) for name in ("track_id", "part", "y_true"))
    return Predictions(track_id, start_s, part, y_true, probabilities, genres)


def _genres_of_columns(columns: list[str], path: Path) -> tuple[str, ...]:
    """Genres of the `p_<genre>` columns; raise a GtzanError if a column is missing."""
    missing = [name for name in LEADING_COLUMNS if name not in columns]
    genres = tuple(name[2:] for name in columns if name.startswith("p_"))
    if missing or len(genres) < 2:
        wanted = ", ".join(missing) or "at least two p_<genre>"
        raise GtzanError(f"{path}: no column {wanted}. Expected: {', '.join(LEADING_COLUMNS)}, p_<genre>...")
    return genres


def _numbers(column: pd.Series, path: Path) -> NDArray[np.float64]:
    """Convert the column to finite float64, correctly rounded."""
    try:
        values = column.to_numpy(dtype=object).astype(np.float64)
    except ValueError:  # convert what is valid, to report the first wrong row
        import pandas as pd

        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    _check_rows(~np.isfinite(values), column, "is not a finite number", path)
    return values


def _check_rows(wrong: NDArray[np.bool_], column: pd.Series, problem: str, path: Path) -> None:
    """Raise a GtzanError for the first wrong row; line 1 of the file is the header."""
    if wrong.any():
        row = int(wrong.argmax())
        raise GtzanError(
            f"{path}, line {row + 2}, column {column.name}: {column.iloc[row]!r} {problem} "
            f"({int(wrong.sum())} such row(s)). Correct the row or write the file again."
        )


def _first_bad_row(probabilities: NDArray[np.float32]) -> int | None:
    """Index of the first row that is not a probability distribution, None if all are."""
    outside = ~((probabilities >= 0) & (probabilities <= 1 + SUM_TOLERANCE)).all(axis=1)  # includes NaN
    wrong = outside | (np.abs(probabilities.sum(axis=1) - 1) > SUM_TOLERANCE)
    return int(wrong.argmax()) if wrong.any() else None
