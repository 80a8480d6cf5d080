"""The figures of a run, drawn from its predictions, its card and its history."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from gtzan_lightning.atomic import write_bytes
from gtzan_lightning.evaluation.calibration import with_temperature
from gtzan_lightning.evaluation.calibration_figures import reliability_figure, risk_coverage_figure
from gtzan_lightning.evaluation.figures import Caption, confusion_figure, genre_figure, learning_figure
from gtzan_lightning.evaluation.genres import genre_evidence
from gtzan_lightning.evaluation.metrics import Level, decide
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.runs.card import stamps
from gtzan_lightning.runs.folder import Card, RunFolder

DRAWN_LEVELS: tuple[Level, ...] = ("window", "clip")


def run_figures(run: RunFolder, card: Card, predictions: Predictions, units: Mapping[str, str]) -> dict[str, Figure]:
    """Confusion matrices and genre scores of the test part at both levels, its calibration, and the learning curves.

    Args:
        run: the folder, for its history.
        card: the run card with its metrics and calibration.
        predictions: the run's table.
        units: the independent unit of each track.
    """
    caption = Caption(card["data"]["corpus"], card["split"]["name"], "test", "; ".join(stamps(card)) or None)
    scores = card["metrics"]["test"]
    figures = {}
    test = predictions.only("test")
    for level in DRAWN_LEVELS:
        decisions = decide(test, level)
        figures[f"confusion_{level}"] = confusion_figure(decisions, scores[level], caption)
        figures[f"genres_{level}"] = genre_figure(genre_evidence(decisions, units), scores[level], level, caption)
    temperature = card["calibration"]["temperature"]
    tables = {"as trained": test, f"temperature {temperature:.2f}": with_temperature(test, temperature)}
    figures["reliability"] = reliability_figure(tables, scores["window"], "window", caption)
    figures["risk_coverage"] = risk_coverage_figure(test, scores["window"], "window", caption)
    history = pd.read_csv(run.history)
    best_epoch = card["training"]["best_epoch"]
    figures["learning_curves"] = learning_figure(history, scores["window"], "window", caption, best_epoch)
    return figures


def save_figures(folder: Path, figures: Mapping[str, Figure]) -> dict[str, bytes]:
    """Writes each figure as `<name>.png`; returns the files' content, so that nobody draws it again."""
    folder.mkdir(exist_ok=True)
    pictures = {name: _png(figure) for name, figure in figures.items()}
    for name, png in pictures.items():
        write_bytes(folder / f"{name}.png", png)
    return pictures


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
