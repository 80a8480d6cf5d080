"""What varied between runs: the fewest config keys that tell them apart, apart from seeds and folds."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from gtzan_lightning.report.records import Record
from gtzan_lightning.report.summary import REPETITIONS

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
            told = [word.partition("=")[2] for word in record.card.get("overrides", []) if word.startswith(f"{group}=")]
            if told:
                names.setdefault(content, told[-1])
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
