"""Results of a trained model: predictions, scores, figures and TensorBoard events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.environments import LightningEnvironment
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gtzan_lightning.config.schema import Config
from gtzan_lightning.corpus.tracks import Corpus, resampling_clusters
from gtzan_lightning.datamodule.assignment import PARTS
from gtzan_lightning.datamodule.examples import BatchLoader
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.evaluation.calibration import calibration_card, with_temperature
from gtzan_lightning.evaluation.figures import (
    Caption,
    confusion_figure,
    genre_figure,
    learning_figure,
    not_fatal,
    reliability_figure,
    risk_coverage_figure,
)
from gtzan_lightning.evaluation.metrics import LEVELS, Level, confusion, decide, overfit_gap, scores
from gtzan_lightning.evaluation.predictions import Predictions, read_predictions, write_predictions
from gtzan_lightning.evaluation.run_metrics import evaluate, genre_entries, genre_metrics
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.runs.browser import model_name
from gtzan_lightning.runs.run_folder import Card, RunFolder, score_warnings
from gtzan_lightning.training.tensorboard_logging import (
    EventLogger,
    add_charts,
    add_precision_recall,
    add_wrong_slices,
    event_logger,
    final_scores,
    log_results,
    logged_values,
)
from gtzan_lightning.utils.files import as_cell, write_bytes, write_text
from gtzan_lightning.utils.memory import return_freed_memory

DRAWN_LEVELS: tuple[Level, ...] = ("window", "clip")


def predict_all(
    model: GenreModule, datamodule: SliceDataModule, config: Config, parts: Sequence[str] = PARTS
) -> Predictions:
    """The predictions of a model for every slice of some parts, by part and in the order of the corpus."""
    used = [part for part in parts if datamodule.size(part)]
    rows, probabilities = [], []
    for part in used:
        chosen, loader = datamodule.evaluation_loader(part)
        probabilities.append(predicted(config, model, loader))
        rows.append(chosen[: len(probabilities[-1])])
    numbers = np.concatenate(rows)
    tracks, of_row = datamodule.corpus.tracks, datamodule.slices.track_index[numbers]
    return Predictions(
        track_id=np.asarray([track.track_id for track in tracks], dtype=object)[of_row],
        start_s=datamodule.slices.start_s[numbers],
        part=np.repeat(np.asarray(used, dtype=object), [len(chosen) for chosen in rows]),
        y_true=np.asarray([track.genre for track in tracks], dtype=object)[of_row],
        probabilities=np.concatenate(probabilities),
        genres=datamodule.genres,
    )


def accuracies_on_test(
    model: GenreModule, datamodule: SliceDataModule, config: Config
) -> dict[str, dict[str, float | int]]:
    """Accuracy and number of rows of the test part at each level, with the present weights of a model."""
    test = predict_all(model, datamodule, config, ("test",))
    found = {level: scores(decide(test, level)) for level in LEVELS}
    return {level: {name: each[name] for name in ("accuracy", "n")} for level, each in found.items()}


def predicted(config: Config, model: GenreModule, loader: BatchLoader) -> NDArray[np.float32]:
    """Genre probabilities `(slices, genres)` of the batches of a loader, from Lightning's `predict`.

    In one process, since the others of a distributed run have ended, and in single precision. The trainer takes 30 ms
    more than a plain loop over the 9,900 windows of GTZAN.
    """
    options, more = config.trainer, config.trainer.model_extra or {}
    limit = options.limit_batches or more.get("limit_predict_batches")
    trainer = L.Trainer(
        accelerator=options.accelerator,
        devices=1,
        plugins=[LightningEnvironment()],
        limit_predict_batches=limit,
        deterministic="warn",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    batches: Any = trainer.predict(model, loader)
    return torch.cat(batches).float().cpu().numpy()


def record_results(
    run: RunFolder,
    card: Card,
    predictions: Predictions,
    corpus: Corpus,
    config: Mapping[str, Any],
    loggers: Sequence[Logger],
) -> None:
    """Writes predictions, scores and figures into the run folder and the card, and passes them to the loggers.

    All scores are computed from the written table.
    """
    write_predictions(predictions, run.predictions)
    predictions = read_predictions(run.predictions)
    return_freed_memory()  # of those that were written
    cluster, clusters = resampling_clusters(corpus.tracks)
    cluster_of_track = {track.track_id: cluster for track, cluster in zip(corpus.tracks, clusters, strict=True)}
    write_text(run.clusters, clusters_csv(cluster_of_track))
    card["metrics"] = evaluate(predictions, cluster_of_track, cluster)
    test = predictions.only("test")
    decisions = {level: decide(test, level) for level in DRAWN_LEVELS}
    card["genres"] = {level: genre_entries(genre_metrics(each, cluster_of_track)) for level, each in decisions.items()}
    card["confusion"] = {level: confusion(each).tolist() for level, each in decisions.items()}
    if (calibration := calibration_card(predictions)) is not None:
        card["calibration"] = calibration
    card["training"]["overfit_gap"] = overfit_gap(predictions)
    pictures: dict[str, bytes] = {}
    with not_fatal("The figures", card["data"]["notes"]):
        pictures = save_figures(run.figures, run_figures(run, card, predictions, cluster_of_track))
    for logger in loggers:
        if isinstance(logger, EventLogger):
            with not_fatal("TensorBoard's events", card["data"]["notes"]):
                _log_events(run, card, predictions, corpus, config, pictures)
        else:
            logger.log_hyperparams({key: str(value) for key, value in logged_values(config).items()})
            logger.log_metrics(final_scores(card))
            logger.save()
            logger.finalize("success")


def _log_events(
    run: RunFolder,
    card: Card,
    predictions: Predictions,
    corpus: Corpus,
    config: Mapping[str, Any],
    pictures: Mapping[str, bytes],
) -> None:
    """Adds the results to the event files of TensorBoard."""
    logger = event_logger(run.path)
    log_results(logger, config, card, pictures)
    test = predictions.only("test")
    add_charts(logger.experiment)
    add_precision_recall(logger.experiment, test)
    add_wrong_slices(logger.experiment, test, corpus, config["slice"]["seconds"])
    logger.finalize("success")


def run_figures(run: RunFolder, card: Card, predictions: Predictions, clusters: Mapping[str, str]) -> dict[str, Figure]:
    """Confusion matrices, scores by genre and calibration of the test part, and the learning curves, by name.

    Args:
        run: the run folder with the history.
        card: the run card with metrics and calibration.
        predictions: predictions of all parts.
        clusters: the cluster of each track.
    """
    warning = "; ".join(score_warnings(card)) or None
    caption = Caption(card["data"]["corpus"], card["split"]["name"], "test", warning, _described(run, card))
    entries = card["metrics"]["test"]
    figures = {}
    test = predictions.only("test")
    for level in DRAWN_LEVELS:
        decisions = decide(test, level)
        figures[f"confusion_{level}"] = confusion_figure(decisions, entries[level], caption)
        figures[f"genres_{level}"] = genre_figure(genre_metrics(decisions, clusters), entries[level], level, caption)
    tables = {"uncalibrated": test}
    if "calibration" in card:
        temperature = card["calibration"]["temperature"]
        tables[f"temperature {temperature:.2f}"] = with_temperature(test, temperature)
    figures["reliability"] = reliability_figure(tables, entries["window"], "window", caption)
    figures["risk_coverage"] = risk_coverage_figure(test, entries["window"], "window", caption)
    history = pd.read_csv(run.history)
    best_epoch = card["training"]["best_epoch"]
    figures["learning_curves"] = learning_figure(history, entries["window"], "window", caption, best_epoch)
    return figures


def _described(run: RunFolder, card: Card) -> str:
    """Model, slice, features, seed and name of a run, for captions."""
    seconds, features = run.config()["slice.seconds"], card["features"]["name"]
    return f"{model_name(card)} · slices of {seconds:g} s · {features} · seed {card['seed']} · {run.path.name}"


def save_figures(folder: Path, figures: Mapping[str, Figure]) -> dict[str, bytes]:
    """Writes each figure as `<name>.png`; returns the content of the files."""
    folder.mkdir(exist_ok=True)
    pictures = {name: _png(figure) for name, figure in figures.items()}
    for name, png in pictures.items():
        write_bytes(folder / f"{name}.png", png)
    return pictures


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def clusters_csv(cluster_of_track: Mapping[str, str]) -> str:
    """The content of clusters.csv: the cluster of each track."""
    pairs = [(as_cell(track), as_cell(cluster)) for track, cluster in cluster_of_track.items()]
    table = pd.DataFrame(pairs, columns=["track_id", "cluster"])
    return table.to_csv(index=False, lineterminator="\n")
