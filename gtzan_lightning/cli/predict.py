"""`gtzan predict RUN FILE...`: predicted genres of audio files, with probabilities and warnings."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtzan_lightning.cli.overrides_argument import add_trust
from gtzan_lightning.errors import GtzanError

if TYPE_CHECKING:
    from gtzan_lightning.evaluation.file_prediction import FilePrediction

FAILED = 1  # exit status: some file has no prediction


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "predict",
        help="the genre of audio files: gtzan predict best song.mp3 albums/",
        epilog="Exit status 1 means that some file could not be used; the others have predictions.",
    )
    parser.add_argument(
        "run_name",
        metavar="RUN",
        help="path or name of a run, a checkpoint file, or best: the finished grouped run with the best validation "
        "accuracy",
    )
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="audio files, folders, patterns such as 'albums/**/*.ogg'"
    )
    parser.add_argument("--timeline", action="store_true", help="also one row per slice, and one figure per file")
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="folder of the figures; default <outputs>/timelines"
    )
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.add_argument(
        "--uncalibrated", action="store_true", help="probabilities without the temperature, as in predictions.csv"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that compute features; default 1")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    add_trust(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.files:
        given = arguments.run_name
        is_music = Path(given).is_dir() and not Path(given, "run.json").is_file()
        example = f"best {given}" if is_music or Path(given).suffix not in ("", ".ckpt") else f"{given} song.mp3"
        raise GtzanError(f"gtzan predict {given}: a run and files are needed: gtzan predict {example}")
    if arguments.jobs < 1:
        raise GtzanError(f"--jobs {arguments.jobs}: at least one process is needed.")
    from gtzan_lightning.inference.file_inference import predict
    from gtzan_lightning.inference.trained_run import load_run
    from gtzan_lightning.report.prediction_tables import provenance_lines

    calibrated = not arguments.uncalibrated
    run = load_run(arguments.run_name, outputs=arguments.outputs, trust=arguments.trust)
    predictions = predict(run, arguments.files, calibrated=calibrated, n_jobs=arguments.jobs)
    remarks = provenance_lines(run.name, run.card, run.temperature, calibrated=calibrated, has_ood=run.ood is not None)
    _show(predictions, run.name, remarks, arguments)
    if arguments.timeline:
        from gtzan_lightning.report.timeline import save_timelines

        arguments.pictures = arguments.pictures or arguments.outputs / "timelines"
        save_timelines(predictions, run.description, arguments.pictures)
        print(f"Pictures: {arguments.pictures}", file=sys.stderr)
    return FAILED if any(prediction.skipped for prediction in predictions) else 0


def _show(
    predictions: Sequence[FilePrediction], run: str, remarks: Sequence[str], arguments: argparse.Namespace
) -> None:
    """Prints predictions to stdout; with CSV and JSON, remarks and skipped files go to stderr."""
    from gtzan_lightning.report.prediction_tables import predictions_csv, predictions_json, print_predictions

    if arguments.format == "table":
        print_predictions(predictions, arguments.timeline)
        print(*remarks, sep="\n")
        in_time = "--timeline, for one row and one figure over time per file"
        in_full = "--format csv or json, for the probability of every genre"
        print(f"Next: the same with {in_full if arguments.timeline else in_time}")
        return
    if arguments.format == "csv":
        print(predictions_csv(predictions, arguments.timeline), end="")
    else:
        print(predictions_json(predictions, run, remarks, arguments.timeline))
    skipped = (f"Skipped {each.path}: {each.skipped}" for each in predictions if each.skipped)
    print(*remarks, *skipped, sep="\n", file=sys.stderr)
