"""The data of the page as plain values for JSON: the head for table and charts, the details for the panel of a run."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.metrics import Decisions, confusion, decide
from gtzan_lightning.report.run_tables import evaluation_lines
from gtzan_lightning.report.score_tables import common_line, interval_line, missing_lines, verdict_lines
from gtzan_lightning.report.tables import leakage_warning_counts
from gtzan_lightning.runs.ranking import RULE, LeakageDrop, Verdict
from gtzan_lightning.runs.records import Record, TestPart, TestParts, check_predictions
from gtzan_lightning.runs.row_groups import GROUPS, LEADING, LEVELS, Cell, Row, Table, short_names
from gtzan_lightning.runs.run_folder import score_warnings

Json = dict[str, Any]

DIGITS = 4  # significant digits
DECIMALS = 3  # of scores
SHOWN_ELSEWHERE = ("metrics", "genres", "confusion", "leakage_warnings", "status", "run_id")
SCORES = ("accuracy", "accuracy_ci95", "f1", "f1_ci95", "precision", "recall", "n", "n_clusters", "cluster", "warnings")
GENRE_SCORES = ("f1", "f1_low", "f1_high", "recall", "precision", "n", "clusters", "effective_clusters")


def head(
    table: Table, verdicts: Sequence[Verdict], leakage_drops: Sequence[LeakageDrop], missing: Sequence[Record]
) -> Json:
    """The data of the table and the charts."""
    records = [record for row in table.rows for record in row.records]
    warnings = leakage_warning_counts(record.card for record in records)
    places = {warning: place for place, (warning, _) in enumerate(warnings)}
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
    """The data of the panel of each run, in the order of the head's runs."""
    pool = Pool()
    runs = [run_details(record, test_parts, pool) for record in records]
    return {"score_keys": SCORES, "genre_keys": GENRE_SCORES, "runs": runs, "pool": pool.values}


def run_details(record: Record, test_parts: TestParts, pool: Pool) -> Json:
    """Entries of the card, scores, history, confusion matrices and genre scores of a run.

    Entries of the card are positions in the pool. A run whose predictions are damaged has `problem`, the error
    message, instead of confusion matrices and genre scores.
    """
    details: Json = {
        "card": {key: pool.rounded(value) for key, value in record.card.items() if key not in SHOWN_ELSEWHERE},
        "scores": _scores(record, pool),
        "evaluations": [_evaluation(each) for each in record.run.evaluations()],
        "history": _history(record),
    }
    try:
        check_predictions(record)
        names, matrices, genres = _by_genre(record, test_parts)
    except GtzanError as error:
        return details | {"problem": str(error)}
    return details | {"names": pool.place(names), "confusion": matrices, "genres": genres}


def _by_genre(record: Record, test_parts: TestParts) -> tuple[list[str], Json, Json]:
    """Names of the genres, and confusion matrix and scores of each genre by level: from the card, if it has them."""
    card = record.card
    if card.get("confusion") and card.get("genres"):
        scores: Json = {level: [_genre_cells(row) for row in card["genres"][level].values()] for level in LEVELS}
        return list(card["genres"][LEVELS[0]]), {level: card["confusion"][level] for level in LEVELS}, scores
    part = test_parts.of(record.run)
    decisions = {level: decide(part.predictions, level) for level in LEVELS}
    matrices: Json = {level: confusion(each).tolist() for level, each in decisions.items()}
    scores = {level: _genres(record, part, each) for level, each in decisions.items()}
    return list(part.predictions.genres), matrices, scores


class Pool:
    """Values that many runs share, each stored once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._places: dict[str, int] = {}
        self._rounded: dict[str, int] = {}

    def rounded(self, value: Any) -> int:
        """Position of the value with rounded numbers."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._rounded:
            self._rounded[key] = self.place(rounded(value))
        return self._rounded[key]

    def place(self, value: Any) -> int:
        """Position of the value in `values`; a new value is appended."""
        key = json.dumps(value, sort_keys=True)
        if key not in self._places:
            self._places[key] = len(self.values)
            self.values.append(value)
        return self._places[key]


def shown(value: Any, decimals: int = DECIMALS) -> Any:
    """Plain values with every float as the other documents show it, so that the page does not round it again."""
    if isinstance(value, float):
        return float(f"{value:.{decimals}f}") if math.isfinite(value) else None
    return [shown(each, decimals) for each in value] if isinstance(value, list) else value


def rounded(value: Any, digits: int = DIGITS) -> Any:
    """Plain values with every float rounded to significant digits; NaN and infinity become None."""
    if isinstance(value, float):
        return float(f"{value:.{digits}g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): rounded(each, digits) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [rounded(each, digits) for each in value]
    return value


def _columns(table: Table) -> list[Json]:
    """Names, and whether a column is a minor one: neither a leading key nor a config group."""
    return [
        {"name": name, "minor": column.key not in (*LEADING, *GROUPS)}
        for name, column in zip(short_names(table.columns), table.columns, strict=True)
    ]


def _row(row: Row, best: list[str], places: Mapping[str, int]) -> Json:
    return {
        "values": row.values,
        "cells": {level: _cell(cell) for level, cell in row.cells.items()},
        "best": best,
        "leakage_warnings": [places[warning] for warning in row.score_warnings],
    }


def _cell(cell: Cell) -> list[Any]:
    return [*shown([cell.mean, *cell.interval]), cell.n, cell.over, shown(cell.sd)]


def _run(record: Record, row: int, places: Mapping[str, int]) -> Json:
    scores = record.card["metrics"]["test"]
    split_seed, fold = record.repetition
    return {
        "id": record.name,
        "row": row,
        "cells": {level: _run_cell(scores[level]) for level in LEVELS},
        "repetition": {"seed": record.card["seed"], "split.seed": split_seed, "fold": fold},
        "leakage_warnings": [places[warning] for warning in score_warnings(record.card)],
    }


def _run_cell(score: Json) -> list[Any]:
    clusters = f"{score['n_clusters']} {score['cluster']}s" if "n_clusters" in score else ""
    return [*shown([score["accuracy"], *score["accuracy_ci95"]]), score["n"], clusters, None]


def _leakage_drops(table: Table, drops: Sequence[LeakageDrop]) -> list[Json]:
    """Accuracy drops, each named by the settings that distinguish its leaky row from the other leaky rows."""
    leaky = list(dict.fromkeys(drop.rows["leaky"] for drop in drops))
    names = dict(zip(leaky, table.names(leaky), strict=True)) if drops else {}
    return [
        {
            "name": names[drop.rows["leaky"]],
            "level": drop.level,
            "rows": drop.rows,
            "drop": shown([drop.mean, *drop.interval]),
            "pairs": drop.pairs,
        }
        for drop in drops
    ]


def _scores(record: Record, pool: Pool) -> Json:
    """`{part: {level: position}}`; the pool has the scores in the order of `SCORES`."""
    return {
        part: {level: pool.place(shown([scores.get(key) for key in SCORES])) for level, scores in levels.items()}
        for part, levels in record.card["metrics"].items()
    }


def _evaluation(card: Json) -> Json:
    """Scores of a run on another corpus, in the order of `SCORES` for each level, and how they were obtained."""
    scores = {level: shown([entry.get(key) for key in SCORES]) for level, entry in card["metrics"].items()}
    return {"corpus": card["data"]["corpus"], "scores": scores, "lines": evaluation_lines(card)}


def _genres(record: Record, part: TestPart, decisions: Decisions) -> list[list[Any]]:
    """One row per genre in the order of `GENRE_SCORES`, computed if the card lacks them; empty without clusters."""
    entries = record.card.get("genres", {}).get(decisions.level)
    if entries is None:
        if not set(decisions.track_id) <= part.clusters.keys():
            return []
        from gtzan_lightning.evaluation.run_metrics import genre_entries, genre_metrics  # slow to import

        entries = genre_entries(genre_metrics(decisions, part.clusters))
    return [_genre_cells(entries.get(genre, {})) for genre in decisions.genres]


def _genre_cells(row: Json) -> list[Any]:
    return shown([row.get(key) for key in GENRE_SCORES], 2)


def _history(record: Record) -> dict[str, list[Any]]:
    """Each column of history.csv; empty if there is no such file."""
    try:
        with record.run.history.open(encoding="utf-8", newline="") as file:
            names, *rows = csv.reader(file)
        columns = zip(*rows, strict=True)
        return {name: [_number(cell) for cell in column] for name, column in zip(names, columns, strict=True)}
    except (OSError, ValueError):
        return {}


def _number(cell: str) -> float | int | None:
    """The rounded number in a cell; None if it is empty or not finite."""
    if cell.isdecimal():
        return int(cell)
    value = float(f"{float(cell or 'nan'):.{DIGITS}g}")
    return value if math.isfinite(value) else None
