"""The end of a run: predictions, scores, figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gtzan_lightning.atomic import write_text
from gtzan_lightning.corpus.tracks import Corpus, independent_units
from gtzan_lightning.datamodule.dealing import PARTS
from gtzan_lightning.datamodule.genre_datamodule import GenreDataModule
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.calibration import calibration_card
from gtzan_lightning.evaluation.card import evaluate
from gtzan_lightning.evaluation.genres import genre_entries, genre_evidence
from gtzan_lightning.evaluation.metrics import decide, overfit_gap
from gtzan_lightning.evaluation.predictions import Predictions, read_predictions, write_predictions
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.inference import probabilities
from gtzan_lightning.runs.dashboard import add_charts, add_precision_recall, add_wrong_slices
from gtzan_lightning.runs.folder import Card, RunFolder
from gtzan_lightning.runs.pictures import DRAWN_LEVELS, run_figures, save_figures
from gtzan_lightning.runs.tensorboard import event_logger, log_results


def read_units(run: RunFolder) -> dict[str, str]:
    """The independent unit of each track, as the run recorded it.

    Raises:
        GtzanError: the run has no such record.
    """
    if not run.units.is_file():
        raise GtzanError(f"{run.units}: missing. Repeat the run with rerun=true.")
    table = pd.read_csv(run.units, dtype=str, keep_default_na=False)
    return dict(zip(table["track_id"], table["unit"], strict=True))


def predict_all(model: GenreModule, datamodule: GenreDataModule, limit_batches: int | None = None) -> Predictions:
    """What the model says about every slice, part by part in corpus order."""
    rows, answers = [], []
    for part in PARTS:
        chosen, loader = datamodule.evaluation_loader(part)
        answer = probabilities(model, loader, limit_batches)
        rows.append(chosen[: len(answer)])
        answers.append(answer)
    numbers = np.concatenate(rows)
    tracks = [datamodule.corpus.tracks[index] for index in datamodule.slices.track_index[numbers]]
    return Predictions(
        track_id=np.asarray([track.track_id for track in tracks], dtype=object),
        start_s=datamodule.slices.start_s[numbers],
        part=datamodule.parts[numbers].astype(object),
        y_true=np.asarray([track.genre for track in tracks], dtype=object),
        probabilities=np.concatenate(answers),
        genres=datamodule.genres,
    )


def record_results(
    run: RunFolder, card: Card, predictions: Predictions, corpus: Corpus, config: Mapping[str, Any]
) -> None:
    """Writes predictions, computes every score from the written table, and draws the figures."""
    write_predictions(predictions, run.predictions)
    predictions = read_predictions(run.predictions)
    cluster, units = independent_units(corpus.tracks)
    unit_of_track = {track.track_id: unit for track, unit in zip(corpus.tracks, units, strict=True)}
    write_text(run.units, _units_csv(unit_of_track))
    card["metrics"] = evaluate(predictions, unit_of_track, cluster)
    card["genres"] = {
        level: genre_entries(genre_evidence(decide(predictions.only("test"), level), unit_of_track))
        for level in DRAWN_LEVELS
    }
    card["calibration"] = calibration_card(predictions)
    card["training"]["overfit_gap"] = overfit_gap(predictions)
    pictures = save_figures(run.figures, run_figures(run, card, predictions, unit_of_track))
    logger = event_logger(run.path)
    log_results(logger, config, card, pictures)
    test = predictions.only("test")
    add_charts(logger.experiment, pd.read_csv(run.history), card["split"]["name"])
    add_precision_recall(logger.experiment, test)
    add_wrong_slices(logger.experiment, test, corpus, config["slice"]["seconds"])
    logger.finalize("success")


def _units_csv(unit_of_track: Mapping[str, str]) -> str:
    table = pd.DataFrame({"track_id": list(unit_of_track), "unit": list(unit_of_track.values())})
    return table.to_csv(index=False, lineterminator="\n")
