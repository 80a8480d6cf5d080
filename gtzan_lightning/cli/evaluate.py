"""`gtzan evaluate RUN KEY=VALUE...`: scores of a trained run on another labelled corpus."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

HELP = """\
Predicts every track of another corpus whose genre the run knows, and compares the scores with those of the run's own
test part: gtzan evaluate best data.root=/music. The result is kept in RUN/evaluations and shown in reports.
For a feature table: gtzan evaluate RUN features=table features.path=FILE."""


def add_to(commands: Any) -> None:
    """Adds the command."""
    from gtzan_lightning.cli.overrides_argument import add_overrides, add_trust

    parser = commands.add_parser("evaluate", help="scores of a run on another labelled corpus", description=HELP)
    parser.add_argument("run_name", metavar="RUN", help="path or name of a run, or best")
    add_overrides(parser)
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    add_trust(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.cli.overrides_argument import configuration
    from gtzan_lightning.inference.evaluation_run import corpus_overrides, evaluate_on
    from gtzan_lightning.inference.trained_run import load_run
    from gtzan_lightning.report.run_tables import print_evaluation

    run = load_run(arguments.run_name, outputs=arguments.outputs, trust=arguments.trust)
    config = configuration(corpus_overrides(run, arguments.overrides), arguments)
    result = evaluate_on(run, config)
    print_evaluation(result.card, run.card or {})
    print(f"Written: {result.folder}")
    print(f"Next: gtzan report {run.name}, which shows it beside the run's own test part")
