"""The table of a report, on the console and as Markdown: scores, the best configurations, warnings, missing runs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape

from gtzan_lightning.config.identity import WITHOUT_EFFECT
from gtzan_lightning.report.console import SYNTHETIC, evaluations_table
from gtzan_lightning.report.tables import TextTable, leakage_warning_counts, print_lines, print_table, table_markdown
from gtzan_lightning.runs.ranking import RULE, Verdict
from gtzan_lightning.runs.records import Record, reason
from gtzan_lightning.runs.row_groups import GROUPS, LEADING, LEVELS, UNKNOWN, Cell, Table, short_names
from gtzan_lightning.runs.run_card import REPETITIONS, mixed_code_warning

ENOUGH_SPLITS = 6  # the smallest number of pairs with 2 / 2**n < 0.05
STATED = (*LEADING, *GROUPS, *WITHOUT_EFFECT, *REPETITIONS, "split.n_folds")  # overrides that other places state
NAMED = 4  # rivals that a sentence names before it counts


def report_markdown(table: Table, verdicts: Sequence[Verdict], missing: Sequence[Record]) -> str:
    """The report as a Markdown document."""
    columns = [f"test {level} accuracy [95 %]" for level in LEVELS]
    names = [list(map(_plain, row.values)) for row in table.rows]
    scores = _score_table("", table, verdicts, [*map(_plain, short_names(table.columns)), "runs", *columns], names)
    lines = [f"# {headline(table)}", "", _plain(common_line(table)), "", table_markdown(scores)]
    lines += [interval_line(table), "", RULE, "", *(f"- {_plain(line)}" for line in verdict_lines(table, verdicts))]
    text = "\n".join(lines).rstrip("\n") + "\n"
    records = [record for row in table.rows for record in row.records]
    others = [(record.card, found) for record in records if (found := record.run.evaluations())]
    text += f"\n{table_markdown(evaluations_table(others))}" if others else ""
    text += "".join(f"\n**{warning}**: {count} of these runs\n" for warning, count in warnings_of(table))
    return text + "".join(f"\n**Missing**: {_plain(line)}\n" for line in missing_lines(missing))


def print_rows(
    table: Table, verdicts: Sequence[Verdict], missing: Sequence[Record], console: Console | None = None
) -> None:
    """Prints one row per configuration, then the best ones, the warnings and the missing runs."""
    console = console or Console()
    columns = [" · ".join(short_names(table.columns)), "runs", *(f"{level} [95 %]" for level in LEVELS)]
    names = [[name] for name in table.names(range(len(table.rows)))]
    print_table(_score_table(f"{headline(table)}, test accuracy", table, verdicts, columns, names), console)
    print_lines(map(escape, verdict_lines(table, verdicts)), console)
    print_lines((f"[bold red]{escape(text)}[/]: {count} of these runs" for text, count in warnings_of(table)), console)
    print_lines((f"[yellow]Missing[/]: {escape(line)}" for line in missing_lines(missing)), console)


def headline(table: Table) -> str:
    """The number of runs and of configurations."""
    runs = sum(len(row.records) for row in table.rows)
    return f"{runs} run{'s' * (runs != 1)}, {len(table.rows)} configuration{'s' * (len(table.rows) != 1)}"


def warnings_of(table: Table) -> list[tuple[str, int]]:
    """The warnings of all runs, each with the number of runs that it applies to."""
    cards = [record.card for row in table.rows for record in row.records]
    synthetic = sum(card["data"]["corpus"] == "synthetic" for card in cards)
    mixed = mixed_code_warning(cards)
    return [
        *([(SYNTHETIC, synthetic)] if synthetic else []),
        *([(mixed, len(cards))] if mixed else []),
        *leakage_warning_counts(cards),
    ]


def common_line(table: Table) -> str:
    """The settings that all rows share: the leading ones, and every other override that all runs were started with."""
    cards = [record.card for row in table.rows for record in row.records]
    commands = [{word for word in card.get("overrides", []) if word.partition("=")[0] not in STATED} for card in cards]
    shared = sorted(set.intersection(*commands)) if commands else []
    return "In all: " + ", ".join([*(f"{column.key} {column.values[0]}" for column in table.common), *shared]) + "."


def interval_line(table: Table) -> str:
    """What the intervals in brackets are."""
    several = any(row.n_splits > 1 for row in table.rows)
    over = "over splits where a row has several (Nadeau and Bengio 2003), else " if several else ""
    return (
        f"In brackets the 95 % interval of the mean: {over}over the independent artists (recordings, tracks) of the "
        "test part. n is the number of test windows or clips of a run."
    ) + _few_splits(table)


def _few_splits(table: Table) -> str:
    """Warns if a sign test over the splits of the rows cannot be significant, however large the differences are."""
    most = max((row.n_splits for row in table.rows), default=0)
    if not 2 <= most < ENOUGH_SPLITS:
        return ""
    return (
        f" No row has more than {most} splits: a sign test over {most} pairs has p >= {2 / 2**most:g}, so it cannot "
        f"reach significance (p < 0.05); {ENOUGH_SPLITS} splits can."
    )


def verdict_lines(table: Table, verdicts: Sequence[Verdict]) -> list[str]:
    """One sentence per protocol and level: the best row, or the rows that the highest is not shown to exceed."""
    return [_sentence(table, verdict) for verdict in verdicts]


def missing_lines(missing: Sequence[Record]) -> list[str]:
    """The runs without scores, with the reason."""
    return [f"{record.requested}: {record.card.get('status', 'missing')}, {reason(record)}" for record in missing]


def _score_table(
    title: str, table: Table, verdicts: Sequence[Verdict], columns: Sequence[str], names: Sequence[Sequence[str]]
) -> TextTable:
    """Names of each row, its number of runs, and a cell per level; the best scores are bold."""
    best = {(verdict.best, verdict.level) for verdict in verdicts}
    bold, rows = set(), []
    for position, (name, row) in enumerate(zip(names, table.rows, strict=True)):
        cells = []
        for column, level in enumerate(LEVELS, len(name) + 1):
            is_best = (position, level) in best
            cells.append(_cell_text(row.cells[level]) + ", best" * is_best)
            bold |= {(position, column)} if is_best else set()
        rows.append([*name, str(len(row.records)), *cells])
    return TextTable(title, columns, rows, text_columns=len(columns) - 1 - len(LEVELS), bold=bold)


def _cell_text(cell: Cell) -> str:
    """Mean, interval, n and the clusters or splits that the interval is over."""
    low, high = cell.interval
    return f"{cell.mean:.3f} [{low:.3f}, {high:.3f}],\nn {cell.n:,}, {cell.over}"


def _sentence(table: Table, verdict: Verdict) -> str:
    top, *others = table.names([verdict.top, *verdict.others])
    start = f"{_protocol(table, verdict)}, {verdict.level}: "
    if verdict.best is not None:
        return f"{start}{top} is better than the other {len(others)}."
    rivals = [name for name, row in zip(others, verdict.others, strict=True) if row in verdict.rivals]
    more = f" and {len(rivals) - NAMED} more" if len(rivals) > NAMED else ""
    return f"{start}no best. {top} is highest, but not shown to be better than {', '.join(rivals[:NAMED])}{more}."


def _protocol(table: Table, verdict: Verdict) -> str:
    """The split, and those of its settings that vary in the table."""
    values = zip(table.columns, short_names(table.columns), table.rows[verdict.top].values, strict=True)
    settings = [
        f"{name} {value}" for column, name, value in values if column.key.startswith("split.") and value != UNKNOWN
    ]
    return " · ".join([verdict.split, *settings])


def _plain(text: str) -> str:
    """Text with Markdown's special characters escaped."""
    return re.sub(r"([\\|*_`\[\]<>])", r"\\\1", text).replace("\n", " ")
