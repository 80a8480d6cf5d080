"""Runs that differ in nothing but seeds and folds are one row: mean accuracy, and an interval that says of what.

MERGED: What varied between runs: the fewest config keys that tell them apart, apart from seeds and folds.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gtzan_lightning.evaluation.metrics import Level
from gtzan_lightning.evaluation.significance import Interval, over_seeds
from gtzan_lightning.runs.records import Record
from gtzan_lightning.runs.run_card import REPETITIONS, SPLIT_ORDER, leakage_warnings

LEADING = ("corpus", "features", "model", "slice", "split")
"""What every score is told with."""
GROUPS = ("regularization", "augmentation")
"""Config groups whose members are told by their names where a command line has them."""
UNKNOWN = "-"  # also of a key that is not set


@dataclass(frozen=True)
class Column:
    """One key and its value in each run."""

    key: str  # "model", "split", or a dotted config key
    values: tuple[str, ...]  # one a run, as text

    @property
    def varies(self) -> bool:
        """Whether runs differ in it."""
        return len(set(self.values)) > 1


def columns_of(records: Sequence[Record]) -> tuple[list[Column], list[Column]]:
    """The columns that tell the runs apart, and what all runs have in common (of the leading columns alone)."""
    leading = _leading(records)
    chosen = telling([*_members(records), *_keys(records)], [column for column in leading if column.varies])
    return chosen, [column for column in leading if not column.varies]


def telling(columns: Iterable[Column], chosen: Sequence[Column] = ()) -> list[Column]:
    """The chosen columns, and those of the others that vary and do not follow from the ones before.

    `model.hidden_size` follows where only the model decides it, as do the five keys of `regularization` where the
    member's name stands there.
    """
    found = list(chosen)
    for column in columns:
        if column.varies and not _follows(column, found):
            found.append(column)
    return found


def short_names(columns: Sequence[Column]) -> list[str]:
    """The last part of each key; the whole key where two would be called the same."""
    last = [column.key.rpartition(".")[2] for column in columns]
    return [
        name if last.count(name) == 1 else column.key.removesuffix("._target_")
        for name, column in zip(last, columns, strict=True)
    ]


def _leading(records: Sequence[Record]) -> list[Column]:
    cards = [record.card for record in records]
    seconds = [record.settings.get("slice.seconds") for record in records]
    values = (
        [card["data"]["corpus"] for card in cards],
        [card["features"]["name"] for card in cards],
        [card["model"]["name"] for card in cards],
        [UNKNOWN if value is None else f"{value:g} s" for value in seconds],
        [card["split"]["name"] for card in cards],
    )
    return [Column(key, tuple(map(str, row))) for key, row in zip(LEADING, values, strict=True)]


def _members(records: Sequence[Record]) -> list[Column]:
    """The groups' members by the names that command lines gave them; equal settings have one name."""
    found = []
    for group in GROUPS:
        contents = [_content(record, f"{group}.") for record in records]
        names: dict[Hashable, str] = {}
        for record, content in zip(records, contents, strict=True):
            message = [
                word.partition("=")[2] for word in record.card.get("overrides", []) if word.startswith(f"{group}=")
            ]
            if message:
                names.setdefault(content, message[-1])
        if names:
            found.append(Column(group, tuple(names.get(content, "default") for content in contents)))
    return found


def _keys(records: Sequence[Record]) -> list[Column]:
    keys = dict.fromkeys(key for record in records for key in record.settings if key not in REPETITIONS)
    return [Column(key, tuple(_text(record.settings.get(key)) for record in records)) for key in keys]


def _content(record: Record, prefix: str) -> Hashable:
    return tuple((key, _text(value)) for key, value in record.settings.items() if key.startswith(prefix))


def _follows(column: Column, chosen: Sequence[Column]) -> bool:
    """Whether equal values of the chosen columns always mean equal values of this one."""
    known: dict[Hashable, str] = {}
    rows = zip(*(other.values for other in chosen), strict=True) if chosen else [()] * len(column.values)
    return all(known.setdefault(row, value) == value for row, value in zip(rows, column.values, strict=True))


def _text(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else json.dumps(value)


LEVELS: tuple[Level, ...] = ("window", "clip")
"""The levels that a report shows; every card has the clip's majority vote besides."""


@dataclass(frozen=True)
class Cell:
    """Test accuracy of a configuration at one level."""

    level: str
    mean: float
    interval: Interval  # 95 %
    n: int  # test rows of a run; their mean where splits differ in size
    over: str  # what the interval varies: "5 splits", "106 artists"
    sd: float | None  # over the runs; None for a single one


@dataclass(frozen=True, eq=False)
class Row:
    """One configuration and its repetitions."""

    values: tuple[str, ...]  # of the columns that vary
    records: tuple[Record, ...]
    cells: dict[str, Cell]  # by level

    @property
    def leakage_warnings(self) -> list[str]:
        """Of any of its runs."""
        return sorted({leakage_warning for record in self.records for leakage_warning in leakage_warnings(record.card)})

    @property
    def n_splits(self) -> int:
        """How many different splits its runs were tested on."""
        return len(by_split(self.records))


@dataclass(frozen=True, eq=False)
class Table:
    """All rows, the columns that tell them apart, and what they have in common."""

    columns: tuple[Column, ...]
    common: tuple[Column, ...]
    rows: tuple[Row, ...]

    def names(self, positions: Sequence[int]) -> list[str]:
        """The rows at these positions, each by what tells it from the others there."""
        rows = [self.rows[position] for position in positions]
        values = [tuple(row.values[index] for row in rows) for index in range(len(self.columns))]
        columns = telling([Column(column.key, each) for column, each in zip(self.columns, values, strict=True)])
        if not columns:
            return [str(row.records[0].card["model"]["name"]) for row in rows]
        shown = list(zip(columns, short_names(columns), strict=True))
        return [_name([(column, name, column.values[index]) for column, name in shown]) for index in range(len(rows))]


def tabled(records: Sequence[Record]) -> Table:
    """Groups finished runs into rows, in order of first appearance."""
    columns, common = columns_of(records)
    groups: dict[tuple[str, ...], list[Record]] = {}
    for position, record in enumerate(records):
        groups.setdefault(tuple(column.values[position] for column in columns), []).append(record)
    rows = [
        Row(values, tuple(group), {level: _cell(group, level) for level in LEVELS}) for values, group in groups.items()
    ]
    return Table(
        tuple(columns), tuple(common), tuple(sorted(rows, key=lambda row: [_order(value) for value in row.values]))
    )


def by_split(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Runs by the sha256 of their split."""
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(record.card["split"]["sha256"], []).append(record)
    return groups


def sizes(records: Sequence[Record]) -> tuple[float, float]:
    """Mean number of training and of test slices."""
    slices = [record.card["split"]["slices"] for record in records]
    return float(np.mean([each["train"] for each in slices])), float(np.mean([each["test"] for each in slices]))


def _cell(records: Sequence[Record], level: str) -> Cell:
    """Mean over splits of the means over training seeds.

    The interval is that of Nadeau & Bengio (2003) where splits differ. On one split the spread over training seeds
    knows nothing of its one test part; the runs' own intervals over artists (recordings, tracks) do: their mean.
    """
    scores = [record.card["metrics"]["test"][level] for record in records]
    splits = [float(np.mean([run.accuracy(level) for run in group])) for group in by_split(records).values()]
    if len(splits) > 1:
        interval, over = over_seeds(splits, *sizes(records), (0.0, 1.0)), f"{len(splits)} splits"
    else:
        low, high = np.mean([score["accuracy_ci95"] for score in scores], axis=0).tolist()
        interval, over = (low, high), _clusters(scores[0])
    accuracies = [score["accuracy"] for score in scores]
    return Cell(
        level,
        float(np.mean(splits)),
        interval,
        round(float(np.mean([score["n"] for score in scores]))),
        over,
        float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None,
    )


def _clusters(score: dict) -> str:
    cluster = score.get("cluster", "cluster")
    return f"{score['n_clusters']} {cluster}s" if "n_clusters" in score else f"{cluster}s"


def _name(entries: Sequence[tuple[Column, str, str]]) -> str:
    """`MLP · 9 s · hidden_size 64`; keys that are not set go without saying where something else is said."""
    words = [
        (value if column.key in (*LEADING, *GROUPS) else f"{name} {value}", value != UNKNOWN)
        for column, name, value in entries
    ]
    return " · ".join([word for word, message in words if message] or [word for word, _ in words])


def _order(value: str) -> tuple[float, str]:
    """Numbers in texts in their own order (3 s, 6 s, 30 s), splits from leaky to filtered, all else by letter."""
    if value in SPLIT_ORDER:
        return SPLIT_ORDER.index(value), value
    try:
        return float(value.removesuffix(" s")), value
    except ValueError:
        return -1.0, value
