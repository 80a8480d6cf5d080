"""Groups runs that differ only in seeds and folds, and finds the config keys that distinguish the groups."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gtzan_lightning.evaluation.metrics import Level
from gtzan_lightning.evaluation.significance import Interval, over_seeds
from gtzan_lightning.runs.browser import model_name
from gtzan_lightning.runs.records import Record
from gtzan_lightning.runs.run_card import REPETITIONS, SPLIT_ORDER
from gtzan_lightning.runs.run_folder import score_warnings

LEVELS: tuple[Level, ...] = ("window", "clip")
"""The levels of a report; run cards also have the majority vote of each clip."""
LEADING = ("corpus", "features", "model", "slice", "split")
"""Columns that every report states."""
GROUPS = ("regularization", "augmentation")
"""Config groups whose options are shown by the name that the command line gave them."""
FEW = ": not an interval to trust"  # after "2 splits"
UNKNOWN = "-"  # also for a key that is not set


@dataclass(frozen=True)
class Column:
    """One key and its value in each run."""

    key: str  # "model", "split", or a dotted config key
    values: tuple[str, ...]  # of each run, as text

    @property
    def varies(self) -> bool:
        """Whether runs differ in it."""
        return len(set(self.values)) > 1


@dataclass(frozen=True)
class Cell:
    """Test accuracy of a configuration at one level."""

    level: str
    mean: float
    interval: Interval  # 95 %
    n: int  # test rows of a run; their mean if splits differ in size
    over: str  # what the interval is computed over: "5 splits", "106 artists"
    sd: float | None  # over the runs; None for a single run


@dataclass(frozen=True, eq=False)
class Row:
    """One configuration with its repetitions."""

    values: tuple[str, ...]  # one for each column of the table
    records: tuple[Record, ...]
    cells: dict[str, Cell]  # by level

    @property
    def score_warnings(self) -> list[str]:
        """The warnings of all its runs, sorted."""
        return sorted({warning for record in self.records for warning in score_warnings(record.card)})

    @property
    def n_splits(self) -> int:
        """Number of different splits."""
        return len(by_split(self.records))


@dataclass(frozen=True, eq=False)
class Table:
    """All configurations, with the columns that distinguish them and those that they share."""

    columns: tuple[Column, ...]
    common: tuple[Column, ...]
    rows: tuple[Row, ...]

    def names(self, positions: Sequence[int]) -> list[str]:
        """Names of these rows, from the columns that distinguish them: `MLP · 9 s · hidden_size 64`."""
        rows = [self.rows[position] for position in positions]
        values = [tuple(row.values[index] for row in rows) for index in range(len(self.columns))]
        columns = distinguishing([Column(column.key, each) for column, each in zip(self.columns, values, strict=True)])
        if not columns:
            return [model_name(row.records[0].card) for row in rows]
        prefixes = [
            "" if column.key in (*LEADING, *GROUPS) else f"{name} "
            for column, name in zip(columns, short_names(columns), strict=True)
        ]
        names = []
        for of_row in zip(*(column.values for column in columns), strict=True):
            known = [prefix + value for prefix, value in zip(prefixes, of_row, strict=True) if value != UNKNOWN]
            names.append(" · ".join(known or [prefix + UNKNOWN for prefix in prefixes]))
        return names


def tabled(records: Sequence[Record]) -> Table:
    """Groups finished runs into rows, sorted by their values."""
    columns, common = columns_of(records)
    groups: dict[tuple[str, ...], list[Record]] = {}
    for position, record in enumerate(records):
        groups.setdefault(tuple(column.values[position] for column in columns), []).append(record)
    rows = [
        Row(values, tuple(group), {level: _cell(group, level) for level in LEVELS}) for values, group in groups.items()
    ]
    return Table(tuple(columns), tuple(common), tuple(sorted(rows, key=lambda row: [*map(_order, row.values)])))


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

    With several splits the interval is that of Nadeau & Bengio (2003). On a single split the spread over training
    seeds does not include the uncertainty of the test part; the interval is then the mean of the runs' own intervals
    over artists (recordings, tracks).
    """
    scores = [record.card["metrics"]["test"][level] for record in records]
    splits = [float(np.mean([run.accuracy(level) for run in group])) for group in by_split(records).values()]
    if len(splits) > 1:
        interval, over = (
            over_seeds(splits, *sizes(records), (0.0, 1.0)),
            f"{len(splits)} splits{FEW * (len(splits) == 2)}",
        )
    else:
        low, high = np.mean([score["accuracy_ci95"] for score in scores], axis=0).tolist()
        interval, over = (
            (low, high),
            f"{scores[0].get('n_clusters', '')} {scores[0].get('cluster', 'cluster')}s".lstrip(),
        )
    sd = float(np.std([score["accuracy"] for score in scores], ddof=1)) if len(scores) > 1 else None
    n = round(float(np.mean([score["n"] for score in scores])))
    return Cell(level, float(np.mean(splits)), interval, n, over, sd)


def _order(value: str) -> tuple[float, str]:
    """Sort key: numbers by value (3 s, 6 s, 30 s), splits from leaky to filtered, other texts alphabetically."""
    if value in SPLIT_ORDER:
        return SPLIT_ORDER.index(value), value
    try:
        return float(value.removesuffix(" s")), value
    except ValueError:
        return -1.0, value


def columns_of(records: Sequence[Record]) -> tuple[list[Column], list[Column]]:
    """The columns that distinguish the runs, and the leading columns in which all runs agree."""
    leading = _leading(records)
    chosen = distinguishing([*_options(records), *_keys(records)], [column for column in leading if column.varies])
    return chosen, [column for column in leading if not column.varies]


def distinguishing(columns: Iterable[Column], chosen: Sequence[Column] = ()) -> list[Column]:
    """The chosen columns, and those of the others that vary and are not determined by the ones before.

    `model.hidden_size` is left out if it varies with the model only, as are the five keys of `regularization` if the
    option's name has a column.
    """
    found = list(chosen)
    for column in columns:
        known = list(zip(*(other.values for other in found), strict=True)) or [()] * len(column.values)
        if column.varies and len(set(zip(known, column.values, strict=True))) > len(set(known)):
            found.append(column)
    return found


def short_names(columns: Sequence[Column]) -> list[str]:
    """The last part of each key, or the whole key if the last part is ambiguous."""
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
        [model_name(card) for card in cards],
        [UNKNOWN if value is None else f"{value:g} s" for value in seconds],
        [card["split"]["name"] for card in cards],
    )
    return [Column(key, tuple(map(str, row))) for key, row in zip(LEADING, values, strict=True)]


def _options(records: Sequence[Record]) -> list[Column]:
    """The options of `GROUPS` by the names that command lines gave them; equal settings have one name."""
    found = []
    for group in GROUPS:
        contents = [_content(record, f"{group}.") for record in records]
        names: dict[Hashable, str] = {}
        for record, content in zip(records, contents, strict=True):
            words = [word.partition("=")[::2] for word in record.card.get("overrides", [])]
            chosen = [value for key, value in words if key == group]
            if chosen:
                names.setdefault(content, chosen[-1])
        if names:
            found.append(Column(group, tuple(names.get(content, "default") for content in contents)))
    return found


def _keys(records: Sequence[Record]) -> list[Column]:
    keys = dict.fromkeys(key for record in records for key in record.settings if key not in REPETITIONS)
    return [Column(key, tuple(_text(record.settings.get(key)) for record in records)) for key in keys]


def _content(record: Record, prefix: str) -> Hashable:
    return tuple((key, _text(value)) for key, value in record.settings.items() if key.startswith(prefix))


def _text(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, float):
        return f"{value:g}"
    return str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else json.dumps(value)
