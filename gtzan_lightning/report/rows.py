"""Runs that differ in nothing but seeds and folds are one row: mean accuracy, and an interval that says of what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gtzan_lightning.evaluation.metrics import Level
from gtzan_lightning.report.columns import GROUPS, LEADING, UNKNOWN, Column, columns_of, short_names, telling
from gtzan_lightning.report.ladder import RUNGS
from gtzan_lightning.report.records import Record
from gtzan_lightning.report.seeds import Interval, over_seeds
from gtzan_lightning.runs.card import stamps

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
    def stamps(self) -> list[str]:
        """Of any of its runs."""
        return sorted({stamp for record in self.records for stamp in stamps(record.card)})

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
        interval, over = (low, high), _units(scores[0])
    accuracies = [score["accuracy"] for score in scores]
    return Cell(
        level,
        float(np.mean(splits)),
        interval,
        round(float(np.mean([score["n"] for score in scores]))),
        over,
        float(np.std(accuracies, ddof=1)) if len(accuracies) > 1 else None,
    )


def _units(score: dict) -> str:
    unit = score.get("cluster", "unit")
    return f"{score['n_clusters']} {unit}s" if "n_clusters" in score else f"{unit}s"


def _name(entries: Sequence[tuple[Column, str, str]]) -> str:
    """`MLP · 9 s · hidden_size 64`; keys that are not set go without saying where something else is said."""
    words = [
        (value if column.key in (*LEADING, *GROUPS) else f"{name} {value}", value != UNKNOWN)
        for column, name, value in entries
    ]
    return " · ".join([word for word, told in words if told] or [word for word, _ in words])


def _order(value: str) -> tuple[float, str]:
    """Numbers in texts in their own order (3 s, 6 s, 30 s), splits from leaky to filtered, all else by letter."""
    if value in RUNGS:
        return RUNGS.index(value), value
    try:
        return float(value.removesuffix(" s")), value
    except ValueError:
        return -1.0, value
