"""Predictions for audio files as a table, CSV or JSON, and remarks on the run that made them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape

from gtzan_lightning.corpus.audio_folder import printable
from gtzan_lightning.corpus.feature_table import STATS_COLUMNS
from gtzan_lightning.evaluation.file_prediction import FilePrediction
from gtzan_lightning.report.tables import TextTable, print_table
from gtzan_lightning.runs.browser import model_name
from gtzan_lightning.runs.run_folder import Card, score_warnings
from gtzan_lightning.utils.files import row_of_cells
from gtzan_lightning.utils.terminal import visible

SHOWN = 30  # lines below the table; CSV and JSON have all of them
DECIMALS = 6
SUMMARY_KEYS = ("genre", "probability", "runner_up", "runner_up_probability", "agreement", "slices")


def print_predictions(predictions: Sequence[FilePrediction], timeline: bool, console: Console | None = None) -> None:
    """Prints a table, and below it each warning in full and each skipped file."""
    console = console or Console()
    columns = ("file", "genre", "runner-up", "agree", "warnings")
    rows: list[list[str]] = []
    bold = set()
    for prediction in predictions:
        if prediction.skipped is None:
            bold |= {(len(rows), column) for column in range(len(columns))} if timeline else set()
            rows.append([printable(str(prediction.path)), *_cells(prediction)])
            for slice_ in prediction.slices() if timeline else ():
                time = f"  {_time(slice_.start_s[0])} - {_time(slice_.stop_s[0])}"
                rows.append([time, *_cells(slice_)[:2], "", ""])
    if rows:
        print_table(TextTable("", columns, rows, bold=bold), console)
    _print_some(console, [line for prediction in predictions for line in _sentences(prediction)])


def predictions_csv(predictions: Sequence[FilePrediction], timeline: bool) -> str:
    """One row per file, with empty `start_s` and `stop_s`; with `timeline` followed by one row per slice."""
    genres = predictions[0].genres
    buffer = io.StringIO()
    columns = ["file", "start_s", "stop_s", *SUMMARY_KEYS, "warnings", "error", *(f"p_{name}" for name in genres)]
    writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
    writer.writeheader()
    for prediction in predictions:
        row = {
            "file": str(prediction.path),
            "error": prediction.skipped or "",
            "warnings": "; ".join(prediction.warnings),
        }
        writer.writerow(row_of_cells(row | _numbers(prediction)))
        for slice_ in prediction.slices() if timeline else ():
            times = {"start_s": _rounded(slice_.start_s[0]), "stop_s": _rounded(slice_.stop_s[0])}
            writer.writerow(row_of_cells({"file": row["file"]} | times | _numbers(slice_)))
    return buffer.getvalue()


def predictions_json(predictions: Sequence[FilePrediction], run: str, remarks: Sequence[str], timeline: bool) -> str:
    """`run`, `remarks` and `files`, each with its `probabilities`; with `timeline` also those of its slices."""
    files = [_as_plain(prediction, timeline) for prediction in predictions]
    return json.dumps({"run": run, "remarks": list(remarks), "files": files}, indent=2, ensure_ascii=False)


def provenance_lines(
    name: str, card: Card | None, temperature: float | None, *, calibrated: bool, has_ood: bool
) -> list[str]:
    """Remarks on a run whose predictions are shown: its score, leakage warnings, calibration and OOD score.

    Args:
        name: of the run.
        card: of the run, if available.
        temperature: of the run, if it has one.
        calibrated: whether the temperature is applied to the predictions.
        has_ood: whether the checkpoint has an out-of-distribution score.
    """
    lines = _source(name, card or {})
    if not calibrated:
        lines.append("Uncalibrated: probabilities without the temperature, as in predictions.csv.")
    elif temperature is None:
        lines.append("Not calibrated: this run has no temperature, so its probabilities may be overconfident.")
    else:
        lines.append(f"Calibrated: temperature {temperature:.2f}, fitted on validation.")
    if not has_ood:
        lines.append("This checkpoint has no OOD score: out-of-distribution files get no warning (rerun=true adds it).")
    return lines


def _source(name: str, card: Card) -> list[str]:
    """The run with its test score, and what limits the validity of its predictions."""
    if card.get("status") != "done":
        return [f"Predictions of {name}."]
    scores, data = card["metrics"]["test"]["clip"], card["data"]
    low, high = scores["accuracy_ci95"]
    lines = [
        f"Predictions of {name}: {model_name(card)} on {data['corpus']}, clip accuracy {scores['accuracy']:.2f} "
        f"[{low:.2f}, {high:.2f}] on {scores['n']} test clips (split {card['split']['name']}); lower on other music."
    ]
    if data["corpus"] == "synthetic":
        lines.append("SYNTHETIC CORPUS: this model was not trained on music; its predictions are meaningless.")
    features = card["features"]
    if data["source"] == "tables" and features["name"] == "stats" and features["shape"][1] == len(STATS_COLUMNS):
        lines.append(
            "Trained on all published columns; of these, harmony_mean and perceptr_mean cannot be recomputed from "
            "audio, and probabilities can be far from those of predictions.csv. See features.drop."
        )
    return lines + score_warnings(card)


def _as_plain(prediction: FilePrediction, timeline: bool) -> dict[str, Any]:
    if prediction.skipped is not None:
        return {"file": str(prediction.path), "error": prediction.skipped}
    plain = {"file": str(prediction.path), **_summary(prediction), "probabilities": _by_genre(prediction)}
    plain["warnings"] = list(prediction.warnings)
    if timeline:
        plain["timeline"] = [
            {"start_s": _rounded(slice_.start_s[0]), "stop_s": _rounded(slice_.stop_s[0]), **_by_genre(slice_)}
            for slice_ in prediction.slices()
        ]
    return plain


def _summary(prediction: FilePrediction) -> dict[str, Any]:
    values = (
        prediction.genre,
        _rounded(prediction.probability),
        prediction.runner_up,
        _rounded(prediction.runner_up_probability),
        _rounded(prediction.agreement),
        len(prediction.start_s),
    )
    return dict(zip(SUMMARY_KEYS, values, strict=True))


def _numbers(prediction: FilePrediction) -> dict[str, Any]:
    """The numeric CSV cells of a prediction; none for a skipped file."""
    if prediction.skipped is not None:
        return {}
    return _summary(prediction) | {f"p_{genre}": value for genre, value in _by_genre(prediction).items()}


def _by_genre(prediction: FilePrediction) -> dict[str, float]:
    return {genre: _rounded(value) for genre, value in zip(prediction.genres, prediction.mean, strict=True)}


def _cells(prediction: FilePrediction) -> list[str]:
    return [
        f"{prediction.genre} {prediction.probability:.2f}",
        f"{prediction.runner_up} {prediction.runner_up_probability:.2f}",
        f"{prediction.agreement:.0%}",
        str(len(prediction.warnings) or ""),
    ]


def _sentences(prediction: FilePrediction) -> Iterator[str]:
    if prediction.skipped is not None:
        yield f"[bold red]Skipped[/] {_name(prediction)}: {escape(prediction.skipped)}"
    for warning in prediction.warnings:
        yield f"[yellow]{_name(prediction)}[/]: {escape(warning)}"


def _print_some(console: Console, lines: Sequence[str]) -> None:
    for line in lines[:SHOWN]:
        console.print(visible(line), highlight=False, soft_wrap=True)
    if len(lines) > SHOWN:
        console.print(f"... and {len(lines) - SHOWN} more: --format csv has all of them", highlight=False)


def _name(prediction: FilePrediction) -> str:
    return escape(printable(str(prediction.path)))


def _time(seconds: float) -> str:
    """Minutes and seconds, with a decimal where there is one."""
    minutes, rest = divmod(round(float(seconds), 1), 60)
    return f"{int(minutes)}:{rest:04.1f}".removesuffix(".0")


def _rounded(value: float) -> float:
    return round(float(value), DECIMALS)
