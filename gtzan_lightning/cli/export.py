"""`gtzan export RUN --to onnx|torch-export`: a trained model as files that need nothing of this project."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

EXAMPLES = """\
  gtzan export best --to onnx                        # NAME.onnx, NAME.json and NAME.md in this folder
  gtzan export RUN --to torch-export --output genre.pt2
"""
SUFFIXES = {"onnx": ".onnx", "torch-export": ".pt2"}


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "export",
        help="a trained model as a file for other programs",
        description="Writes the model, checked against the original; how its input is made, as JSON; a model card.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_name", metavar="RUN", help="run folder, part of a run's name, checkpoint file, or best")
    parser.add_argument("--to", choices=tuple(SUFFIXES), required=True)
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: the run's name, in this folder")
    parser.add_argument("--overwrite", action="store_true", help="replace files that are there")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from gtzan_lightning.inference.exporting import export_run
    from gtzan_lightning.inference.trained_run import load_run

    console = Console(stderr=True)
    run = load_run(arguments.run_name, outputs=arguments.outputs)
    file = arguments.output or Path(Path(run.name).stem if run.card is None else run.name)
    if arguments.output is None:
        file = file.with_name(file.name + SUFFIXES[arguments.to])
    with console.status(f"Writing {file.name}; long sequences take minutes"):
        made = export_run(run, file, arguments.to, overwrite=arguments.overwrite)
    for path in made.files:
        print(path)
    print(f"Largest difference from the original: {made.largest_difference:.2g}, on {made.source}.")
    if run.temperature is None:
        print("The run has no temperature: the probabilities are those of a plain softmax.")
