"""Standardisation of features, fitted on the training part or, to study leakage, on all data."""

from __future__ import annotations

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
    def fitted(cls, values: NDArray[np.floating], scaling: ScalingName = "standard") -> Standardisation:
        """Fits to `values`, `(rows, features)`, with sums in double precision.

        `standard` subtracts the mean and divides by the standard deviation. `quantile` maps each feature to a normal
        distribution, which reduces the heavy tails of variances (scikit-learn's `QuantileTransformer`).
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
        """Standardises `(..., features)`; the result has the same shape and is in standard deviations."""
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
    """Fits the standardisation of a run to the steps of its training slices, or of all slices in any part.

    Args:
        values: `(rows, features)`, from `slices.step_table`.
        step_index: Rows of each slice, `(slices, steps)`, from `slices.step_table`.
        parts: Part of each slice, `(slices,)`.
        scaling: `standard` or `quantile`.
        fitted_on: `train`, or `all`, which leaks information about the test part.
    """
    chosen = parts == "train" if fitted_on == "train" else parts != EXCLUDED
    return Standardisation.fitted(values[np.unique(step_index[chosen])], scaling)


def _normal_scores(values: NDArray[np.float64], quantiles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal scores of one feature, `(rows,)`; a value equal to several quantiles gets the middle of their scores."""
    if quantiles[0] == quantiles[-1]:
        return np.zeros(len(values))
    share = np.linspace(0, 1, len(quantiles))
    upper = np.interp(values, quantiles, share)
    lower = -np.interp(-values, -quantiles[::-1], -share[::-1])
    return ndtri((upper + lower) / 2).clip(-LARGEST_SCORE, LARGEST_SCORE)
