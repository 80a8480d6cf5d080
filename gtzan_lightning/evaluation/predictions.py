"""The table that all evidence is computed from: one row a slice, its genre and what the model said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import replacing

PARTS = ("train", "val", "test")
LEADING_COLUMNS = ("track_id", "start_s", "part", "y_true")
SUM_TOLERANCE = 1e-3  # a row's probabilities sum to 1 within this


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a model said about each slice; `clips` makes the same kind of table with one row a track.

    Lists are accepted and become arrays. Probabilities are held as float32, which the file reproduces exactly,
    so that a number computed from the file equals the one computed from memory.

    Raises:
        ValueError: the columns differ in length, or a part or a genre is unknown.
        GtzanError: a probability is no finite number between 0 and 1, or a row does not sum to 1.
    """

    track_id: NDArray[np.object_]  # (rows,)
    start_s: NDArray[np.float64]  # (rows,), where the slice begins in its track
    part: NDArray[np.object_]  # (rows,), "train", "val" or "test"
    y_true: NDArray[np.object_]  # (rows,), the genre's name
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
                f"the model's probabilities for {self.track_id[row]} at {self.start_s[row]:g} s are no distribution "
                f"(they sum to {self.probabilities[row].sum():g}). The training has probably diverged: "
                "choose a lower learning rate."
            )

    def __len__(self) -> int:
        return len(self.track_id)

    def labels(self) -> NDArray[np.intp]:
        """True genre of each row as a position in `genres`, `(rows,)`."""
        position = {genre: index for index, genre in enumerate(self.genres)}
        return np.array([position[genre] for genre in self.y_true], dtype=np.intp)

    def decisions(self) -> NDArray[np.intp]:
        """Most probable genre of each row as a position in `genres`, `(rows,)`; the first of those that tie."""
        return self.probabilities.argmax(axis=1)

    def rows(self, chosen: NDArray[Any]) -> Predictions:
        """The rows that a boolean mask or an array of positions chooses."""
        return Predictions(
            self.track_id[chosen],
            self.start_s[chosen],
            self.part[chosen],
            self.y_true[chosen],
            self.probabilities[chosen],
            self.genres,
        )

    def only(self, part: str) -> Predictions:
        """The rows of one part, `"train"`, `"val"` or `"test"`; possibly none."""
        if part not in PARTS:
            raise ValueError(f"part {part!r} is not among {PARTS}")
        return self.rows(self.part == part)

    def clips(self) -> Predictions:
        """One row a track: the mean probability of its slices, in order of first appearance.

        A leaky split puts slices of a track into several parts: the track then has a row in each of them, made
        from that part's slices alone.
        """
        clip, first = self._clip_of_row()
        total = np.zeros((len(first), len(self.genres)))  # float64: the order of the rows must not matter
        np.add.at(total, clip, self.probabilities)
        mean = total / np.bincount(clip, minlength=len(first))[:, None]
        return replace(self.rows(first), probabilities=mean.astype(np.float32))

    def clip_votes(self) -> NDArray[np.intp]:
        """The genre that most slices of each clip vote for, `(clips,)`, clips as in `clips`.

        A slice votes for its most probable genre. Of the genres with equally many votes, the one with the higher
        mean probability wins.
        """
        clip, first = self._clip_of_row()
        votes = np.zeros((len(first), len(self.genres)))
        np.add.at(votes, (clip, self.decisions()), 1)
        tied = votes == votes.max(axis=1, keepdims=True)
        return np.where(tied, self.clips().probabilities, -1.0).argmax(axis=1)

    def _clip_of_row(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Each row's clip, `(rows,)`, and each clip's first row, `(clips,)`."""
        rows = pd.DataFrame({"part": self.part, "track": self.track_id}).groupby(["part", "track"], sort=False)
        clip = np.asarray(rows.ngroup(), dtype=np.intp)
        first = np.unique(clip, return_index=True)[1]
        wrong = self.y_true != self.y_true[first[clip]]
        if wrong.any():
            raise ValueError(f"track {self.track_id[wrong.argmax()]} has two genres")
        return clip, first


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write the table as CSV: `track_id, start_s, part, y_true, p_<genre>...`; a reader never sees half a file."""
    frame = pd.DataFrame({name: getattr(predictions, name) for name in LEADING_COLUMNS})
    frame["start_s"] = [repr(float(start)) for start in predictions.start_s]  # the shortest text that reads back
    names = [f"p_{genre}" for genre in predictions.genres]
    table = pd.concat([frame, pd.DataFrame(predictions.probabilities.astype(np.float64), columns=names)], axis=1)
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g", lineterminator="\n")  # 9 digits: float32 exactly


def read_predictions(path: Path) -> Predictions:
    """Read what `write_predictions` wrote, or a table of the same columns from elsewhere.

    Raises:
        GtzanError: naming file, row (the line of the file) and column of what is wrong.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8")
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise GtzanError(f"{path}: cannot be read as a table of predictions: {error}.") from error
    genres = _genres_of_columns(list(table.columns), path)
    for name, allowed in (("part", PARTS), ("y_true", genres)):
        _refuse_rows(~table[name].isin(allowed), table[name], f"is none of {', '.join(allowed)}", path)
    start_s = _numbers(table["start_s"], path)
    columns = [_numbers(table[f"p_{genre}"], path) for genre in genres]
    probabilities = np.stack(columns, axis=1).astype(np.float32)
    row = _first_bad_row(probabilities)
    if row is not None:
        raise GtzanError(
            f"{path}, line {row + 2}: the probabilities lie outside [0, 1] or do not sum to 1 "
            f"(sum {probabilities[row].sum():g}). Write softmax outputs, not logits."
        )
    strings = [table[name].to_numpy(dtype=object) for name in ("track_id", "part", "y_true")]
    return Predictions(strings[0], start_s, strings[1], strings[2], probabilities, genres)


def _genres_of_columns(columns: list[str], path: Path) -> tuple[str, ...]:
    """Genres named by the `p_<genre>` columns, after a check that no other column is missing."""
    missing = [name for name in LEADING_COLUMNS if name not in columns]
    genres = tuple(name[2:] for name in columns if name.startswith("p_"))
    if missing or len(genres) < 2:
        lack = ", ".join(missing) or "at least two p_<genre>"
        raise GtzanError(f"{path}: no column {lack}. Expected: {', '.join(LEADING_COLUMNS)}, p_<genre>...")
    return genres


def _numbers(column: pd.Series, path: Path) -> NDArray[np.float64]:
    """The column as numbers, each text read to the nearest float64."""
    try:
        values = column.to_numpy(dtype=object).astype(np.float64)
    except ValueError:
        values = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    _refuse_rows(~pd.Series(np.isfinite(values)), column, "is no finite number", path)
    return values


def _refuse_rows(wrong: pd.Series, column: pd.Series, what: str, path: Path) -> None:
    """Raise for the first wrong row; line 1 of the file is the header."""
    if wrong.any():
        row = int(wrong.to_numpy().argmax())
        raise GtzanError(
            f"{path}, line {row + 2}, column {column.name}: {column.iloc[row]!r} {what} "
            f"({int(wrong.sum())} such row(s)). Correct the row or write the file again."
        )


def _first_bad_row(probabilities: NDArray[np.float32]) -> int | None:
    """Position of the first row that is no probability distribution."""
    outside = ~((probabilities >= 0) & (probabilities <= 1 + SUM_TOLERANCE)).all(axis=1)  # NaN is outside
    wrong = outside | (np.abs(probabilities.sum(axis=1) - 1) > SUM_TOLERANCE)
    return int(wrong.argmax()) if wrong.any() else None
