"""What the leak is worth: each configuration under the leaky split beside the stricter ones.

MERGED: Which configuration is best, where that can be said: a paired comparison with each of the others.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.metrics import Level
from gtzan_lightning.evaluation.run_comparison import Entrant, compare
from gtzan_lightning.evaluation.significance import Interval, holm, independent_drop, over_seeds, resampled_interval
from gtzan_lightning.runs.records import Record, TestParts
from gtzan_lightning.runs.row_groups import Row, Table, sizes
from gtzan_lightning.runs.run_card import SPLIT_ORDER

SIGNIFICANCE = 0.05
RULE = (
    "Best is marked where its difference to every other row of the same corpus and split holds (p < 0.05 after Holm): "
    "paired over the splits that both rows have, with Nadeau and Bengio's variance, or on one split by sign flips of "
    "its artists (recordings, tracks). Rows with a leakage_warning take no part."
)


@dataclass(frozen=True)
class Verdict:
    """What became of the rows of one protocol at one level; rows as positions in the table."""

    level: str
    split: str
    top: int  # the highest mean
    rivals: tuple[int, ...]  # whose difference to it does not hold, or cannot be tested
    others: tuple[int, ...]  # all rows that it was compared with, rivals among them

    @property
    def best(self) -> int | None:
        """The top row, if its difference to all others holds."""
        return None if self.rivals else self.top


def verdicts(rows: Sequence[Row], levels: Sequence[Level], test_parts: TestParts) -> list[Verdict]:
    """One verdict for each protocol with two or more rows without a leakage_warning, and each level."""
    groups: dict[Hashable, list[int]] = {}
    for position, row in enumerate(rows):
        if not row.leakage_warnings:
            groups.setdefault(_protocol(row.records[0]), []).append(position)
    return [_verdict(rows, group, level, test_parts) for group in groups.values() if len(group) > 1 for level in levels]


def falls(a: Row, b: Row, level: str) -> list[float]:
    """Accuracy of `a` minus that of `b` on each split draw that both have; training seeds are averaged first."""
    before, after = (_by_draw(row.records, level) for row in (a, b))
    return [before[draw] - after[draw] for draw in before if draw in after]


def p_value(a: Row, b: Row, level: Level, test_parts: TestParts) -> float | None:
    """Two-sided p of "the rows are equally good"; None where no test part pairs them."""
    both = falls(a, b, level)
    if len(both) > 1 and min(a.n_splits, b.n_splits) > 1:
        result = resampled_interval(both, *sizes([*a.records, *b.records]))
        return result.p if result.se > 0 else 1.0  # equal differences show no spread to judge by
    return _on_one_split(a.records, b.records, level, test_parts)


def _verdict(rows: Sequence[Row], group: Sequence[int], level: Level, test_parts: TestParts) -> Verdict:
    top = max(group, key=lambda position: rows[position].cells[level].mean)
    others = [position for position in group if position != top]
    found = [p_value(rows[top], rows[position], level, test_parts) for position in others]
    adjusted = holm([1.0 if p is None else p for p in found])
    rivals = tuple(position for position, p in zip(others, adjusted, strict=True) if p >= SIGNIFICANCE)
    return Verdict(level, rows[top].records[0].card["split"]["name"], top, rivals, tuple(others))


def _protocol(record: Record) -> Hashable:
    """What rows must share to be ranked: the corpus, and how test parts are drawn from it."""
    rule = tuple(
        (key, str(value))
        for key, value in record.settings.items()
        if key.startswith("split.") and key not in ("split.seed", "split.fold")
    )
    return record.card["data"]["sha256"], record.card["split"]["name"], rule


def _by_draw(records: Sequence[Record], level: str) -> dict[str, float]:
    """Mean accuracy on each draw of a split: its seed, fold and number of folds."""
    values: dict[str, list[float]] = {}
    for record in records:
        draw = f"{record.repetition} of {record.settings.get('split.n_folds')}"
        values.setdefault(draw, []).append(record.accuracy(level))
    return {draw: float(np.mean(each)) for draw, each in values.items()}


def _on_one_split(a: Sequence[Record], b: Sequence[Record], level: Level, test_parts: TestParts) -> float | None:
    """The largest p of the pairs of runs on one split: the difference holds if it does for each training seed.

    Runs of the same seed are paired; where no seed stands on both sides, each run with each.
    """
    pairs = [(x, y) for x in a for y in b if x.card["split"]["sha256"] == y.card["split"]["sha256"]]
    pairs = [(x, y) for x, y in pairs if x.card["seed"] == y.card["seed"]] or pairs
    signs = {np.sign(x.accuracy(level) - y.accuracy(level)) for x, y in pairs}
    if not pairs:
        return None
    return max(_permutation(x, y, level, test_parts) for x, y in pairs) if len(signs) == 1 else 1.0


def _permutation(a: Record, b: Record, level: Level, test_parts: TestParts) -> float:
    try:
        parts = [test_parts.of(record.run) for record in (a, b)]
        entrants = [
            Entrant(side, part.predictions, record.card["split"]["sha256"])
            for side, part, record in zip("ab", parts, (a, b), strict=True)
        ]
        return float(compare(entrants, parts[0].clusters, level)["p_permutation"].iloc[0])
    except (
        GtzanError,
        ValueError,
    ):  # damaged predictions, rows that do not pair, tracks without clusters: nothing is shown
        return 1.0


@dataclass(frozen=True)
class LeakageDrop:
    """One configuration at one level; rows as positions in the table."""

    level: str
    rows: dict[str, int]  # the row of each split
    fall: float  # leaky minus grouped accuracy
    interval: Interval  # 95 %
    pairs: int  # splits that paired the two; 0 where they are two independent means


def leakage_drops(table: Table, levels: Sequence[str]) -> list[LeakageDrop]:
    """One gap for each configuration that has a leaky and a grouped row, and each level."""
    kept = [position for position, column in enumerate(table.columns) if column.key.partition(".")[0] != "split"]
    groups: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for position, row in enumerate(table.rows):
        splits = groups.setdefault(tuple(row.values[column] for column in kept), {})
        splits.setdefault(row.records[0].card["split"]["name"], []).append(position)
    return [
        _leakage_drop(level, table.rows, splits)
        for splits in groups.values()
        if {"leaky", "grouped"} <= splits.keys()
        for level in levels
    ]


def _leakage_drop(level: str, rows: Sequence[Row], splits: dict[str, list[int]]) -> LeakageDrop:
    """Several rows of a split: those that pair leaky and grouped most often stand for it, else those of most runs."""
    pairs = [(leaky, grouped) for leaky in splits["leaky"] for grouped in splits["grouped"]]
    shared = {pair: len(falls(rows[pair[0]], rows[pair[1]], level)) for pair in pairs}
    leaky, grouped = max(
        pairs, key=lambda pair: (shared[pair] if shared[pair] > 1 else 0, sum(len(rows[row].records) for row in pair))
    )
    chosen = {"leaky": leaky, "grouped": grouped} | {
        split: max(splits[split], key=lambda row: len(rows[row].records))
        for split in SPLIT_ORDER[2:]
        if split in splits
    }
    both = falls(rows[leaky], rows[grouped], level)
    a, b = rows[leaky].cells[level], rows[grouped].cells[level]
    if len(both) > 1:
        interval = over_seeds(both, *sizes([*rows[leaky].records, *rows[grouped].records]), (-1.0, 1.0))
        return LeakageDrop(level, chosen, float(np.mean(both)), interval, len(both))
    interval = independent_drop(a.mean, a.interval, b.mean, b.interval)
    return LeakageDrop(level, chosen, a.mean - b.mean, interval, 0)
