"""All that the page shows, as plain values for JSON: the head at once, the details of runs when one is opened.

MERGED: Numbers and texts of a page in few characters. | What the page shows of one run when it is opened: curves, confusion, genres, scores and the rest of its card.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.metrics import Decisions, confusion, decide
from gtzan_lightning.evaluation.run_metrics import genre_entries, genre_metrics
from gtzan_lightning.report.console import leakage_warning_counts
from gtzan_lightning.report.score_tables import common_line, interval_line, missing_lines, verdict_lines
from gtzan_lightning.runs.ranking import RULE, LeakageDrop, Verdict
from gtzan_lightning.runs.records import Record, TestPart, TestParts
from gtzan_lightning.runs.row_groups import GROUPS, LEADING, LEVELS, Cell, Row, Table, short_names
from gtzan_lightning.runs.run_card import leakage_warnings

DIGITS = 4  # significant ones
EXACT = 6  # for scores: three decimals of them are shown, and must be those of the other documents


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Plain values with every float to a few significant digits; what is no finite number is None."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): rounded(each, digits) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [rounded(each, digits) for each in value]
    return value


class Pool:
    """Values that many runs share, each kept once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}

    def place(self, value: Any) -> int:
        """Where the value stands in `values`."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]


SHOWN_ELSEWHERE = ("metrics", "genres", "leakage_warnings", "status", "run_id")
SCORES = ("accuracy", "accuracy_ci95", "f1", "f1_ci95", "precision", "recall", "n", "n_clusters", "cluster", "warnings")
GENRE_SCORES = ("f1", "f1_low", "f1_high", "recall", "precision", "n", "clusters", "effective_units")


def run_details(record: Record, test_parts: TestParts, pool: Pool) -> dict[str, Any]:
    """Plain values for JSON; entries of the card as places in the pool.

    A run whose predictions are damaged keeps its card, and the damage is said under `problem`.
    """
    details: dict[str, Any] = {
        "card": {key: pool.place(rounded(value)) for key, value in record.card.items() if key not in SHOWN_ELSEWHERE},
        "scores": _scores(record, pool),
        "history": _history(record),
    }
    try:
        part = test_parts.of(record.run)
    except GtzanError as error:
        return details | {"problem": str(error)}
    decisions = {level: decide(part.predictions, level) for level in LEVELS}
    return details | {
        "names": pool.place(list(part.predictions.genres)),
        "confusion": {level: confusion(each).tolist() for level, each in decisions.items()},
        "genres": {level: _genres(record, part, each) for level, each in decisions.items()},
    }


def _scores(record: Record, pool: Pool) -> dict[str, Any]:
    """`{part: {level: [...]}}` in the order of `SCORES`; texts go to the pool."""
    return {
        part: {
            level: pool.place(rounded([scores.get(key) for key in SCORES], EXACT)) for level, scores in levels.items()
        }
        for part, levels in record.card["metrics"].items()
    }


def _genres(record: Record, part: TestPart, decisions: Decisions) -> list[list[Any]]:
    """One row a genre in the order of `GENRE_SCORES`; empty where no cluster is known. Older cards lack them."""
    entries = record.card.get("genres", {}).get(decisions.level)
    if entries is None:
        if not set(decisions.track_id) <= part.clusters.keys():
            return []
        entries = genre_entries(genre_metrics(decisions, part.clusters))
    return [
        rounded([row.get(key) for key in GENRE_SCORES], 3) for row in (entries.get(g, {}) for g in decisions.genres)
    ]


def _history(record: Record) -> dict[str, list[Any]]:
    """Each column of history.csv; nothing where there is none."""
    try:
        table = pd.read_csv(record.run.history)
    except (OSError, ValueError):
        return {}
    return {str(name): rounded(table[name].tolist()) for name in table.columns}


Json = dict[str, Any]


def head(
    table: Table, verdicts: Sequence[Verdict], leakage_drops: Sequence[LeakageDrop], missing: Sequence[Record]
) -> Json:
    """What the page needs to show its table and charts."""
    records = [record for row in table.rows for record in row.records]
    warnings = leakage_warning_counts(record.card for record in records)
    places = {leakage_warning: place for place, (leakage_warning, _) in enumerate(warnings)}
    best = {(verdict.best, verdict.level) for verdict in verdicts}
    return {
        "levels": list(LEVELS),
        "columns": _columns(table),
        "common": common_line(table),
        "leakage_warnings": warnings,
        "rows": [
            _row(row, [level for level in LEVELS if (position, level) in best], places)
            for position, row in enumerate(table.rows)
        ],
        "runs": [_run(record, position, places) for position, row in enumerate(table.rows) for record in row.records],
        "leakage_drops": _leakage_drops(table, leakage_drops),
        "notes": [interval_line(table), RULE],
        "verdicts": verdict_lines(table, verdicts),
        "missing": missing_lines(missing),
    }


def details(records: Iterable[Record], test_parts: TestParts) -> Json:
    """What the page shows of each run when it is opened, in the order of the head's runs."""
    pool = Pool()
    runs = [run_details(record, test_parts, pool) for record in records]
    return {"score_keys": SCORES, "genre_keys": GENRE_SCORES, "runs": runs, "pool": pool.values}


def _columns(table: Table) -> list[Json]:
    """Names, and whether a column is a lesser one: a key that no model, slice or split is told by."""
    return [
        {"name": name, "lesser": column.key not in (*LEADING, *GROUPS)}
        for name, column in zip(short_names(table.columns), table.columns, strict=True)
    ]


def _row(row: Row, best: list[str], places: dict[str, int]) -> Json:
    cells = {level: _cell(cell) for level, cell in row.cells.items()}
    return {
        "values": row.values,
        "cells": cells,
        "best": best,
        "leakage_warnings": [places[leakage_warning] for leakage_warning in row.leakage_warnings],
    }


def _cell(cell: Cell) -> list[Any]:
    return [*rounded([cell.mean, *cell.interval], EXACT), cell.n, cell.over, rounded(cell.sd, EXACT)]


def _run(record: Record, row: int, places: dict[str, int]) -> Json:
    scores = record.card["metrics"]["test"]
    cells = {level: _run_cell(scores[level]) for level in LEVELS}
    split_seed, fold = record.repetition
    repetition = {"seed": record.card["seed"], "split.seed": split_seed, "fold": fold}
    marks = [places[leakage_warning] for leakage_warning in leakage_warnings(record.card)]
    return {"id": record.name, "row": row, "cells": cells, "repetition": repetition, "leakage_warnings": marks}


def _run_cell(score: Json) -> list[Any]:
    clusters = f"{score['n_clusters']} {score['cluster']}s" if "n_clusters" in score else ""
    return [*rounded([score["accuracy"], *score["accuracy_ci95"]], EXACT), score["n"], clusters, None]


def _leakage_drops(table: Table, leakage_drops: Sequence[LeakageDrop]) -> list[Json]:
    """Each by what tells its leaky row from those of the others."""
    leaky = list(dict.fromkeys(gap.rows["leaky"] for gap in leakage_drops))
    names = dict(zip(leaky, table.names(leaky), strict=True)) if leakage_drops else {}
    return [
        {
            "name": names[gap.rows["leaky"]],
            "level": gap.level,
            "rows": gap.rows,
            "fall": rounded([gap.fall, *gap.interval], EXACT),
            "pairs": gap.pairs,
        }
        for gap in leakage_drops
    ]
