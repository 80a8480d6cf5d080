"""`gtzan report [RUNS...]`: scores of many runs as CSV, Markdown and an HTML page."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "report",
        help="CSV, Markdown and HTML page of many runs",
        epilog="examples: gtzan report · gtzan report split=grouped · gtzan report outputs/sweeps/model-seed-3029809c",
    )
    parser.add_argument(
        "chosen",
        nargs="*",
        metavar="RUNS",
        help="runs, by path or part of a name; sweep folders; filters key=value as in `gtzan runs ls`; default: all",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FOLDER", help="default: the sweep's own, else <outputs>/reports"
    )
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.report.report_folder import write_report
    from gtzan_lightning.report.score_tables import print_rows
    from gtzan_lightning.runs.records import checked, chosen_records, report_folder

    records = [checked(record) for record in chosen_records(arguments.chosen, arguments.outputs)]
    folder = arguments.output or report_folder(arguments.chosen, arguments.outputs)
    table, verdicts = write_report(records, folder)
    print_rows(table, verdicts, [record for record in records if not record.done])
    print(f"Report: {folder / 'report.html'} (the table also as report.md, every score in scores.csv)")
    print("Next: open it in a browser; gtzan compare RUN RUN")
