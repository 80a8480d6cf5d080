"""Training of the configured model on other labels, for the random-label control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from numpy.typing import NDArray

from gtzan_lightning.config.schema import Config
from gtzan_lightning.models.base import probabilities
from gtzan_lightning.training.callbacks import ReseedEachEpoch
from gtzan_lightning.training.construction import make_datamodule, make_model, make_trainer
from gtzan_lightning.training.split_data import SplitData


def model_probe(config: Config, data: SplitData) -> Callable[[NDArray[np.int64]], float]:
    """A function that trains the model on labels `(tracks,)` and returns the test accuracy of its best epoch."""

    def probe(labels: NDArray[np.int64]) -> float:
        genres = data.corpus.genres
        tracks = [replace(track, genre=genres[label]) for track, label in zip(data.corpus.tracks, labels, strict=True)]
        relabelled = replace(data, corpus=replace(data.corpus, tracks=tuple(tracks)))
        with TemporaryDirectory() as folder:
            return _test_accuracy(config, relabelled, Path(folder))

    return probe


def _test_accuracy(config: Config, data: SplitData, folder: Path) -> float:
    """Trains a new model and returns the accuracy of its best epoch on the test slices."""
    torch.set_num_threads(config.trainer.threads)
    L.seed_everything(config.seed, verbose=False)
    datamodule = make_datamodule(config, data)
    model = make_model(config, datamodule.shape, len(datamodule.genres))
    best = ModelCheckpoint(folder, "best", monitor=model.monitor, mode=model.mode, save_weights_only=True)
    make_trainer(config, [ReseedEachEpoch(config.seed), best], logger=False).fit(model, datamodule)
    model.load_state_dict(torch.load(best.best_model_path, map_location="cpu", weights_only=True)["state_dict"])
    chosen, loader = datamodule.evaluation_loader("test")
    predicted = probabilities(model, loader, config.trainer.limit_batches).argmax(axis=1)
    truth = np.asarray(data.corpus.labels())[data.slices.track_index[chosen]]
    return float((predicted == truth[: len(predicted)]).mean())
