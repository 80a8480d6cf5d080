"""What the leak is worth: each configuration under the leaky split beside the stricter ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gtzan_lightning.report.contest import falls
from gtzan_lightning.report.ladder import RUNGS
from gtzan_lightning.report.rows import Row, Table, sizes
from gtzan_lightning.report.seeds import Interval, independent_price, over_seeds


@dataclass(frozen=True)
class Gap:
    """One configuration at one level; rows as positions in the table."""

    level: str
    rows: dict[str, int]  # the row of each split
    fall: float  # leaky minus grouped accuracy
    interval: Interval  # 95 %
    pairs: int  # splits that paired the two; 0 where they are two independent means


def gaps(table: Table, levels: Sequence[str]) -> list[Gap]:
    """One gap for each configuration that has a leaky and a grouped row, and each level."""
    kept = [position for position, column in enumerate(table.columns) if column.key.partition(".")[0] != "split"]
    groups: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for position, row in enumerate(table.rows):
        splits = groups.setdefault(tuple(row.values[column] for column in kept), {})
        splits.setdefault(row.records[0].card["split"]["name"], []).append(position)
    return [
        _gap(level, table.rows, splits)
        for splits in groups.values()
        if {"leaky", "grouped"} <= splits.keys()
        for level in levels
    ]


def _gap(level: str, rows: Sequence[Row], splits: dict[str, list[int]]) -> Gap:
    """Several rows of a split: those that pair leaky and grouped most often stand for it, else those of most runs."""
    pairs = [(leaky, grouped) for leaky in splits["leaky"] for grouped in splits["grouped"]]
    shared = {pair: len(falls(rows[pair[0]], rows[pair[1]], level)) for pair in pairs}
    leaky, grouped = max(
        pairs, key=lambda pair: (shared[pair] if shared[pair] > 1 else 0, sum(len(rows[row].records) for row in pair))
    )
    chosen = {"leaky": leaky, "grouped": grouped} | {
        split: max(splits[split], key=lambda row: len(rows[row].records)) for split in RUNGS[2:] if split in splits
    }
    both = falls(rows[leaky], rows[grouped], level)
    a, b = rows[leaky].cells[level], rows[grouped].cells[level]
    if len(both) > 1:
        interval = over_seeds(both, *sizes([*rows[leaky].records, *rows[grouped].records]), (-1.0, 1.0))
        return Gap(level, chosen, float(np.mean(both)), interval, len(both))
    interval = independent_price(a.mean, a.interval, b.mean, b.interval)
    return Gap(level, chosen, a.mean - b.mean, interval, 0)
