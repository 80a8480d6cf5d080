"""A paired comparison as a table on the console.

MERGED: What the run browser prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.report.console import leakage_warning_lines, print_run
from gtzan_lightning.runs.browser import card_of
from gtzan_lightning.runs.run_folder import Card, RunFolder


def print_runs(runs: Sequence[RunFolder], console: Console | None = None) -> None:
    """One row a run: status, and test accuracy at both levels."""
    table = Table(title=f"{len(runs)} runs, test accuracy", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("run", overflow="fold", min_width=30)
    for name in ("status", "corpus", "window", "clip"):
        table.add_column(name, no_wrap=True)
    cards = [card_of(run) for run in runs]
    for run, card in zip(runs, cards, strict=True):
        table.add_row(escape(run.path.name), str(card.get("status")), *_cells(card))
    console = console or Console()
    console.print(table)
    for line in leakage_warning_lines(cards, "runs"):
        console.print(line, highlight=False, soft_wrap=True)


def print_record(run: RunFolder, console: Console | None = None) -> None:
    """The result of a run, or why there is none."""
    console = console or Console()
    card = run.card() | {"status": run.standing()}
    if card.get("status") == "done":
        print_run(card, run.path, console)
    else:
        console.print(f"{run.path.name}: {card.get('status')}, started {card.get('started')}", highlight=False)
        console.print(escape(str(card.get("traceback") or "The same command goes on from the last checkpoint.")))
    console.print(f"Command: {escape(str(card.get('command')))}", highlight=False)


def print_differences(names: Sequence[str], rows: Mapping[str, Sequence[Any]], console: Console | None = None) -> None:
    """One row a key that differs, one column a run."""
    table = Table(title="What differs", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("key", no_wrap=True)
    for name in names:
        table.add_column(escape(name), overflow="fold")
    for key, values in rows.items():
        table.add_row(key, *(f"{value:.4g}" if isinstance(value, float) else escape(str(value)) for value in values))
    (console or Console()).print(table)


def _cells(card: Mapping[str, Any]) -> list[str]:
    corpus = str(card.get("data", {}).get("corpus", ""))
    if card.get("status") != "done":
        return [corpus, "", ""]
    test = card["metrics"]["test"]
    return [escape(corpus), *(_score(test[level]) for level in ("window", "clip"))]


def _score(scores: Mapping[str, Any]) -> str:
    low, high = scores["accuracy_ci95"]
    return f"{scores['accuracy']:.3f} n={scores['n']}\n{low:.3f}-{high:.3f}"


def print_comparison(pairs: pd.DataFrame, level: str, cards: Sequence[Card], console: Console | None = None) -> None:
    """One row a pair: difference with interval, and both tests after Holm's correction."""
    console = console or Console()
    card = cards[0]  # the runs have one test part, and so one corpus and one kind of cluster
    cluster = card["metrics"]["test"]["window"]["cluster"]
    title = f"Test accuracy, {level} level, {card['data']['corpus']}, split {card['split']['name']}"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD)
    for name in ("a", "b"):
        table.add_column(name, overflow="fold")
    for name in ("a - b", "95 %", "p", "p (McNemar)"):
        table.add_column(name, justify="right", no_wrap=True)
    for _, row in pairs.iterrows():
        difference = f"{row['difference']:+.3f}", f"{row['low']:+.3f} to {row['high']:+.3f}"
        tests = (f"{row[name]:.3g}" for name in ("p_permutation_holm", "p_mcnemar_holm"))
        table.add_row(
            f"{escape(row['a'])} ({row['accuracy_a']:.3f})",
            f"{escape(row['b'])} ({row['accuracy_b']:.3f})",
            *difference,
            *tests,
        )
    console.print(table)
    first = pairs.iloc[0]
    console.print(
        f"n = {int(first['n'])} rows of {int(first['clusters'])} {cluster}s. p: sign-flip permutation by {cluster}; "
        "McNemar: exact, on clip votes; both corrected after Holm for the pairs of this table.",
        highlight=False,
    )
    for line in leakage_warning_lines(cards, "runs"):
        console.print(line, highlight=False, soft_wrap=True)
