"""What the page shows of one run when it is opened: curves, confusion, genres, scores and the rest of its card."""

from __future__ import annotations

from typing import Any

import pandas as pd

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.genres import genre_entries, genre_evidence
from gtzan_lightning.evaluation.metrics import Decisions, confusion, decide
from gtzan_lightning.report.evidence import Evidence, TestPart
from gtzan_lightning.report.page.compact import EXACT, Pool, rounded
from gtzan_lightning.report.records import Record
from gtzan_lightning.report.rows import LEVELS

SHOWN_ELSEWHERE = ("metrics", "genres", "stamps", "status", "run_id")
SCORES = ("accuracy", "accuracy_ci95", "f1", "f1_ci95", "precision", "recall", "n", "n_clusters", "cluster", "warnings")
GENRE_SCORES = ("f1", "f1_low", "f1_high", "recall", "precision", "n", "units", "effective_units")


def run_details(record: Record, evidence: Evidence, pool: Pool) -> dict[str, Any]:
    """Plain values for JSON; entries of the card as places in the pool.

    A run whose predictions are damaged keeps its card, and the damage is said under `problem`.
    """
    details: dict[str, Any] = {
        "card": {key: pool.place(rounded(value)) for key, value in record.card.items() if key not in SHOWN_ELSEWHERE},
        "scores": _scores(record, pool),
        "history": _history(record),
    }
    try:
        part = evidence.of(record.run)
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
    """One row a genre in the order of `GENRE_SCORES`; empty where no unit is known. Older cards lack them."""
    entries = record.card.get("genres", {}).get(decisions.level)
    if entries is None:
        if not set(decisions.track_id) <= part.units.keys():
            return []
        entries = genre_entries(genre_evidence(decisions, part.units))
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
