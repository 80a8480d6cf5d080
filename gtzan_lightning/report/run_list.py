"""The list of runs (`gtzan runs ls`) as a table, CSV or JSON; quick to import, because it is typed often."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import datetime
from io import StringIO
from typing import Any

from rich.console import Console
from rich.markup import escape

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.tables import TextTable, leakage_warning_lines, print_lines, print_table
from gtzan_lightning.runs.browser import card_of, model_name
from gtzan_lightning.runs.run_folder import Card, RunFolder
from gtzan_lightning.utils.files import as_cell

COLUMNS = ("run", "model", "split", "status", "corpus", "date", "duration_s", "window", "clip")
TEXTS = 5  # leading columns of text
LEVELS = ("window", "clip")

RunRow = dict[str, Any]
"""One run: the values of `COLUMNS`, None where the run has none, and its card."""


def run_rows(runs: Sequence[RunFolder], sort: str = "run") -> list[RunRow]:
    """One row per run, sorted by a column: scores and durations from the largest, the date from the latest.

    Raises:
        GtzanError: there is no such column.
    """
    if sort not in COLUMNS:
        raise GtzanError(f"--sort {sort}: unknown. Columns: {', '.join(COLUMNS)}.")
    rows = [_row(run, card_of(run)) for run in runs]
    known = [row for row in rows if row[sort] is not None]
    return [
        *sorted(known, key=lambda row: row[sort], reverse=sort in ("date", "duration_s", *LEVELS)),
        *(row for row in rows if row[sort] is None),
    ]


def print_runs(rows: Sequence[RunRow], console: Console | None = None) -> None:
    """Prints the rows as a table, then leakage warnings."""
    console = console or Console()
    cells = [
        [*(row[name] or "" for name in COLUMNS[:TEXTS]), _date(row["date"]), _duration(row["duration_s"])]
        + ["" if row[level] is None else f"{row[level]:.3f}" for level in LEVELS]
        for row in rows
    ]
    columns = [*COLUMNS[:TEXTS], "date", "duration", *LEVELS]
    title = f"{len(rows)} runs, test accuracy"
    print_table(TextTable(title, columns, cells, text_columns=TEXTS, whole_names=True), console)
    damaged = [str(row["card"]["error"]) for row in rows if row["card"].get("status") == "damaged"]
    print_lines([f"[bold red]damaged[/]: {escape(error)}" for error in damaged], console)
    print_lines(leakage_warning_lines((row["card"] for row in rows), "runs"), console)


def runs_csv(rows: Sequence[RunRow]) -> str:
    """The rows as CSV with a header; accuracies between 0 and 1, dates in ISO 8601, durations in seconds."""
    text = StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: as_cell(value) if isinstance(value, str) else value for name, value in row.items()} for row in rows
    )
    return text.getvalue()


def runs_json(rows: Sequence[RunRow]) -> str:
    """The rows as a JSON list of objects, values as in `runs_csv`."""
    return json.dumps([{name: row[name] for name in COLUMNS} for row in rows], indent=2, ensure_ascii=False)


def _row(run: RunFolder, card: Card) -> RunRow:
    done = card.get("status") == "done"
    test = card.get("metrics", {}).get("test", {}) if done else {}
    return {
        "run": run.path.name,
        "model": model_name(card) or None,
        "split": card.get("split", {}).get("name"),
        "status": str(card.get("status")),
        "corpus": card.get("data", {}).get("corpus"),
        "date": card.get("started"),
        "duration_s": _seconds(card),
        **{level: test.get(level, {}).get("accuracy") for level in LEVELS},
        "card": card,
    }


def _seconds(card: Card) -> float | None:
    """Seconds from start to end of the run."""
    try:
        return (_time(card["finished"]) - _time(card["started"])).total_seconds()
    except (KeyError, TypeError, ValueError):
        return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _date(text: str | None) -> str:
    """Local date and time to the minute; the text itself if it is not a date."""
    try:
        return _time(text).astimezone().strftime("%Y-%m-%d %H:%M") if text else ""
    except ValueError:
        return str(text)


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
