"""Run cards on the console: the result of a run, of a sweep job and of a whole sweep, and leakage warnings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from gtzan_lightning.report.audit_tables import audit_line
from gtzan_lightning.report.tables import TextTable, leakage_warning_lines, print_lines, print_table
from gtzan_lightning.runs.browser import model_name
from gtzan_lightning.runs.run_folder import Card, score_warnings

LEVEL_NAMES = {"window": "window", "clip": "clip, mean", "clip_vote": "clip, vote"}
SYNTHETIC = "SYNTHETIC CORPUS: a demonstration; these scores say nothing about real music"


def print_run(card: Card, folder: Path, console: Console | None = None) -> None:
    """Prints the result of one run: every score with its level, n and interval."""
    console = console or Console()
    data, split = card["data"], card["split"]
    title = f"{model_name(card)} on {data['corpus']} ({data['tracks']} tracks), split {split['name']}"
    rows = [
        [part, name, *_score_cells(card["metrics"][part][level])]
        for part in card["metrics"]
        for level, name in LEVEL_NAMES.items()
    ]
    columns = ("part", "level", "n", "accuracy", "95 %", "precision", "recall", "F1")
    print_table(TextTable(title, columns, rows, text_columns=2, sections=(len(LEVEL_NAMES) - 1,)), console)
    if "genres" in card:
        print_genres(card["genres"], console)
    print_lines([*_remarks(card), f"Run folder: {escape(str(folder))}"], console)


def print_genres(
    genres: Mapping[str, Mapping[str, Mapping[str, Any]]],
    console: Console | None = None,
    title: str = "Test, by genre",
) -> None:
    """Prints the scores of each genre at both levels, lowest window F1 first."""
    known = [genre for genre, row in genres["window"].items() if row["n"]]
    rows = [
        [genre, *(cell for level in ("window", "clip") for cell in _genre_cells(genres[level][genre]))]
        for genre in sorted(known, key=lambda genre: genres["window"][genre]["f1"])
    ]
    columns = ("genre", "windows", "recall", "F1", "95 %", "clips", "recall", "F1", "95 %")
    print_table(TextTable(title, columns, rows), console)


def evaluations_table(runs: Sequence[tuple[Card, Sequence[Card]]]) -> TextTable:
    """Scores of runs on their own test parts and on other corpora, at window and clip level.

    Args:
        runs: the card of each run, and those of its evaluations.
    """
    rows, ends = [], []
    for card, evaluations in runs:
        own = (f"own test ({card['data']['corpus']}, {card['split']['name']})", card["metrics"]["test"], None)
        others = [(each["data"]["corpus"], each["metrics"], each["ood"]) for each in evaluations]
        for corpus, metrics, ood in (own, *others):
            levels = [metrics[level] for level in ("window", "clip")]
            scores = [f"{each['accuracy']:.3f} [{_interval(each, ', ')}], n {each['n']:,}" for each in levels]
            share = "" if ood is None else f"{ood['share']:.0%}"
            rows.append([card["run_id"], corpus, *scores, f"{levels[1]['f1']:.3f}", share])
        ends.append(len(rows) - 1)
    columns = ("run", "corpus", "window accuracy [95 %]", "clip accuracy [95 %]", "clip F1", "OOD")
    note = "OOD: share of the tracks whose features are out of the distribution of the training tracks."
    return TextTable("Other corpora", columns, rows, (note,), text_columns=2, sections=ends[:-1])


def print_line(card: Card, folder: Path) -> None:
    """Prints the result of one job of a sweep in a line."""
    window, clip = (card["metrics"]["test"][level] for level in ("window", "clip"))
    scores = (
        f"{name} {entry['accuracy']:.3f} ({_interval(entry)}, n={entry['n']})"
        for name, entry in (("window", window), ("clip", clip))
    )
    print(f"{folder.name}: test {', '.join(scores)}", flush=True)


def print_sweep(jobs: Sequence[tuple[Path, Card]], console: Console | None = None) -> None:
    """Prints one row per job: the overrides that vary, and the test scores at both levels or the job's status."""
    console = console or Console()
    cards = [card for _, card in jobs]
    rows = [[name, *_job_cells(card)] for name, card in zip(varied(cards), cards, strict=True)]
    title = f"{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}, test accuracy"
    print_table(TextTable(title, ("job", "window", "95 %", "n", "clip", "95 %", "n"), rows), console)
    print_lines(_job_remarks(jobs), console)


def varied(cards: Sequence[Card], *, ignored: Collection[str] = (), default: str = "the only one") -> list[str]:
    """The overrides of each job that not all jobs share, shortened.

    Args:
        cards: of the jobs.
        ignored: keys whose overrides are left out.
        default: the text of a job without such overrides.
    """
    commands = [
        [word for word in card.get("overrides", []) if word.lstrip("+").partition("=")[0] not in ignored]
        for card in cards
    ]
    shared = set(commands[0]).intersection(*commands[1:]) if commands else set()
    return [" ".join(short_override(word) for word in words if word not in shared) or default for words in commands]


def short_override(override: str) -> str:
    """`model=lstm` is `lstm`, `split.fold=2` is `fold=2`, `seed=1` stays."""
    key, _, value = override.partition("=")
    return f"{key.rpartition('.')[2]}={value}" if "." in key or key == "seed" else value


def _score_cells(scores: Mapping[str, Any]) -> list[str]:
    others = (f"{scores[key]:.3f}" for key in ("precision", "recall", "f1"))
    return [str(scores["n"]), f"{scores['accuracy']:.3f}", _interval(scores), *others]


def _genre_cells(row: Mapping[str, Any]) -> list[str]:
    return [str(row["n"]), f"{row['recall']:.2f}", f"{row['f1']:.2f}", f"{row['f1_low']:.2f}-{row['f1_high']:.2f}"]


def _job_cells(card: Card) -> list[str]:
    if card.get("status") != "done":
        return [str(card.get("status", "no record")), "", "", "", "", ""]
    levels = [card["metrics"]["test"][level] for level in ("window", "clip")]
    return [cell for scores in levels for cell in (f"{scores['accuracy']:.3f}", _interval(scores), str(scores["n"]))]


def _job_remarks(jobs: Sequence[tuple[Path, Card]]) -> list[str]:
    """The reason for each missing score, the leakage warnings, and the folder of the runs."""
    lines = []
    for folder, card in jobs:
        if card.get("status") != "done":
            reason = str(card.get("error", "")).partition("\n")[0]
            lines.append(f"[bold red]{card.get('status', 'no record')}[/]: {escape(f'{folder}: {reason}')}")
    lines += leakage_warning_lines((card for _, card in jobs), "jobs")
    return [*lines, f"Run folders: {escape(str(jobs[0][0].parent))}"] if jobs else lines


def _interval(scores: Mapping[str, Any], between: str = "-") -> str:
    low, high = scores["accuracy_ci95"]
    return f"{low:.3f}{between}{high:.3f}"


def _remarks(card: Card) -> list[str]:
    """Warnings and conditions that belong to the scores of a run."""
    scores, training, data = card["metrics"]["test"]["window"], card["training"], card["data"]
    lines = [f"[bold yellow]{SYNTHETIC}.[/]"] if data["corpus"] == "synthetic" else []
    lines += [f"[bold red]{escape(warning)}[/]" for warning in score_warnings(card)]
    lines.append(
        f"Intervals are clustered by {scores['cluster']}: {scores['n_clusters']} {scores['cluster']}s in the test part."
    )
    lines += [f"[yellow]{escape(warning)}[/]" for warning in scores.get("warnings", ())]
    epoch = f"{training['best_epoch']} of {training['epochs']}"
    is_last = training["monitor"] == "last epoch"
    lines.append(f"Last epoch {epoch}, not selected." if is_last else f"Best epoch {epoch} by {training['monitor']}.")
    if training["overfit_gap"] is not None:
        lines.append(f"Generalization gap (train minus validation window accuracy): {training['overfit_gap']:+.3f}.")
    if "calibration" in card:
        lines.append(_calibration_line(card["calibration"]))
    if "audit" in card:
        lines.append(f"{audit_line(card['audit'])}.")
    left_out = data["tracks_without_slice"]
    if left_out:
        more = " ... (all in run.json)" if len(left_out) > 5 else ""
        shown = escape(", ".join(left_out[:5]))
        lines.append(f"{len(left_out)} tracks have no slice of this length and are left out: {shown}{more}")
    return lines + [f"Note: {escape(note)}" for note in data["notes"]]


def _calibration_line(calibration: Mapping[str, Any]) -> str:
    before, after = (calibration["test"][when]["ece"] for when in ("before", "after"))
    return (
        f"Expected calibration error of the test windows: {before:.3f} uncalibrated, {after:.3f} temperature-scaled "
        f"(T = {calibration['temperature']:.2f}, fitted on validation; predictions.csv is uncalibrated)."
    )
