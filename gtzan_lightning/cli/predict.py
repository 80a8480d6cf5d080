"""`gtzan predict RUN FILE...`: the genre of any music, how sure, and what makes the prediction doubtful."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtzan_lightning.errors import GtzanError

if TYPE_CHECKING:
    from gtzan_lightning.evaluation.file_prediction import FilePrediction


FAILED = 1  # exit status: some file has no prediction


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "predict",
        help="the genre of any music: gtzan predict best song.mp3 albums/",
        epilog="Exit status 1 tells that some file could not be used; the others have their predictions.",
    )
    parser.add_argument(
        "run_name",
        metavar="RUN",
        help="a run's path or name, a checkpoint file, or best: the finished grouped run that is best on validation",
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="audio files, folders, patterns such as 'albums/**/*.ogg'"
    )
    parser.add_argument("--timeline", action="store_true", help="also one row a slice, and a picture a file")
    parser.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="where --timeline puts pictures; default <outputs>/timelines"
    )
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    parser.add_argument(
        "--as-trained", action="store_true", help="probabilities as in predictions.csv, without the temperature"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes that compute features; default 1")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if arguments.jobs < 1:
        raise GtzanError(f"--jobs {arguments.jobs}: at least one process is needed.")
    from gtzan_lightning.inference.file_inference import predict
    from gtzan_lightning.inference.trained_run import load_run
    from gtzan_lightning.report.prediction_tables import provenance_lines

    calibrated = not arguments.as_trained
    run = load_run(arguments.run_name, outputs=arguments.outputs)
    predictions = predict(run, arguments.files, calibrated=calibrated, n_jobs=arguments.jobs)
    remarks = provenance_lines(run.name, run.card, run.temperature, calibrated=calibrated, familiar=run.ood is not None)
    _show(predictions, run.name, remarks, arguments)
    if arguments.timeline:
        _draw(predictions, run.name, arguments.pictures or arguments.outputs / "timelines")
    return FAILED if any(prediction.skipped for prediction in predictions) else 0


def _show(
    predictions: Sequence[FilePrediction], run: str, remarks: Sequence[str], arguments: argparse.Namespace
) -> None:
    """Answers to the standard output; beside CSV and JSON, which programs read, remarks go to the error output."""
    from rich.console import Console

    from gtzan_lightning.report.prediction_tables import predictions_csv, predictions_json, print_predictions

    if arguments.format == "table":
        print_predictions(predictions, arguments.timeline)
    elif arguments.format == "csv":
        print(predictions_csv(predictions, arguments.timeline), end="")
    else:
        print(predictions_json(predictions, run, remarks, arguments.timeline))
    console = Console(stderr=arguments.format != "table")
    for line in remarks:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if arguments.format != "table":
        for prediction in predictions:
            if prediction.skipped:
                console.print(
                    f"Skipped {prediction.path}: {prediction.skipped}", highlight=False, markup=False, soft_wrap=True
                )


def _draw(predictions: Sequence[FilePrediction], run: str, folder: Path) -> None:
    """A picture a file, by the file's name, numbered where several files share it."""
    import sys

    from gtzan_lightning.report.timeline import timeline_figure
    from gtzan_lightning.training.results import save_figures

    folder.mkdir(parents=True, exist_ok=True)
    seen: Counter[str] = Counter()
    for prediction in predictions:
        if prediction.skipped is None:
            stem = prediction.path.stem
            seen[stem] += 1
            save_figures(folder, {f"{stem}-{seen[stem]}" if seen[stem] > 1 else stem: timeline_figure(prediction, run)})
    print(f"Pictures: {folder}", file=sys.stderr)
