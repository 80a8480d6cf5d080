"""`gtzan export RUN --to onnx|torch-export`: writes a trained model for use without this package."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gtzan_lightning.cli.overrides_argument import add_trust

EXAMPLES = """\
  gtzan export best --to onnx                        # NAME.onnx, NAME.json and NAME.md in the current folder
  gtzan export RUN --to torch-export --output genre.pt2
"""
FORMATS = ("onnx", "torch-export")  # of `inference.export_formats`, which imports torch


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "export",
        help="a trained model as a file for other programs",
        description="Writes the model, verified against the original, its input description as JSON, and a model card.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run_name", metavar="RUN", help="run folder, part of a run's name, checkpoint file, or best")
    parser.add_argument("--to", choices=FORMATS, required=True)
    parser.add_argument("--output", type=Path, metavar="FILE", help="default: the run's name, in the current folder")
    parser.add_argument("--overwrite", action="store_true", help="replace existing files")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    add_trust(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from rich.console import Console

    from gtzan_lightning.inference.exporting import default_file, export_run
    from gtzan_lightning.inference.trained_run import load_run

    console = Console(stderr=True)
    run = load_run(arguments.run_name, outputs=arguments.outputs, trust=arguments.trust)
    file = arguments.output or default_file(run, arguments.to)
    with console.status(f"Writing {file.name}; long sequences take minutes"):
        exported = export_run(run, file, arguments.to, overwrite=arguments.overwrite)
    print(*exported.files, sep="\n")
    print(f"Largest difference from the original: {exported.largest_difference:.2g}, on {exported.source}.")
    if run.temperature is None:
        print("The run has no temperature: the probabilities are those of a plain softmax.")
    print("Next: the JSON file describes the input; the script beside it computes it with librosa")
