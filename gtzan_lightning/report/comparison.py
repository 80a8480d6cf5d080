"""A paired comparison as a table on the console."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.report.stamps import stamp_lines
from gtzan_lightning.runs.folder import Card


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
        f"n = {int(first['n'])} rows of {int(first['units'])} {cluster}s. p: sign-flip permutation by {cluster}; "
        "McNemar: exact, on clip votes; both corrected after Holm for the pairs of this table.",
        highlight=False,
    )
    for line in stamp_lines(cards, "runs"):
        console.print(line, highlight=False, soft_wrap=True)
