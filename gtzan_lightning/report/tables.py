"""Tables of formatted text, printed on the console or written as Markdown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are formatted already."""

    title: str  # empty: none
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]  # a line break inside a cell becomes a blank in Markdown
    notes: Sequence[str] = ()  # one paragraph each, below the table
    text_columns: int = 1  # leading columns of text: aligned left, folded where the console is narrow
    bold: Collection[tuple[int, int]] = ()  # emphasized cells: (row, column)
    sections: Collection[int] = ()  # rows that a rule follows on the console


def print_table(table: TextTable, console: Console | None = None) -> None:
    """Prints a table with its notes; columns of numbers are never cut."""
    console = console or Console()
    title = Text(table.title, style="bold") if table.title else None
    grid = Table(title=title, title_justify="left", title_style="", box=SIMPLE_HEAD, pad_edge=False)
    for position, name in enumerate(table.columns):
        if position < table.text_columns:
            grid.add_column(escape(name), overflow="fold")
        else:
            grid.add_column(escape(name), justify="right", no_wrap=True)
    for place, row in enumerate(table.rows):
        cells = [Text(cell, style="bold" if (place, column) in table.bold else "") for column, cell in enumerate(row)]
        grid.add_row(*cells, end_section=place in table.sections)
    console.print(grid)
    print_lines(map(escape, table.notes), console)


def print_lines(lines: Iterable[str], console: Console) -> None:
    """Prints lines with console markup as they are: neither wrapped nor highlighted."""
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def table_markdown(table: TextTable) -> str:
    """The table with its notes as Markdown."""
    rows = [
        [f"**{cell}**" if (place, column) in table.bold else cell for column, cell in enumerate(row)]
        for place, row in enumerate(table.rows)
    ]
    title = [f"**{table.title}**", ""] if table.title else []
    lines = [*title, _markdown_row(table.columns), "|" + "---|" * len(table.columns), *map(_markdown_row, rows)]
    notes = [line for note in table.notes for line in (note, "")]
    return "\n".join([*lines, "", *notes])


def _markdown_row(cells: Iterable[str]) -> str:
    """One line; a pipe that is not escaped yet is."""
    return "| " + " | ".join(re.sub(r"(?<!\\)\|", r"\\|", " ".join(cell.split())) for cell in cells) + " |"
