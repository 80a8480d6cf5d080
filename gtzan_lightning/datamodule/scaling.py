"""Standardisation of features, fitted on the training part or, to study leakage, on all data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gtzan_lightning.datamodule.assignment import EXCLUDED

ScalingName = Literal["standard", "quantile"]
FittedOn = Literal["train", "all"]

CONSTANT = 1e-6  # a standard deviation at most this share of the mean is rounding noise of a constant feature
N_QUANTILES = 256
BLOCK_ROWS = 2**16  # rows that are read at a time
LARGEST_SCORE = 3.5  # limit of normal scores, reached beyond the range of the training part


@dataclass(frozen=True)
class Standardisation:
    """Mean, scale and (for `quantile`) quantiles of each feature.

    scikit-learn's StandardScaler and QuantileTransformer cannot be stored in a checkpoint loaded with weights_only.
    """

    mean: NDArray[np.float32]  # (features,)
    scale: NDArray[np.float32]  # (features,); 1 for a constant feature, such as `length` in the 3-s table
    quantiles: NDArray[np.float64] = field(
        default_factory=lambda: np.empty((0, 0))
    )  # (N_QUANTILES, features), or empty

    @classmethod
    def fitted(
        cls, values: NDArray[np.floating], scaling: ScalingName = "standard", rows: NDArray[np.integer] | None = None
    ) -> Standardisation:
        """Fits to `values`, `(rows, features)`, or to some of their rows, with sums in double precision.

        `standard` subtracts the mean and divides by the standard deviation. `quantile` maps each feature to a normal
        distribution, which reduces the heavy tails of variances (scikit-learn's `QuantileTransformer`).
        """
        chosen = np.arange(len(values)) if rows is None else rows
        mean = _total(values, chosen, lambda block: block) / len(chosen)
        deviation = np.sqrt(_total(values, chosen, lambda block: np.square(block - mean)) / len(chosen))
        is_constant = deviation <= CONSTANT * np.maximum(np.abs(mean), 1e-12)
        scale = np.where(is_constant, 1, deviation).astype(np.float32)
        if scaling == "standard":
            return cls(mean.astype(np.float32), scale)
        share = np.linspace(0, 1, N_QUANTILES)
        quantiles = np.stack([np.quantile(column[chosen], share) for column in values.T], axis=1).astype(np.float64)
        quantiles[:, is_constant] = mean[is_constant]
        return cls(mean.astype(np.float32), scale, quantiles)

    def apply(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """Standardises `(..., features)`; the result has the same shape and is in standard deviations."""
        if not len(self.quantiles):
            scaled = values - self.mean
            scaled /= self.scale
            return scaled.astype(np.float32, copy=False)
        rows = values.reshape(-1, values.shape[-1])
        scores = np.empty(rows.shape, np.float32)
        for column, quantiles in enumerate(self.quantiles.T):
            scores[:, column] = _normal_scores(rows[:, column].astype(np.float64), quantiles)
        return scores.reshape(values.shape)


def standardisation_of(
    values: NDArray[np.floating],
    step_index: NDArray[np.int64],
    parts: NDArray[np.str_],
    scaling: ScalingName,
    fitted_on: FittedOn = "train",
) -> Standardisation:
    """Fits the standardisation of a run to the steps of its training slices, or of all slices in any part.

    Args:
        values: `(rows, features)`, from `slices.step_table`.
        step_index: Rows of each slice, `(slices, steps)`, from `slices.step_table`.
        parts: Part of each slice, `(slices,)`.
        scaling: `standard` or `quantile`.
        fitted_on: `train`, or `all`, which leaks information about the test part.
    """
    chosen = parts == "train" if fitted_on == "train" else parts != EXCLUDED
    return Standardisation.fitted(values, scaling, used_steps(step_index, chosen, len(values)))


def used_steps(step_index: NDArray[np.int64], chosen: NDArray[np.bool_], n_steps: int) -> NDArray[np.int64]:
    """Sorted numbers of the steps that chosen slices consist of.

    Args:
        step_index: Steps of each slice, `(slices, steps)`.
        chosen: Mask of the slices, `(slices,)`.
        n_steps: Number of all steps.
    """
    used = np.zeros(n_steps, bool)
    used[step_index[chosen]] = True
    return np.flatnonzero(used)


def _total(
    values: NDArray[np.floating],
    rows: NDArray[np.integer],
    change: Callable[[NDArray[np.floating]], NDArray[np.floating]],
) -> NDArray[np.float64]:
    """Sum over some rows of changed values, `(features,)`, block by block: a mapped matrix may exceed the memory.

    NumPy adds row after row, so that the sum of a block which begins with the previous total is that of all rows.
    """
    total = np.add.reduce(change(values[rows[:BLOCK_ROWS]]), axis=0, dtype=np.float64)
    for first in range(BLOCK_ROWS, len(rows), BLOCK_ROWS):
        block = change(values[rows[first : first + BLOCK_ROWS]])
        total = np.add.reduce(np.vstack([total, block]), axis=0, dtype=np.float64)
    return total


def _normal_scores(values: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal scores of one feature, `(rows,)`; a value equal to several quantiles gets the middle of their scores."""
    if quantiles[0] == quantiles[-1]:
        return np.zeros(len(values))
    share = np.linspace(0, 1, len(quantiles))
    upper = np.interp(values, quantiles, share)
    lower = -np.interp(-values, -quantiles[::-1], -share[::-1])
    return ndtri((upper + lower) / 2).clip(-LARGEST_SCORE, LARGEST_SCORE)
