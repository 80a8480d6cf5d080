"""The table of a report on the console.

MERGED: The table of a report as Markdown, with what is missing and what is best.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from gtzan_lightning.report.console import leakage_warning_counts
from gtzan_lightning.runs.ranking import RULE, Verdict
from gtzan_lightning.runs.records import Record, reason
from gtzan_lightning.runs.row_groups import LEVELS, UNKNOWN, Cell, Table, short_names

SYNTHETIC = "SYNTHETIC CORPUS: a demonstration; these scores say nothing about real music"
NAMED = 4  # rivals that a sentence names before it counts


def report_markdown(table: Table, verdicts: Sequence[Verdict], missing: Sequence[Record]) -> str:
    """The report as a document."""
    best = {(verdict.best, verdict.level) for verdict in verdicts}
    heads = [*map(_plain, short_names(table.columns)), "runs", *(f"test {level} accuracy [95 %]" for level in LEVELS)]
    lines = [f"# {headline(table)}", "", _plain(common_line(table)), "", _line(heads), _line(["---"] * len(heads))]
    for position, row in enumerate(table.rows):
        cells = [_cell(row.cells[level], (position, level) in best) for level in LEVELS]
        lines.append(_line([*map(_plain, row.values), str(len(row.records)), *cells]))
    lines += ["", interval_line(table), "", RULE, "", *(f"- {_plain(line)}" for line in verdict_lines(table, verdicts))]
    text = "\n".join(lines).rstrip("\n") + "\n"
    text += "".join(f"\n**{warning}**: {count} of these runs\n" for warning, count in warnings_of(table))
    return text + "".join(f"\n**Missing**: {_plain(line)}\n" for line in missing_lines(missing))


def headline(table: Table) -> str:
    """What the report holds."""
    runs = sum(len(row.records) for row in table.rows)
    return f"{runs} run{'s' * (runs != 1)}, {len(table.rows)} configuration{'s' * (len(table.rows) != 1)}"


def warnings_of(table: Table) -> list[tuple[str, int]]:
    """What stands beside the scores, and for how many of the runs: leakage_warnings, and a corpus that is none."""
    cards = [record.card for row in table.rows for record in row.records]
    synthetic = sum(card["data"]["corpus"] == "synthetic" for card in cards)
    return [*([(SYNTHETIC, synthetic)] if synthetic else []), *leakage_warning_counts(cards)]


def common_line(table: Table) -> str:
    """What all rows share."""
    return "In all: " + ", ".join(f"{column.key} {column.values[0]}" for column in table.common) + "."


def interval_line(table: Table) -> str:
    """How to read the brackets."""
    several = any(row.n_splits > 1 for row in table.rows)
    over = "over splits where a row has several (Nadeau and Bengio 2003), else " if several else ""
    return (
        f"In brackets the 95 % interval of the mean: {over}over the independent artists (recordings, tracks) of the "
        "test part. n is the number of test windows or clips of a run."
    )


def verdict_lines(table: Table, verdicts: Sequence[Verdict]) -> list[str]:
    """One sentence a protocol and level: which row is best, or which ones the highest cannot be told from."""
    return [_sentence(table, verdict) for verdict in verdicts]


def missing_lines(missing: Sequence[Record]) -> list[str]:
    """What has no scores, and why."""
    return [f"{record.requested}: {record.card.get('status', 'missing')}, {reason(record)}" for record in missing]


def cell_text(cell: Cell) -> str:
    """Mean, interval, n and what the interval varies."""
    low, high = cell.interval
    return f"{cell.mean:.3f} [{low:.3f}, {high:.3f}], n {cell.n:,}, {cell.over}"


def _cell(cell: Cell, best: bool) -> str:
    return f"**{cell_text(cell)}, best**" if best else cell_text(cell)


def _sentence(table: Table, verdict: Verdict) -> str:
    top, *others = table.names([verdict.top, *verdict.others])
    start = f"{_protocol(table, verdict)}, {verdict.level}: "
    if verdict.best is not None:
        return f"{start}{top} is better than the other {len(others)}."
    rivals = [name for name, row in zip(others, verdict.others, strict=True) if row in verdict.rivals]
    more = f" and {len(rivals) - NAMED} more" if len(rivals) > NAMED else ""
    return f"{start}no best. {top} is highest, but not shown to be better than {', '.join(rivals[:NAMED])}{more}."


def _protocol(table: Table, verdict: Verdict) -> str:
    """The split, and what of its settings varies in the table."""
    values = zip(table.columns, short_names(table.columns), table.rows[verdict.top].values, strict=True)
    message = [
        f"{name} {value}" for column, name, value in values if column.key.startswith("split.") and value != UNKNOWN
    ]
    return " · ".join([verdict.split, *message])


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(text: str) -> str:
    """Text that cannot end a cell or begin markup of its own."""
    return re.sub(r"([\\|*_`\[\]<>])", r"\\\1", text).replace("\n", " ")


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
        cells = [_rows_console_cell(row.cells[level], (position, level) in best) for level in LEVELS]
        printed.add_row(escape(name), str(len(row.records)), *cells)
    console.print(printed)
    for line in verdict_lines(table, verdicts):
        console.print(escape(line), highlight=False, soft_wrap=True)
    for warning, count in warnings_of(table):
        console.print(f"[bold red]{escape(warning)}[/]: {count} of these runs", highlight=False, soft_wrap=True)
    for line in missing_lines(missing):
        console.print(f"[yellow]Missing[/]: {escape(line)}", highlight=False, soft_wrap=True)


def _rows_console_cell(cell: Cell, best: bool) -> str:
    low, high = cell.interval
    mark = " [bold green]best[/]" if best else ""
    return f"{cell.mean:.3f} ({low:.3f}-{high:.3f}){mark}\nn {cell.n:,}, {cell.over}"
