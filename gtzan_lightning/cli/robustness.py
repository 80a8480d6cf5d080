"""`gtzan robustness RUN`: accuracy of a run on its own test clips through noise, codecs, filters, speed and pitch."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gtzan_lightning.cli.overrides_argument import add_trust


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "robustness",
        help="accuracy of a run on its test clips with noise, other levels, codecs, speed and pitch",
        description="Needs the audio of the test tracks. Writes robustness.csv, .md and .png into the run folder.",
    )
    parser.add_argument("run_name", metavar="RUN", help="path or name of a run, or best")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that compute features; default 1")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    add_trust(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.inference.robustness_study import robustness, robustness_table
    from gtzan_lightning.inference.trained_run import load_run
    from gtzan_lightning.report.tables import print_table

    run = load_run(arguments.run_name, outputs=arguments.outputs, trust=arguments.trust)
    print_table(robustness_table(robustness(run, arguments.jobs)))
    print(f"Written: {run.path.parent / 'robustness.md'}, .csv and .png")
    print("Next: gtzan train augmentation=waveform, and the same for that run")
