"""All that the page shows, as plain values for JSON: the head at once, the details of runs when one is opened."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from gtzan_lightning.report.columns import GROUPS, LEADING, short_names
from gtzan_lightning.report.contest import RULE, Verdict
from gtzan_lightning.report.evidence import Evidence
from gtzan_lightning.report.gaps import Gap
from gtzan_lightning.report.markdown import common_line, interval_line, missing_lines, verdict_lines
from gtzan_lightning.report.page.compact import EXACT, Pool, rounded
from gtzan_lightning.report.page.details import GENRE_SCORES, SCORES, run_details
from gtzan_lightning.report.records import Record
from gtzan_lightning.report.rows import LEVELS, Cell, Row, Table
from gtzan_lightning.report.stamps import stamp_counts
from gtzan_lightning.runs.card import stamps

Json = dict[str, Any]


def head(table: Table, verdicts: Sequence[Verdict], gaps: Sequence[Gap], missing: Sequence[Record]) -> Json:
    """What the page needs to show its table and charts."""
    records = [record for row in table.rows for record in row.records]
    stamped = stamp_counts(record.card for record in records)
    places = {stamp: place for place, (stamp, _) in enumerate(stamped)}
    best = {(verdict.best, verdict.level) for verdict in verdicts}
    return {
        "levels": list(LEVELS),
        "columns": _columns(table),
        "common": common_line(table),
        "stamps": stamped,
        "rows": [
            _row(row, [level for level in LEVELS if (position, level) in best], places)
            for position, row in enumerate(table.rows)
        ],
        "runs": [_run(record, position, places) for position, row in enumerate(table.rows) for record in row.records],
        "gaps": _gaps(table, gaps),
        "notes": [interval_line(table), RULE],
        "verdicts": verdict_lines(table, verdicts),
        "missing": missing_lines(missing),
    }


def details(records: Iterable[Record], evidence: Evidence) -> Json:
    """What the page shows of each run when it is opened, in the order of the head's runs."""
    pool = Pool()
    runs = [run_details(record, evidence, pool) for record in records]
    return {"score_keys": SCORES, "genre_keys": GENRE_SCORES, "runs": runs, "pool": pool.values}


def _columns(table: Table) -> list[Json]:
    """Names, and whether a column is a lesser one: a key that no model, slice or split is told by."""
    return [
        {"name": name, "lesser": column.key not in (*LEADING, *GROUPS)}
        for name, column in zip(short_names(table.columns), table.columns, strict=True)
    ]


def _row(row: Row, best: list[str], places: dict[str, int]) -> Json:
    cells = {level: _cell(cell) for level, cell in row.cells.items()}
    return {"values": row.values, "cells": cells, "best": best, "stamps": [places[stamp] for stamp in row.stamps]}


def _cell(cell: Cell) -> list[Any]:
    return [*rounded([cell.mean, *cell.interval], EXACT), cell.n, cell.over, rounded(cell.sd, EXACT)]


def _run(record: Record, row: int, places: dict[str, int]) -> Json:
    scores = record.card["metrics"]["test"]
    cells = {level: _run_cell(scores[level]) for level in LEVELS}
    split_seed, fold = record.repetition
    repetition = {"seed": record.card["seed"], "split.seed": split_seed, "fold": fold}
    marks = [places[stamp] for stamp in stamps(record.card)]
    return {"id": record.name, "row": row, "cells": cells, "repetition": repetition, "stamps": marks}


def _run_cell(score: Json) -> list[Any]:
    units = f"{score['n_clusters']} {score['cluster']}s" if "n_clusters" in score else ""
    return [*rounded([score["accuracy"], *score["accuracy_ci95"]], EXACT), score["n"], units, None]


def _gaps(table: Table, gaps: Sequence[Gap]) -> list[Json]:
    """Each by what tells its leaky row from those of the others."""
    leaky = list(dict.fromkeys(gap.rows["leaky"] for gap in gaps))
    names = dict(zip(leaky, table.names(leaky), strict=True)) if gaps else {}
    return [
        {
            "name": names[gap.rows["leaky"]],
            "level": gap.level,
            "rows": gap.rows,
            "fall": rounded([gap.fall, *gap.interval], EXACT),
            "pairs": gap.pairs,
        }
        for gap in gaps
    ]
