"""`gtzan compare RUN RUN ...`: paired comparison of runs on the same test tracks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser("compare", help="paired comparison of runs on one split")
    parser.add_argument("run_names", nargs="+", metavar="RUN", help="path, name, or unique part of the name")
    parser.add_argument("--level", choices=("window", "clip", "clip_vote"), default="clip")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.report.run_tables import print_comparison
    from gtzan_lightning.runs.browser import named_run
    from gtzan_lightning.runs.records import compare

    runs = [named_run(name, arguments.outputs) for name in arguments.run_names]
    table = compare([run.path for run in runs], level=arguments.level)
    print_comparison(table, arguments.level, [run.done_card() for run in runs])
    print(f"Next: gtzan runs diff {' '.join(run.path.name for run in runs[:2])}")
