"""Compares configurations: the best one under each split, and the accuracy drop due to leakage."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.metrics import Level
from gtzan_lightning.evaluation.run_comparison import permutation_p_value
from gtzan_lightning.evaluation.significance import Interval, holm, independent_drop, over_seeds, resampled_interval
from gtzan_lightning.runs.records import Record, TestParts
from gtzan_lightning.runs.row_groups import Row, Table, sizes
from gtzan_lightning.runs.run_card import SPLIT_ORDER
from gtzan_lightning.runs.run_folder import limits_of

SIGNIFICANCE = 0.05
RULE = (
    "Best is marked where the difference to every other row of the same corpus and split is significant (p < 0.05 "
    "after Holm's correction): paired over the splits that both rows have, with Nadeau and Bengio's variance, or on a "
    "single split by a sign-flip test over artists (recordings, tracks). Rows with a warning "
    "(leakage, limited runs, changed code) are left out."
)


@dataclass(frozen=True)
class Verdict:
    """The comparison of all rows with one corpus and split at one level; rows as positions in the table."""

    level: str
    split: str
    top: int  # row with the highest mean accuracy
    rivals: tuple[int, ...]  # rows whose difference to it is not significant or cannot be tested
    others: tuple[int, ...]  # all rows that it was compared with, including the rivals

    @property
    def best(self) -> int | None:
        """The top row if its difference to all others is significant, else None."""
        return None if self.rivals else self.top


def verdicts(rows: Sequence[Row], levels: Sequence[Level], test_parts: TestParts) -> list[Verdict]:
    """One verdict for each level and each protocol with two or more rows without a warning."""
    groups: dict[Hashable, list[int]] = {}
    for position, row in enumerate(rows):
        if not row.score_warnings:
            groups.setdefault(_protocol(row.records[0]), []).append(position)
    return [_verdict(rows, group, level, test_parts) for group in groups.values() if len(group) > 1 for level in levels]


def _protocol(record: Record) -> Hashable:
    """What rows must share to be compared: the corpus, the split, and its settings except seed and fold."""
    rule = tuple(
        (key, str(value))
        for key, value in record.settings.items()
        if key.startswith("split.") and key not in ("split.seed", "split.fold")
    )
    return record.card["data"]["sha256"], record.card["split"]["name"], rule


def _verdict(rows: Sequence[Row], group: Sequence[int], level: Level, test_parts: TestParts) -> Verdict:
    top = max(group, key=lambda position: rows[position].cells[level].mean)
    others = [position for position in group if position != top]
    found = [p_value(rows[top], rows[position], level, test_parts) for position in others]
    adjusted = holm([1.0 if p is None else p for p in found])
    rivals = tuple(position for position, p in zip(others, adjusted, strict=True) if p >= SIGNIFICANCE)
    return Verdict(level, rows[top].records[0].card["split"]["name"], top, rivals, tuple(others))


def p_value(a: Row, b: Row, level: Level, test_parts: TestParts) -> float | None:
    """Two-sided p-value of equal accuracy; None if the rows share no test part."""
    drops = paired_drops(a, b, level)
    if len(drops) > 1 and min(a.n_splits, b.n_splits) > 1:
        result = resampled_interval(drops, *sizes([*a.records, *b.records]))
        return result.p if result.se > 0 else 1.0  # equal differences give no estimate of the variance
    return _p_on_one_split(a.records, b.records, level, test_parts)


def paired_drops(a: Row, b: Row, level: str) -> list[float]:
    """Accuracy of `a` minus that of `b` on each split draw of both; training seeds are averaged first."""
    before, after = (_by_draw(row.records, level) for row in (a, b))
    return [before[draw] - after[draw] for draw in before if draw in after]


def _by_draw(records: Sequence[Record], level: str) -> dict[str, float]:
    """Mean accuracy for each draw of a split: its seed, fold and number of folds."""
    values: dict[str, list[float]] = {}
    for record in records:
        draw = f"{record.repetition} of {record.settings.get('split.n_folds')}"
        values.setdefault(draw, []).append(record.accuracy(level))
    return {draw: float(np.mean(each)) for draw, each in values.items()}


def _p_on_one_split(a: Sequence[Record], b: Sequence[Record], level: Level, test_parts: TestParts) -> float | None:
    """The largest p-value over pairs of runs on one split, so that a significant result holds for each training seed.

    Runs of the same training seed are paired; without such pairs, each run with each.
    """
    pairs = [(x, y) for x in a for y in b if x.card["split"]["sha256"] == y.card["split"]["sha256"]]
    pairs = [(x, y) for x, y in pairs if x.card["seed"] == y.card["seed"]] or pairs
    if not pairs:
        return None
    signs = {np.sign(x.accuracy(level) - y.accuracy(level)) for x, y in pairs}
    return max(_permutation(x, y, level, test_parts) for x, y in pairs) if len(signs) == 1 else 1.0


def _permutation(a: Record, b: Record, level: Level, test_parts: TestParts) -> float:
    """p-value of the sign-flip test; 1 if predictions are damaged, do not pair, or have tracks without a cluster."""
    try:
        found = permutation_p_value(test_parts.hits(a.run)[level], test_parts.hits(b.run)[level])
    except (GtzanError, ValueError):
        return 1.0
    return 1.0 if found is None else found


@dataclass(frozen=True)
class LeakageDrop:
    """Accuracy drop due to leakage of one configuration at one level; rows as positions in the table."""

    level: str
    rows: dict[str, int]  # by split
    mean: float  # leaky minus grouped accuracy
    interval: Interval  # 95 %
    pairs: int  # split draws that both have; 0 if the drop is a difference of independent means


def leakage_drops(table: Table, levels: Sequence[str]) -> list[LeakageDrop]:
    """One drop for each level and each configuration with a leaky and a grouped row."""
    kept = [position for position, column in enumerate(table.columns) if column.key.partition(".")[0] != "split"]
    groups: dict[tuple[str, ...], dict[str, list[int]]] = {}
    for position, row in enumerate(table.rows):
        if any(limits_of(record.card) for record in row.records):
            continue
        splits = groups.setdefault(tuple(row.values[column] for column in kept), {})
        splits.setdefault(row.records[0].card["split"]["name"], []).append(position)
    return [
        _leakage_drop(level, table.rows, splits)
        for splits in groups.values()
        if {"leaky", "grouped"} <= splits.keys()
        for level in levels
    ]


def _leakage_drop(level: str, rows: Sequence[Row], splits: dict[str, list[int]]) -> LeakageDrop:
    """The drop of one configuration; of several rows of a split, those with most pairs are used, then most runs."""

    def n_runs(*positions: int) -> int:
        return sum(len(rows[position].records) for position in positions)

    drops = {
        (leaky, grouped): paired_drops(rows[leaky], rows[grouped], level)
        for leaky in splits["leaky"]
        for grouped in splits["grouped"]
    }
    leaky, grouped = max(drops, key=lambda pair: (len(drops[pair]) if len(drops[pair]) > 1 else 0, n_runs(*pair)))
    stricter = {split: max(splits[split], key=n_runs) for split in SPLIT_ORDER[2:] if split in splits}
    chosen = {"leaky": leaky, "grouped": grouped} | stricter
    paired = drops[leaky, grouped]
    if len(paired) > 1:
        interval = over_seeds(paired, *sizes([*rows[leaky].records, *rows[grouped].records]), (-1.0, 1.0))
        return LeakageDrop(level, chosen, float(np.mean(paired)), interval, len(paired))
    a, b = rows[leaky].cells[level], rows[grouped].cells[level]
    return LeakageDrop(level, chosen, a.mean - b.mean, independent_drop(a.mean, a.interval, b.mean, b.interval), 0)
