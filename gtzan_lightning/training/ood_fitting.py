"""The out-of-distribution score of a trained model, fitted on its training and validation parts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.config.schema import Config
from gtzan_lightning.datamodule.examples import Examples
from gtzan_lightning.datamodule.genre_datamodule import EVALUATION_BATCH, SliceDataModule
from gtzan_lightning.evaluation.ood import BLOCK_SLICES, LONG_SHARE, TYPICAL_SHARE, fit_ood, track_distances
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.embedding import representations

MAX_SLICES = 20_000  # of the training part whose representations are computed


def fit_run_ood(config: Config, datamodule: SliceDataModule, model: GenreModule) -> dict[str, Any]:
    """The score of a model in evaluation mode on the CPU, as tensors and numbers for its checkpoint.

    The limit comes from the validation part: the network has been fitted to the training slices, which are closer.
    Without a validation part it comes from the training part.
    """
    examples, slices = datamodule.examples, datamodule.slices
    training = np.flatnonzero(datamodule.parts == "train")
    held_out = np.flatnonzero(datamodule.parts == "val")
    score = fit_ood(represented(model, examples, training[:: -(-len(training) // MAX_SLICES)]))
    held_out = held_out if len(held_out) else training
    blocks = [held_out[first : first + BLOCK_SLICES] for first in range(0, len(held_out), BLOCK_SLICES)]
    of_slices = np.concatenate([score.distances(represented(model, examples, block)) for block in blocks])
    distances = track_distances(of_slices, slices.track_index[held_out])
    score = replace(
        score,
        limit=float(np.quantile(distances, TYPICAL_SHARE)),
        least_s=float(np.quantile(_ends_s(config, datamodule, training), 1 - LONG_SHARE)),
    )
    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in score.plain().items()
    }


def represented(model: GenreModule, examples: Examples, chosen: NDArray[np.int64]) -> NDArray[np.float32]:
    """Representations of some slices, `(slices, columns)`."""
    batches = torch.from_numpy(chosen).split(EVALUATION_BATCH)
    return representations(model, (examples.batch(rows)[0] for rows in batches))


def _ends_s(config: Config, datamodule: SliceDataModule, training: NDArray[np.int64]) -> NDArray[np.float64]:
    """End of the last training slice of each track, in seconds."""
    slices, stop_s = datamodule.slices, datamodule.slices.stop_s[training]
    if config.whole_clips and datamodule.features.length_s is not None:  # clips of any length
        stop_s = datamodule.features.length_s[slices.first_row[training]]
    ends_s = np.zeros(datamodule.n_tracks)
    np.maximum.at(ends_s, slices.track_index[training], stop_s)
    return ends_s[np.unique(slices.track_index[training])]
