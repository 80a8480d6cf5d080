"""`gtzan card RUN`: the model card of a finished run."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser("card", help="a model card in Markdown: gtzan card RUN > card.md")
    parser.add_argument("run_name", metavar="RUN", help="path, name, or unique part of the name")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.report.model_card import model_card
    from gtzan_lightning.runs.browser import named_run
    from gtzan_lightning.runs.records import read_clusters, whole_predictions

    run = named_run(arguments.run_name, arguments.outputs)
    print(model_card(run.done_card(), whole_predictions(run), read_clusters(run)), end="")
    print(f"Next: gtzan export {run.path.name}", file=sys.stderr)  # stdout is the document
