"""The table of a report on the console."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from gtzan_lightning.report.columns import short_names
from gtzan_lightning.report.contest import Verdict
from gtzan_lightning.report.markdown import headline, missing_lines, verdict_lines, warnings_of
from gtzan_lightning.report.records import Record
from gtzan_lightning.report.rows import LEVELS, Cell, Table


def print_rows(
    table: Table, verdicts: Sequence[Verdict], missing: Sequence[Record], console: Console | None = None
) -> None:
    """One row a configuration, then which is best, what leaks and what is missing."""
    console = console or Console()
    best = {(verdict.best, verdict.level) for verdict in verdicts}
    printed = RichTable(
        title=f"{headline(table)}, test accuracy", title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
    printed.add_column(escape(" · ".join(short_names(table.columns))), overflow="fold", ratio=1)
    printed.add_column("runs", justify="right")
    for level in LEVELS:
        printed.add_column(f"{level} (95 %)", no_wrap=True)
    names = table.names(range(len(table.rows)))
    for position, (name, row) in enumerate(zip(names, table.rows, strict=True)):
        cells = [_cell(row.cells[level], (position, level) in best) for level in LEVELS]
        printed.add_row(escape(name), str(len(row.records)), *cells)
    console.print(printed)
    for line in verdict_lines(table, verdicts):
        console.print(escape(line), highlight=False, soft_wrap=True)
    for warning, count in warnings_of(table):
        console.print(f"[bold red]{escape(warning)}[/]: {count} of these runs", highlight=False, soft_wrap=True)
    for line in missing_lines(missing):
        console.print(f"[yellow]Missing[/]: {escape(line)}", highlight=False, soft_wrap=True)


def _cell(cell: Cell, best: bool) -> str:
    low, high = cell.interval
    mark = " [bold green]best[/]" if best else ""
    return f"{cell.mean:.3f} ({low:.3f}-{high:.3f}){mark}\nn {cell.n:,}, {cell.over}"
