"""Roles of the columns of a feature table, and the place, track and genre of each of its rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.cell_numbers import has_few_texts
from gtzan_lightning.corpus.table_files import Column, TableFile, counted, is_numeric, text_of
from gtzan_lightning.corpus.tracks import (
    GTZAN_GENRES,
    genre_in_name,
    genre_key,
    genre_names,
    part_of,
    split_track_name,
)  # fmt: skip
from gtzan_lightning.errors import GtzanError

NAMES = {
    "id": (
        "filename", "file", "path", "trackid", "id", "ids", "filepath", "track", "song", "songid", "trackname", "clip",
        "audio", "audiofile", "audiopath", "wav", "name",
    ),
    "genre": (
        "label", "genre", "labels", "genres", "class", "classname", "y", "target", "category", "genretop", "topgenre",
        "musicgenre", "classlabel", "labelname", "genrelabel",
    ),
    "window": (
        "window", "segment", "seg", "chunk", "windownumber", "segmentnumber", "segmentid", "chunkid", "windowid",
    ),
    "start": ("starts", "start", "starttime", "startsec", "startseconds", "onset", "begin", "offsets"),
    "length": ("length", "duration", "durations", "lengths", "windows", "nsamples", "samples"),
    "part": ("split", "set", "subset", "part", "partition", "fold", "folds", "type", "usage", "filteredpart"),
}  # fmt: skip
"""Usual names of the columns of each role, in lower case without other characters, the most likely first."""

FROM_NAME = "name"  # features.columns.genre=name takes the genre from the names of the tracks
ROW_NUMBERS = (
    "column1",
    "index",
    "level0",
    "row",
    "rownumber",
    "rowid",
)  # distinct whole numbers in them are no feature
LEFT_OUT = "left out, "  # beginning of the sentences on columns that are not used
MAX_GENRES = 200
_AUDIO_NAME = re.compile(r".+\.(wav|au|mp3|flac|ogg|oga|opus|aiff?|m4a)([._-]?\w*)", re.I)


@dataclass(frozen=True)
class Roles:
    """The column of each role; None where there is none."""

    id: str | None
    genre: str | None
    window: str | None
    start: str | None
    length: str | None
    parts: tuple[str, ...]
    features: tuple[str, ...]
    dropped: dict[str, str] = field(default_factory=dict)  # reason by column

    def lines(self) -> list[str]:
        """How the columns are used, one sentence each."""
        named = {"id": self.id, "genre": self.genre, "window": self.window, "start": self.start, "length": self.length}
        found = [f"{role} = {column}" for role, column in named.items() if column]
        found += [f"split = {column}" for column in self.parts]
        shown = self.features if len(self.features) <= 4 else (*self.features[:2], "...", self.features[-1])
        lines = [
            f"columns: {'; '.join(found) or 'no role found'}",
            f"{len(self.features)} features: {', '.join(shown)}",
        ]
        reasons: dict[str, list[str]] = {}
        for column, reason in self.dropped.items():
            reasons.setdefault(reason, []).append(column)
        for reason, columns in reasons.items():
            more = f" and {len(columns) - 6} more" if len(columns) > 6 else ""
            lines.append(f"{LEFT_OUT}{reason}: {', '.join(columns[:6])}{more}")
        return lines


def find_roles(
    table: TableFile, chosen: dict[str, str], wanted: tuple[str, ...] | None, dropped: Iterable[str]
) -> Roles:
    """Roles of the columns.

    Args:
        table: The file.
        chosen: `features.columns`: column by role; the others are found.
        wanted: The features, where they are fixed; None takes every numeric column without another role.
        dropped: `features.drop`: columns that are no features.

    Raises:
        GtzanError: A chosen column or one to drop does not exist, or no feature remains.
    """
    named = {role: _column(table, column, f"features.columns.{role}") for role, column in chosen.items()
             if not (role == "genre" and column == FROM_NAME)}  # fmt: skip
    columns = table.columns
    identity = named.get("id") or _find_id(table)
    taken = {identity, *named.values()}
    genre = named.get("genre") or (None if chosen.get("genre") == FROM_NAME else _find_genre(table, taken))
    taken.add(genre)
    others: dict[str, str | None] = {}
    for role in ("window", "start", "length"):
        others[role] = named.get(role) or next(
            (name for name in _named(table, role, taken) if _is_measure(columns[name])), None
        )
        taken.add(others[role])
    parts = tuple(
        name for name, values in columns.items()
        if name not in taken - {named.get("part")} and (name == named.get("part") or _is_part(name, values))
    )  # fmt: skip
    taken |= set(parts)
    if wanted is None:  # a table for a trained run may lack what the run leaves out
        dropped = [_column(table, name, "features.drop") for name in dropped]
    reasons: dict[str, str] = dict.fromkeys([name for name in columns if name in set(dropped)], "features.drop")
    if wanted is not None:
        return Roles(identity, genre, others["window"], others["start"], others["length"], parts, wanted, reasons)
    for name in columns:
        reason = None if name in taken or name in reasons else _reason_to_drop(name, table, identity, genre)
        if reason:
            reasons[name] = reason
    features = tuple(name for name in columns if name not in taken and name not in reasons)
    if not features:
        raise GtzanError(f"{table.path}: no column of numbers remains as a feature. It has: {', '.join(columns)}.")
    return Roles(identity, genre, others["window"], others["start"], others["length"], parts, features, reasons)


def plain(name: str) -> str:
    """A column name in lower case without blanks and punctuation."""
    return re.sub(r"[\W_]+", "", name.casefold())


def _column(table: TableFile, name: str, key: str) -> str:
    """The column that a setting names, in any case."""
    if name in table.columns:
        return name
    found = [column for column in table.columns if plain(column) == plain(name)]
    if len(found) != 1:
        close = get_close_matches(name, list(table.columns), n=1)
        hint = f" Did you mean {close[0]}?" if close else ""
        raise GtzanError(
            f"{key}={name}: {table.path.name} has no such column.{hint} It has: {', '.join(table.columns)}."
        )
    return found[0]


def _named(table: TableFile, role: str, taken: Iterable[str | None] = ()) -> list[str]:
    """Columns with a usual name of the role, the most likely first."""
    names = NAMES[role]
    found = [name for name in table.columns if plain(name) in names and name not in set(taken)]
    return sorted(found, key=lambda name: names.index(plain(name)))


def _is_measure(values: Column) -> bool:
    return is_numeric(values) and bool(np.all(values[np.isfinite(values)] >= 0))


def _find_id(table: TableFile) -> str | None:
    """The column with track names; a column that numbers the rows is none."""
    named = _named(table, "id")
    texts = [name for name, values in table.columns.items() if not is_numeric(values)]
    for name in [*(name for name in named if name in texts), *(name for name in texts if name not in named)]:
        values = table.columns[name]
        looks = sum(n for value, n in Counter(values).items() if _looks_like_a_track(value)) / len(values)
        if looks >= 0.8 or (name in named and len(set(values)) > max(2, min(len(values) // 40, MAX_GENRES))):
            return name
    numbers = [name for name in named if name not in texts and _integers(table.columns[name])]
    return next((name for name in numbers if not _counts_rows(table.columns[name])), None)


def _looks_like_a_track(value: str) -> bool:
    return bool(_AUDIO_NAME.fullmatch(value)) or genre_in_name(split_track_name(value)[0]) is not None


def _find_genre(table: TableFile, taken: set[str | None]) -> str | None:
    named = _named(table, "genre", taken)
    for numeric in (False, True):  # a text says more than a number
        for name in named:
            values = table.columns[name]
            if is_numeric(values) == numeric and 2 <= _distinct(values) <= MAX_GENRES and (
                not numeric or _integers(values)
            ):  # fmt: skip
                return name
    for name, values in table.columns.items():
        if name in taken or is_numeric(values) or not 2 <= _distinct(values) <= MAX_GENRES:
            continue
        known = sum(genre_key(value) in GTZAN_GENRES for value in values) / len(values)
        if known >= 0.5:
            return name
    single = [name for name in named if _distinct(table.columns[name]) == 1 and not is_numeric(table.columns[name])]
    return single[0] if single else None


def _is_part(name: str, values: Column) -> bool:
    """Whether a column assigns rows to parts or folds."""
    if plain(name) not in NAMES["part"] and "fold" not in plain(name):
        return not is_numeric(values) and len(set(values)) > 1 and all(part_of(value) for value in set(values))
    if is_numeric(values):
        return _integers(values) and _distinct(values) <= 20
    return all(part_of(value) is not None for value in set(values)) or _distinct(values) <= 20


def _reason_to_drop(name: str, table: TableFile, identity: str | None, genre: str | None) -> str | None:
    values = table.columns[name]
    if not is_numeric(values):
        return None if has_few_texts(values.tolist()) else "text"
    finite = values[np.isfinite(values)]
    if not len(finite):
        return "empty"
    if np.ptp(finite) == 0:
        return f"constant ({finite[0]:g} in each row)" if finite[0] == 0 else "constant"
    if _integers(values):
        if _counts_rows(values) or (plain(name) in ROW_NUMBERS and _distinct(values) == len(values)):
            return "the number of the row"
        if identity and _repeats(values, table.columns[identity]):
            return "the number in the name of the track"
        if genre and _same_classes(values, table.columns[genre]):
            return "another form of the genre"
    return None


def _counts_rows(values: NDArray[np.float64]) -> bool:
    ordered = np.sort(values)
    return len(values) > 2 and ordered[0] in (0, 1) and bool(np.all(np.diff(ordered) == 1))


def _repeats(values: NDArray[np.float64], names: Column) -> bool:
    """Whether the numbers are those at the end of the track names."""
    for value, name in zip(values, names, strict=True):
        digits = re.search(r"(\d+)$", split_track_name(name)[0]) if isinstance(name, str) else None
        if digits is None or int(digits[1]) != value:
            return False
    return True


def _same_classes(values: NDArray[np.float64], labels: Column) -> bool:
    pairs = set(zip(values.tolist(), labels.tolist(), strict=True))
    return len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs}) > 1


def _integers(values: NDArray[np.float64]) -> bool:
    return bool(np.all(np.isfinite(values)) and np.all(values == np.round(values)))


def _distinct(values: Column) -> int:
    return len(set(values[np.isfinite(values)].tolist() if is_numeric(values) else values))


class TableRows:
    """The rows of several files as one table, with the place of each row."""

    def __init__(self, tables: Sequence[TableFile]) -> None:
        names = list(tables[0].columns)
        for other in tables[1:]:
            differing = sorted(set(names) ^ set(other.columns))
            if differing:
                raise GtzanError(
                    f"{tables[0].path.name} and {other.path.name} have other columns: {few(differing)}.\n"
                    "Files that are read together need the same columns."
                )
        self.tables = [replace(each, columns={}) for each in tables]
        self.first_rows = np.cumsum([0, *map(len, tables)])  # of each file, and the number of all rows
        self.numbers = np.arange(self.first_rows[-1])  # of the rows, over all files
        columns = {name: _concatenated([each.columns[name] for each in tables]) for name in names}
        self.joined = replace(tables[0], columns=columns)

    def chosen(self, rows: NDArray[np.bool_]) -> TableRows:
        """Selects rows."""
        if rows.all():
            return self
        result = object.__new__(TableRows)
        result.tables, result.first_rows, result.numbers = self.tables, self.first_rows, self.numbers[rows]
        result.joined = self.joined.rows(rows)
        return result

    @property
    def path(self) -> Path:
        """The first file, for messages."""
        return self.joined.path

    def where(self, row: int) -> str:
        """File and line of a row."""
        number = int(self.numbers[row])
        place = int(np.searchsorted(self.first_rows, number, side="right")) - 1
        table = self.tables[place]
        return f"{table.path.name}, {table.line(number - int(self.first_rows[place]))}"

    def __len__(self) -> int:
        return len(self.numbers)


def _concatenated(columns: Sequence[Column]) -> Column:
    if len(columns) == 1:
        return columns[0]
    if len({is_numeric(column) for column in columns}) == 2:  # a column of names that are numbers in one file
        columns = [text_of(column) for column in columns]
    return np.concatenate(columns)


def genre_of_rows(
    table: TableRows, roles: Roles, in_name: Sequence[str | None], aliases: dict[str, str], *, trust_labels: bool
) -> tuple[list[str], list[str]]:
    """Genre of each row and notes; `in_name` has the genres in the names of the tracks.

    Raises:
        GtzanError: There are no genres, or labels contradict the names of the tracks.
    """
    if roles.genre is None:
        unnamed = [row for row, genre in enumerate(in_name) if genre is None]
        if unnamed:
            raise GtzanError(
                f"{table.path}: no column has the genres (columns: {few(list(table.joined.columns), 8)}), and not all "
                "track names do.\nName it: features.columns.genre=COLUMN."
            )
        spelling, notes = genre_names([str(genre) for genre in in_name], aliases)
        return [spelling[str(genre)] for genre in in_name], notes
    labels = list(text_of(table.joined.columns[roles.genre]))
    empty = [row for row, label in enumerate(labels) if not label.strip()]
    if empty:
        raise GtzanError(
            f"{table.where(empty[0])}: no genre in column {roles.genre} ({counted(len(empty), 'row', 'rows')}). "
            "Fill it in, or remove the row."
        )
    notes = []
    if is_numeric(table.joined.columns[roles.genre]) and all(in_name):
        labels, notes = _named_numbers(labels, [str(genre) for genre in in_name], aliases)
    spelling, more = genre_names(labels, aliases)
    genres = [spelling[label] for label in labels]
    notes += more
    if not trust_labels:
        notes += _compared(table, roles, genres, in_name, aliases)
    return genres, notes


def _named_numbers(
    labels: Sequence[str], in_name: Sequence[str], aliases: dict[str, str]
) -> tuple[list[str], list[str]]:
    """Genres for labels that are numbers, from the names of the tracks."""
    unknown = sorted({label for label in labels if label not in aliases}, key=float)
    votes: dict[str, Counter[str]] = {label: Counter() for label in unknown}
    for label, genre in zip(labels, in_name, strict=True):
        if label in votes:
            votes[label][genre] += 1
    chosen = {label: counts.most_common(1)[0][0] for label, counts in votes.items()}
    if len(set(chosen.values())) < len(chosen):
        return list(labels), ["the labels are numbers, and the track names do not say which genres they are"]
    listed = ", ".join(f"{label} = {genre}" for label, genre in chosen.items())
    return [chosen.get(label, label) for label in labels], [f"labels are numbers: {listed} (from the track names)"]


def _compared(
    table: TableRows, roles: Roles, genres: Sequence[str], in_name: Sequence[str | None], aliases: dict[str, str]
) -> list[str]:
    """Compares labels with the genres in the track names.

    Raises:
        GtzanError: A name has the genre of other labels.
    """
    other = {genre_key(name): genre_key(genre) for name, genre in aliases.items()}
    key_of = {genre_key(genre) for genre in set(genres)}
    written = Counter((genre, name) for genre, name in zip(genres, in_name, strict=True) if name)
    pairs: Counter[tuple[str, str]] = Counter()
    for (genre, name), n in written.items():
        pairs[genre, other.get(genre_key(name), genre_key(name))] += n
    wrong = {pair: n for pair, n in pairs.items() if pair[1] in key_of and genre_key(pair[0]) != pair[1]}
    if wrong:
        total = sum(wrong.values())
        listed = "; ".join(f"{n:,} named {name} are labelled {genre}" for (genre, name), n in
                           sorted(wrong.items(), key=lambda item: -item[1])[:3])  # fmt: skip
        raise GtzanError(
            f"{table.path}: in {total:,} of {len(genres):,} rows label and track name disagree: {listed}"
            f"{' ...' if len(wrong) > 3 else ''}.\n"
            f"If the labels are right: features.columns.genre={roles.genre}. "
            f"If the names are: features.columns.genre={FROM_NAME}."
        )
    odd = {name: genre for (genre, name) in pairs if name not in key_of}
    by_prefix: dict[str, set[str]] = {}
    for genre, name in pairs:
        by_prefix.setdefault(name, set()).add(genre)
    return [
        f"tracks named {name!r} have the label {genre!r}, which counts"
        for name, genre in sorted(odd.items())
        if len(by_prefix[name]) == 1
    ]


def few(items: Sequence[str], most: int = 5) -> str:
    """The first items, and dots where there are more."""
    return ", ".join(items[:most]) + (" ..." if len(items) > most else "")
