"""`gtzan runs ls|show|diff|rm`: lists, shows, compares and removes runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser("runs", help="list, show, compare or remove runs")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("ls", help="list runs: gtzan runs ls split=leaky status=done model.lr=0.004")
    listing.add_argument("filters", nargs="*", metavar="KEY=VALUE")
    listing.add_argument(
        "--sort", default="run", metavar="COLUMN", help="run, model, split, date, duration_s, clip ..."
    )
    listing.add_argument("--format", choices=("table", "csv", "json"), default="table")
    showing = actions.add_parser("show", help="the result of one run")
    showing.add_argument("run_name", metavar="RUN")
    differing = actions.add_parser("diff", help="config keys and scores that differ")
    differing.add_argument("run_names", nargs="+", metavar="RUN", help="two or more")
    removing = actions.add_parser("rm", help="remove runs")
    removing.add_argument("run_names", nargs="+", metavar="RUN")
    for action, run in ((listing, _list), (showing, _show), (differing, _diff), (removing, _remove)):
        action.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
        action.set_defaults(run=run)


def _list(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.report.run_list import print_runs, run_rows, runs_csv, runs_json
    from gtzan_lightning.runs.browser import find_runs, matching, values_of

    runs = find_runs(arguments.outputs)
    rows = run_rows(matching(runs, arguments.filters), arguments.sort)
    if arguments.format == "csv":
        print(runs_csv(rows), end="")
    elif arguments.format == "json":
        print(runs_json(rows))
    else:
        print_runs(rows)
        if runs and not rows:
            known = values_of(runs, arguments.filters).items()
            print("\n".join(f"Values of {key} in {len(runs)} runs: {', '.join(values)}" for key, values in known))
        print("Next: gtzan runs show RUN, gtzan report" if rows else "Next: gtzan train model=lstm")


def _show(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.report.run_tables import print_record
    from gtzan_lightning.runs.browser import named_run

    run = named_run(arguments.run_name, arguments.outputs)
    print_record(run)
    print(f"Next: gtzan audit {run.path.name}, gtzan card {run.path.name}")


def _diff(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.errors import GtzanError
    from gtzan_lightning.report.run_tables import print_differences
    from gtzan_lightning.runs.browser import differences, named_run

    if len(arguments.run_names) < 2:
        raise GtzanError(f"gtzan runs diff {arguments.run_names[0]}: give two or more runs.")
    runs = [named_run(name, arguments.outputs) for name in arguments.run_names]
    print_differences([run.path.name for run in runs], differences(runs))
    print(f"Next: gtzan compare {' '.join(run.path.name for run in runs)}")


def _remove(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.runs.browser import named_run, remove

    for run in [named_run(name, arguments.outputs) for name in arguments.run_names]:
        remove(run)
        print(f"Removed {run.path}")
    print("Next: gtzan runs ls")
