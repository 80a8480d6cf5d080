"""Puts every feature on one scale, with statistics of the training part alone unless the leak itself is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from gtzan_lightning.datamodule.assignment import EXCLUDED

ScalingName = Literal["standard", "quantile"]
FittedOn = Literal["train", "all"]

CONSTANT = 1e-6  # a standard deviation below this share of the mean's size is a constant column's rounding noise
N_QUANTILES = 256
LARGEST_SCORE = 3.5  # standard deviations; values beyond the training part's range all end here


@dataclass(frozen=True)
class Standardisation:
    """Mean, scale and (for `quantile`) quantiles of each feature: plain data that a checkpoint can hold."""

    mean: NDArray[np.float32]  # (features,)
    scale: NDArray[np.float32]  # (features,); 1 where a feature is constant, such as `length` in the 3-s table
    quantiles: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))  # (N_QUANTILES, features), or none

    @classmethod
    def fitted(cls, values: NDArray[np.floating], scaling: ScalingName = "standard") -> Standardisation:
        """Statistics of `values`, `(rows, features)`; sums in double precision.

        `standard` subtracts the mean and divides by the standard deviation. `quantile` makes each feature normally
        distributed, which tames the heavy tails of variances (scikit-learn's `QuantileTransformer`).
        """
        mean = values.mean(axis=0, dtype=np.float64)
        deviation = values.std(axis=0, dtype=np.float64)
        is_constant = deviation <= CONSTANT * np.maximum(np.abs(mean), 1e-12)
        scale = np.where(is_constant, 1, deviation).astype(np.float32)
        if scaling == "standard":
            return cls(mean.astype(np.float32), scale)
        quantiles = np.quantile(values, np.linspace(0, 1, N_QUANTILES), axis=0).astype(np.float64)
        quantiles[:, is_constant] = mean[is_constant]
        return cls(mean.astype(np.float32), scale, quantiles)

    def apply(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """`(..., features)` in the features' units to the same shape in standard deviations."""
        if not len(self.quantiles):
            return ((values - self.mean) / self.scale).astype(np.float32, copy=False)
        rows = values.reshape(-1, values.shape[-1]).astype(np.float64)
        scores = np.stack(
            [_normal_scores(rows[:, column], self.quantiles[:, column]) for column in range(rows.shape[1])], 1
        )
        return scores.reshape(values.shape).astype(np.float32)


def standardisation_of(
    values: NDArray[np.floating],
    step_index: NDArray[np.int64],
    parts: NDArray[np.str_],
    scaling: ScalingName,
    fitted_on: FittedOn = "train",
) -> Standardisation:
    """The standardisation of a run: fitted on the steps of its training slices, or of all slices in any part.

    Args:
        values: `(rows, features)`, as `steps.step_table` returns them.
        step_index: the rows of each slice, `(slices, steps)`, from there as well.
        parts: the part of each slice, `(slices,)`.
        scaling: `standard` or `quantile`.
        fitted_on: `train`, or `all`, which lets the test part into training.
    """
    chosen = parts == "train" if fitted_on == "train" else parts != EXCLUDED
    return Standardisation.fitted(values[np.unique(step_index[chosen])], scaling)


def _normal_scores(values: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal scores of one feature, `(rows,)`; a value that spans several quantiles takes the middle of them."""
    if quantiles[0] == quantiles[-1]:
        return np.zeros(len(values))
    share = np.linspace(0, 1, len(quantiles))
    upper = np.interp(values, quantiles, share)
    lower = -np.interp(-values, -quantiles[::-1], -share[::-1])
    return ndtri((upper + lower) / 2).clip(-LARGEST_SCORE, LARGEST_SCORE)
