"""Run cards as tables on the console.

MERGED: The leakage_warnings of runs whose protocol leaks by design: no table of their scores goes without.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.report.audit_tables import audit_line
from gtzan_lightning.runs.run_card import leakage_warnings
from gtzan_lightning.runs.run_folder import Card


def leakage_warning_counts(cards: Iterable[Card]) -> list[tuple[str, int]]:
    """Each leakage_warning, and how many of the cards bear it."""
    return sorted(Counter(leakage_warning for card in cards for leakage_warning in leakage_warnings(card)).items())


def leakage_warnings_markdown(cards: Iterable[Card], what: str) -> str:
    """Each leakage_warning as a paragraph below a table in a document; empty where nothing is marked with a leakage warning."""
    return "".join(
        f"\n**{leakage_warning}**: {count} of these {what}\n"
        for leakage_warning, count in leakage_warning_counts(cards)
    )


def leakage_warning_lines(cards: Iterable[Card], what: str) -> list[str]:
    """Each leakage_warning as a line for the console; `what` is what the cards are, in the plural: "jobs", "runs"."""
    return [
        f"[bold red]{escape(leakage_warning)}[/]: {count} of these {what}"
        for leakage_warning, count in leakage_warning_counts(cards)
    ]


LEVEL_NAMES = {"window": "window", "clip": "clip, mean", "clip_vote": "clip, vote"}


def print_run(card: Card, folder: Path, console: Console | None = None) -> None:
    """The result of one run: every score with its level, n and interval."""
    console = console or Console()
    data, split = card["data"], card["split"]
    title = f"{card['model']['name']} on {data['corpus']} ({data['tracks']} tracks), split {split['name']}"
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("part", "level"):
        table.add_column(name, no_wrap=True)
    for name in ("n", "accuracy", "95 %", "precision", "recall", "F1"):
        table.add_column(name, justify="right", no_wrap=True)
    for part in ("val", "test"):
        for level, shown in LEVEL_NAMES.items():
            scores = card["metrics"][part][level]
            table.add_row(part, shown, str(scores["n"]), *_score_cells(scores), end_section=level == "clip_vote")
    console.print(table)
    if "genres" in card:
        print_genres(card["genres"], console)
    for line in _remarks(card):
        console.print(line, highlight=False)
    console.print(f"Run folder: {folder}", highlight=False, soft_wrap=True)


def print_genres(genres: Mapping[str, Mapping[str, Mapping[str, Any]]], console: Console | None = None) -> None:
    """Scores of each genre on the test part at both levels, the hardest first."""
    table = Table(
        title="Test, by genre",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 0, 0, 1),
    )
    table.add_column("genre", no_wrap=True)
    for name in ("windows", "recall", "F1", "95 %", "clips", "recall", "F1", "95 %"):
        table.add_column(name, justify="right", no_wrap=True)
    known = [genre for genre, row in genres["window"].items() if row["n"]]
    for genre in sorted(known, key=lambda genre: genres["window"][genre]["f1"]):
        cells = [cell for level in ("window", "clip") for cell in _genre_cells(genres[level][genre])]
        table.add_row(escape(genre), *cells)
    (console or Console()).print(table)


def _genre_cells(row: Mapping[str, Any]) -> list[str]:
    return [str(row["n"]), f"{row['recall']:.2f}", f"{row['f1']:.2f}", f"{row['f1_low']:.2f}-{row['f1_high']:.2f}"]


def print_line(card: Card, folder: Path) -> None:
    """The result of one job of a sweep, in a line."""
    window, clip = (card["metrics"]["test"][level] for level in ("window", "clip"))
    scores = (
        f"{name} {entry['accuracy']:.3f} ({_interval(entry)}, n={entry['n']})"
        for name, entry in (("window", window), ("clip", clip))
    )
    print(f"{folder.name}: test {', '.join(scores)}", flush=True)


def print_sweep(jobs: Sequence[tuple[Path, Card]], console: Console | None = None) -> None:
    """One row a job: what varied, and the test scores at both levels, or what became of it."""
    console = console or Console()
    table = Table(
        title=f"{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}, test accuracy",
        title_justify="left",
        title_style="bold",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    table.add_column("job", overflow="fold")
    for name in ("window", "95 %", "n", "clip", "95 %", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, (_, card) in zip(varied([card for _, card in jobs]), jobs, strict=True):
        table.add_row(escape(name), *_job_cells(card))
    console.print(table)
    for line in _job_remarks(jobs):
        console.print(line, highlight=False, soft_wrap=True)


def varied(cards: Sequence[Card]) -> list[str]:
    """The part of each job's command line that not all jobs share."""
    commands = [list(card.get("overrides", [])) for card in cards]
    shared = set(commands[0]).intersection(*commands[1:]) if commands else set()
    return [" ".join(map(short_override, command)) or "the only one" for command in _without(shared, commands)]


def _without(shared: set[str], commands: list[list[str]]) -> list[list[str]]:
    return [[word for word in command if word not in shared] for command in commands]


def short_override(override: str) -> str:
    """`model=lstm` is `lstm`, `split.fold=2` is `fold=2`, `seed=1` stays."""
    key, _, value = override.partition("=")
    return f"{key.rpartition('.')[2]}={value}" if "." in key or key == "seed" else value


def _score_cells(scores: Mapping[str, Any]) -> list[str]:
    return [
        f"{scores['accuracy']:.3f}",
        _interval(scores),
        *(f"{scores[key]:.3f}" for key in ("precision", "recall", "f1")),
    ]


def _job_cells(card: Card) -> list[str]:
    if card.get("status") != "done":
        return [str(card.get("status", "no record")), "", "", "", "", ""]
    cells = []
    for level in ("window", "clip"):
        scores = card["metrics"]["test"][level]
        cells += [f"{scores['accuracy']:.3f}", _interval(scores), str(scores["n"])]
    return cells


def _job_remarks(jobs: Sequence[tuple[Path, Card]]) -> list[str]:
    """Why a job has no score, which jobs leak, and where all of them are."""
    lines = []
    for folder, card in jobs:
        if card.get("status") != "done":
            reason = str(card.get("error", "")).partition("\n")[0]
            lines.append(f"[bold red]{card.get('status', 'no record')}[/]: {escape(f'{folder}: {reason}')}")
    lines += leakage_warning_lines((card for _, card in jobs), "jobs")
    return [*lines, f"Run folders: {jobs[0][0].parent}"] if jobs else lines


def _interval(scores: Mapping[str, Any]) -> str:
    low, high = scores["accuracy_ci95"]
    return f"{low:.3f}-{high:.3f}"


def _remarks(card: Card) -> list[str]:
    """What must be read beside the numbers."""
    scores = card["metrics"]["test"]["window"]
    gap = card["training"]["overfit_gap"]
    lines = [f"Intervals resample {scores['n_clusters']} {scores['cluster']}s of the test part."]
    lines += [f"[yellow]{escape(warning)}[/]" for warning in scores.get("warnings", ())]
    training = card["training"]
    lines.append(f"Best epoch {training['best_epoch'] + 1} of {training['epochs']} by {training['monitor']}.")
    if gap is not None:
        lines.append(f"Train minus validation window accuracy: {gap:+.3f}.")
    if "calibration" in card:
        lines.append(_calibration_line(card["calibration"]))
    lines = [*(f"[bold red]{escape(leakage_warning)}[/]" for leakage_warning in leakage_warnings(card)), *lines]
    if card["data"]["corpus"] == "synthetic":
        lines.insert(0, "[bold yellow]SYNTHETIC CORPUS: a demonstration; these scores say nothing about real music.[/]")
    if "audit" in card:
        lines.append(f"{audit_line(card['audit'])}.")
    left_out = card["data"]["tracks_without_slice"]
    if left_out:
        lines.append(
            f"{len(left_out)} tracks have no slice of this length and are left out: {', '.join(left_out[:5])}"
            f"{' ... (all in run.json)' if len(left_out) > 5 else ''}"
        )
    return lines + [f"Note: {escape(note)}" for note in card["data"]["notes"]]


def _calibration_line(calibration: Mapping[str, Any]) -> str:
    before, after = (calibration["test"][when]["ece"] for when in ("before", "after"))
    return (
        f"Calibration error of the test windows: {before:.3f} as trained, {after:.3f} at temperature "
        f"{calibration['temperature']:.2f} (fitted on validation; predictions.csv is as trained)."
    )
