"""Tables of formatted text, printed on the console or written as Markdown."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from textwrap import wrap

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from gtzan_lightning.runs.run_folder import Card, score_warnings
from gtzan_lightning.utils.terminal import visible

MIN_FOLDED = 14  # width to which a column of text may be folded
GLUE = "\N{NO-BREAK SPACE}"  # between a number and its name
GAP, EDGES = 2, 2  # blanks between two columns, and beside the outer ones together


@dataclass(frozen=True)
class TextTable:
    """A table whose cells are formatted already."""

    title: str  # empty: none
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]  # a line break inside a cell becomes a blank in Markdown
    notes: Sequence[str] = ()  # one paragraph each, below the table
    text_columns: int = 1  # leading columns of text: aligned left, folded where the console is narrow
    bold: Collection[tuple[int, int]] = ()  # emphasized cells: (row, column)
    whole_names: bool = False  # texts are never folded, so that they can be copied
    sections: Collection[int] = ()  # rows that a rule follows on the console


def print_table(table: TextTable, console: Console | None = None) -> None:
    """Prints a table with its notes; columns of numbers are never cut, and names stay whole if the table requires it.

    Where the console is too narrow for that, each row is printed as its text, then its numbers with their names below.
    """
    console = console or Console()
    if _needed_width(table) > console.width:
        _print_stacked(table, console)
    else:
        console.print(_grid(table))
    print_lines(map(escape, table.notes), console)


def _grid(table: TextTable) -> Table:
    title = Text(table.title, style="bold") if table.title else None
    grid = Table(
        title=title, title_justify="left", title_style="", box=SIMPLE_HEAD, pad_edge=False,
        collapse_padding=True,  # the gaps are then `GAP` wide
    )  # fmt: skip
    for position, name in enumerate(table.columns):
        if position < table.text_columns:
            grid.add_column(escape(name), overflow="fold")
        else:
            grid.add_column(escape(name), justify="right", no_wrap=True)
    for place, row in enumerate(table.rows):
        cells = [
            Text(visible(cell), style="bold" if (place, column) in table.bold else "")
            for column, cell in enumerate(row)
        ]
        grid.add_row(*cells, end_section=place in table.sections)
    return grid


def _needed_width(table: TextTable) -> int:
    """The width below which a number would be cut, a whole name folded, or a text folded to less than `MIN_FOLDED`."""
    widths = []
    for position, name in enumerate(table.columns):
        texts = [line for cell in (name, *(row[position] for row in table.rows)) for line in cell.splitlines()]
        width = max(map(cell_len, texts), default=0)
        folds = position < table.text_columns and not table.whole_names
        widths.append(min(width, MIN_FOLDED) if folds else width)
    return sum(widths) + GAP * (len(widths) - 1) + EDGES


def _print_stacked(table: TextTable, console: Console) -> None:
    """Prints a line with the texts of a row, which the terminal wraps so that it can be copied, then its numbers."""
    if table.title:
        console.print(Text(table.title, style="bold"), soft_wrap=True)
    for place, row in enumerate(table.rows):
        texts = " · ".join(" ".join(cell.split()) for cell in row[: table.text_columns] if cell)
        console.print(Text(texts, style="bold"), soft_wrap=True)
        numbers = [
            " ".join([*name.split(), *cell.split()])
            for name, cell in zip(table.columns[table.text_columns :], row[table.text_columns :], strict=True)
            if cell
        ]
        width = max(20, console.width - 2)
        glued = [number.replace(" ", GLUE) if len(number) < width else number for number in numbers]
        for line in wrap(", ".join(glued), width, break_long_words=False, break_on_hyphens=False):
            console.print(Text(f"  {line.replace(GLUE, ' ')}"), soft_wrap=True)
        if place in table.sections:
            console.print()


def print_lines(lines: Iterable[str], console: Console) -> None:
    """Prints lines with console markup as they are: neither wrapped nor highlighted."""
    for line in lines:
        console.print(visible(line), highlight=False, soft_wrap=True)


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


def leakage_warning_counts(cards: Iterable[Card]) -> list[tuple[str, int]]:
    """Each leakage warning with the number of cards that carry it, sorted by text."""
    return sorted(Counter(warning for card in cards for warning in score_warnings(card)).items())


def leakage_warnings_markdown(cards: Iterable[Card], what: str) -> str:
    """Each leakage warning as a Markdown paragraph; `what` as in `leakage_warning_lines`."""
    return "".join(f"\n**{text}**: {count} of these {what}\n" for text, count in leakage_warning_counts(cards))


def leakage_warning_lines(cards: Iterable[Card], what: str) -> list[str]:
    """Each leakage warning as a line with console markup; `what` names the cards in the plural: "jobs", "runs"."""
    return [f"[bold red]{escape(text)}[/]: {count} of these {what}" for text, count in leakage_warning_counts(cards)]
