"""Slices as sequences of steps: what a model reads."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.features.matrix import Features


def step_table(features: Features, slices: SliceTable) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Every step once, and which of them each slice reads; overlapping slices share theirs.

    Returns:
        Values of the steps, `(distinct steps, features)`, and the steps of each slice, `(slices, steps)`. One row a
        step leaves the feature matrix as it is; a longer step is the mean of its rows.
    """
    first_row = slices.first_row[:, None] + np.arange(slices.steps) * slices.rows_per_step  # (slices, steps)
    if slices.rows_per_step == 1:
        return features.values, first_row
    distinct, index = np.unique(first_row, return_inverse=True)
    total = np.zeros((len(distinct), features.values.shape[1]))
    for offset in range(slices.rows_per_step):
        total += features.values[distinct + offset]
    return (total / slices.rows_per_step).astype(np.float32), index.reshape(first_row.shape)
