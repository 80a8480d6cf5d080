"""Tables of the run browser (`gtzan runs`) and of paired comparisons (`gtzan compare`) on the console."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.console import evaluations_table, print_genres, print_run
from gtzan_lightning.report.tables import TextTable, leakage_warning_lines, print_lines, print_table
from gtzan_lightning.runs.browser import card_of
from gtzan_lightning.runs.run_folder import REMEDY, Card, RunFolder

if TYPE_CHECKING:
    import pandas as pd


def print_record(run: RunFolder, console: Console | None = None) -> None:
    """Prints the result of a run, or its status and traceback, and its command."""
    console = console or Console()
    card = card_of(run)
    if card.get("status") == "damaged":
        raise GtzanError(card["error"])
    if card.get("status") == "done":
        try:
            print_run(card, run.path, console)
        except KeyError as error:  # a card that was edited, or of an early version
            raise GtzanError(f"{run.path / 'run.json'}: no {error}. {REMEDY}") from error
        if evaluations := run.evaluations():
            print_table(evaluations_table([(card, evaluations)]), console)
    else:
        console.print(f"{run.path.name}: {card.get('status')}, started {card.get('started')}", highlight=False)
        console.print(escape(str(card.get("traceback") or "The same command resumes from the last checkpoint.")))
    print_lines([f"Command: {escape(str(card.get('command')))}"], console)


def print_evaluation(evaluation: Card, card: Card, console: Console | None = None) -> None:
    """Prints the scores of a run on another corpus beside those of its own test part.

    Args:
        evaluation: the card of the evaluation.
        card: of the run.
        console: where to print.
    """
    console = console or Console()
    print_table(evaluations_table([(card, [evaluation])]), console)
    print_genres(evaluation["genres"], console, f"{evaluation['data']['corpus']}, by genre")
    print_lines(map(escape, evaluation_lines(evaluation)), console)


def evaluation_lines(evaluation: Card) -> list[str]:
    """Conditions of an evaluation on another corpus: intervals, calibration, and what was left out."""
    data, scores, calibration = (evaluation[key] for key in ("data", "metrics", "calibration"))
    how = "stratified by genre" if evaluation["intervals"]["stratified_by_genre"] else "not stratified by genre"
    lines = [f"Intervals: {scores['clip']['n_clusters']} {scores['clip']['cluster']}s of this corpus, {how}."]
    ece = [f"{calibration[when]['ece']:.3f} {name}" for when, name in _CALIBRATED.items() if when in calibration]
    lines.append(f"Expected calibration error of its windows: {', '.join(ece)}.")
    if data["left_out_genres"]:
        listed = ", ".join(f"{genre} ({count})" for genre, count in data["left_out_genres"].items())
        total = sum(data["left_out_genres"].values())
        lines.append(f"{total} of {data['tracks']} tracks have a genre that the run does not know: {listed}.")
    if data["tracks_without_slice"]:
        lines.append(f"{len(data['tracks_without_slice'])} tracks have no slice of this length.")
    if evaluation["shared_artists"]:
        lines.append(f"{evaluation['shared_artists']} artists are in both corpora: their tracks are not independent.")
    return [*lines, *(f"Note: {note}" for note in data["notes"])]


_CALIBRATED = {"before": "uncalibrated", "after": "temperature-scaled as on the run's validation part"}


def print_differences(names: Sequence[str], rows: Mapping[str, Sequence[Any]], console: Console | None = None) -> None:
    """Prints one row per key that differs, one column per run."""
    cells = [
        [key, *(f"{value:.4g}" if isinstance(value, float) else str(value) for value in values)]
        for key, values in rows.items()
    ]
    print_table(TextTable("Differences", ("key", *names), cells, text_columns=1 + len(names)), console)


def print_comparison(pairs: pd.DataFrame, level: str, cards: Sequence[Card], console: Console | None = None) -> None:
    """Prints one row per pair: difference with interval, and both p values after Holm's correction.

    Args:
        pairs: from `evaluation.run_comparison.compare`.
        level: of the decisions that were compared.
        cards: of the runs, which have one corpus and one test part.
        console: where to print.
    """
    console = console or Console()
    cluster = cards[0]["metrics"]["test"]["window"]["cluster"]
    rows = [
        [
            f"{row['a']} ({row['accuracy_a']:.3f})",
            f"{row['b']} ({row['accuracy_b']:.3f})",
            f"{row['difference']:+.3f}",
            f"{row['low']:+.3f} to {row['high']:+.3f}",
            *(f"{row[name]:.3g}" for name in ("p_permutation_holm", "p_mcnemar_holm")),
        ]
        for _, row in pairs.iterrows()
    ]
    first = pairs.iloc[0]
    note = (
        f"n = {int(first['n'])} rows of {int(first['clusters'])} {cluster}s. p: sign-flip permutation by {cluster}; "
        "McNemar: exact, on clip votes; both with Holm's correction for the pairs of this table."
    )
    title = f"Test accuracy, {level} level, {cards[0]['data']['corpus']}, split {cards[0]['split']['name']}"
    columns = ("a", "b", "a - b", "95 %", "p", "p (McNemar)")
    print_table(TextTable(title, columns, rows, (note,), text_columns=2, whole_names=True), console)
    print_lines(leakage_warning_lines(cards, "runs"), console)
