"""On which examples an export is compared with its original: the run's own where they are at hand."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.datamodule.standardisation import Standardisation
from gtzan_lightning.datamodule.steps import step_table
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.prediction.trained import TrainedRun
from gtzan_lightning.split_data import open_data

COMPARED = 256  # slices; spread over validation and test part


def checking_inputs(run: TrainedRun) -> tuple[NDArray[np.float32], str]:
    """Raw features `(slices, steps, features)` to compare on, and where they come from, in words.

    They are slices of the run's validation and test parts. Where its data cannot be opened, or are not the same any
    more, they are drawn from the distribution of each feature in the training part, which the checkpoint has.
    """
    own = _own_slices(run)
    if own is not None:
        return own, f"{len(own)} slices of the run's own validation and test parts"
    drawn = _drawn(run.standardisation, (COMPARED, *run.shape))
    return drawn, f"{len(drawn)} examples drawn from the distribution of each feature (the run's data are not at hand)"


def _own_slices(run: TrainedRun) -> NDArray[np.float32] | None:
    if run.card is None:
        return None  # a checkpoint alone does not know which data were its own
    try:
        data = open_data(run.config, refuse=False)
    except GtzanError:
        return None
    if data.corpus.sha256 != run.card["data"]["sha256"] or data.features.columns != run.columns:
        return None
    held_out = np.flatnonzero(np.isin(data.parts, ("val", "test")))
    chosen = held_out[np.unique(np.linspace(0, len(held_out) - 1, COMPARED).round().astype(int))]
    values, step_index = step_table(data.features, data.slices)
    return np.asarray(values[step_index[chosen]], np.float32)


def _drawn(scale: Standardisation, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Each feature by itself, from its quantiles or from a normal distribution; a few lie beyond what training saw."""
    random = np.random.default_rng(0)
    if not len(scale.quantiles):
        return (scale.mean + scale.scale * random.normal(size=shape)).astype(np.float32)
    last = len(scale.quantiles) - 1
    place = random.uniform(-0.01, 1.01, size=shape) * last
    low = np.clip(np.floor(place).astype(int), 0, last - 1)
    column = np.arange(shape[-1])
    below, above = scale.quantiles[low, column], scale.quantiles[low + 1, column]
    return (below + (place - low) * (above - below)).astype(np.float32)
