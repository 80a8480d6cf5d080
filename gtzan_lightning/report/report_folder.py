"""Writes a report: scores.csv, report.md and report.html, each replaced atomically."""

from __future__ import annotations

import base64
import csv
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources import files
from io import StringIO
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from rich.progress import track

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.page.page_data import details, head
from gtzan_lightning.report.score_tables import headline, print_rows, report_markdown, warnings_of
from gtzan_lightning.runs.browser import model_name
from gtzan_lightning.runs.ranking import Verdict, leakage_drops, verdicts
from gtzan_lightning.runs.records import Record, TestParts, checked, read_record
from gtzan_lightning.runs.row_groups import LEVELS, Table, tabled
from gtzan_lightning.runs.run_folder import Card, RunFolder, now, score_warnings
from gtzan_lightning.utils.files import NO_SPACE, row_of_cells, write_text

STYLES = ("style.css", "charts.css", "run.css")
SCRIPTS = tuple(
    f"{name}.js" for name in ("dom", "cells", "table", "plots", "leakage_drops", "curves", "genres", "run", "main")
)


def write_report(records: Sequence[Record], folder: Path, *, progress: bool = True) -> tuple[Table, list[Verdict]]:
    """Writes the three files.

    Args:
        records: finished runs, and others, which are listed as missing.
        folder: created if it does not exist.
        progress: whether to show a progress bar while predictions are read.

    Returns:
        The table and the best configurations.

    Raises:
        GtzanError: no run is done, or the folder cannot be written.
    """
    done = [record for record in records if record.done]
    missing = [record for record in records if not record.done]
    if not done:
        raise GtzanError(
            f"none of {len(records)} runs is done: there is nothing to report. `gtzan runs ls` lists them."
        )
    table, test_parts = tabled(done), TestParts()
    ordered = [record for row in table.rows for record in row.records]
    found = verdicts(table.rows, LEVELS, test_parts)
    shown = track(ordered, "Reading predictions", disable=not progress, transient=True)
    page = rendered(
        title=f"{_corpora(ordered)}: {headline(table)}",
        written=now()[:10],
        banners=warnings_of(table),
        head=head(table, found, leakage_drops(table, LEVELS), missing),
        details=details(shown, test_parts),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / "scores.csv", _csv(tidy([record.card for record in ordered])))
        write_text(folder / "report.md", report_markdown(table, found, missing))
        write_text(folder / "report.html", page)
    except OSError as error:
        remedy = NO_SPACE.get(error.errno or 0, "Choose another folder with --output")
        raise GtzanError(f"{folder}: the report cannot be written ({error.strerror}). {remedy}.") from error
    return table, found


def tidy(cards: Sequence[Card]) -> list[dict[str, Any]]:
    """One row per job, part and level: every score with its interval and n."""
    return [
        {
            "run_id": card["run_id"],
            "overrides": " ".join(card["overrides"]),
            "corpus": card["data"]["corpus"],
            "model": model_name(card),
            "features": card["features"]["name"],
            "split": card["split"]["name"],
            "split_seed": card["split"]["seed"],
            "fold": card["split"]["fold"],
            "seed": card["seed"],
            "leakage_warning": "; ".join(score_warnings(card)),
            "part": part,
            "level": level,
            "accuracy": scores["accuracy"],
            "low": scores["accuracy_ci95"][0],
            "high": scores["accuracy_ci95"][1],
            "f1": scores["f1"],
            "n": scores["n"],
        }
        for card in cards
        for part, levels in card["metrics"].items()
        for level, scores in levels.items()
    ]


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(row_of_cells, rows))
    return text.getvalue()


def report_sweep(jobs: Sequence[tuple[Path, Card]], folder: Path) -> None:
    """Writes the report of a sweep into its folder, and prints its table if runs repeat a configuration.

    Prints the reason if the report cannot be written.

    Args:
        jobs: the folder of each job and its card, with the status and overrides that the sweep has for it.
        folder: of the sweep.
    """
    records = []
    for path, card in jobs:
        read = read_record(RunFolder(path), card.get("overrides", []))
        records.append(checked(read) if read.done else replace(read, card=card))
    if not any(record.done for record in records):
        return
    try:
        table, found = write_report(records, folder, progress=False)
    except GtzanError as error:
        print(f"No report: {error}")
        return
    if any(len(row.records) > 1 for row in table.rows):
        print_rows(table, found, [])
    print(f"Report: {folder / 'report.html'} (report.md, scores.csv)")


def _corpora(records: Sequence[Record]) -> str:
    return ", ".join(dict.fromkeys(record.card["data"]["corpus"] for record in records))


def rendered(
    title: str, written: str, banners: Sequence[tuple[str, int]], head: Mapping[str, Any], details: Mapping[str, Any]
) -> str:
    """The page as HTML.

    Names of runs, genres and overrides come from users: Jinja escapes them in the HTML, `tojson` in the data, and the
    content security policy allows only the page's own script.

    Args:
        title: heading and title of the page.
        written: date of the report.
        banners: warnings, each with the number of runs that it applies to.
        head: from `page_data.head`.
        details: from `page_data.details`.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.policies["json.dumps_kwargs"] = {"separators": (",", ":"), "ensure_ascii": False, "allow_nan": False}
    style, script = _joined(STYLES), _joined(SCRIPTS)
    return environment.from_string(_source("page.html")).render(
        title=title,
        written=written,
        banners=banners,
        head=head,
        details=details,
        style=Markup(style),
        script=Markup(script),
        style_hash=_policy_hash(style),
        script_hash=_policy_hash(script),
    )


def _source(name: str) -> str:
    return files("gtzan_lightning.report.page").joinpath(name).read_text(encoding="utf-8")


def _joined(names: Sequence[str]) -> str:
    """The concatenated sources."""
    return "\n" + "\n".join(_source(name) for name in names)


def _policy_hash(text: str) -> str:
    """The hash that identifies an inline text in a content security policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
