"""Tables of finished text: printed on a console, or written as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are formatted already."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]  # a line break inside a cell becomes a blank in Markdown
    notes: tuple[str, ...] = ()  # one paragraph each, below the table
    text_columns: int = 1  # leading columns of text: aligned left, folded where the console is narrow


def print_table(table: TextTable, console: Console | None = None) -> None:
    """Prints a table with its notes; columns of numbers are never cut."""
    console = console or Console()
    grid = Table(title=escape(table.title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(table.columns):
        if position < table.text_columns:
            grid.add_column(escape(name), overflow="fold")
        else:
            grid.add_column(escape(name), justify="right", no_wrap=True)
    for row in table.rows:
        grid.add_row(*map(escape, row))
    console.print(grid)
    for note in table.notes:
        console.print(note, highlight=False, soft_wrap=True, markup=False)


def table_markdown(table: TextTable) -> str:
    """The table with its notes as Markdown."""
    lines = [_markdown_row(table.columns), "|" + "---|" * len(table.columns), *map(_markdown_row, table.rows)]
    notes = [line for note in table.notes for line in (note, "")]
    return "\n".join([f"**{table.title}**", "", *lines, "", *notes])


def _markdown_row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|") for cell in cells) + " |"
