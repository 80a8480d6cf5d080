"""Puts every feature on one scale, with statistics of the training part alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CONSTANT = 1e-6  # a standard deviation below this share of the mean's size is a constant column's rounding noise


@dataclass(frozen=True)
class Standardisation:
    """Mean and scale of each feature, plain data that a checkpoint can hold."""

    mean: NDArray[np.float32]  # (features,)
    scale: NDArray[np.float32]  # (features,); 1 where a feature is constant, such as `length` in the 3-s table

    @classmethod
    def fitted(cls, values: NDArray[np.floating]) -> Standardisation:
        """Statistics of `values`, `(rows, features)`; sums in double precision."""
        mean = values.mean(axis=0, dtype=np.float64)
        deviation = values.std(axis=0, dtype=np.float64)
        is_constant = deviation <= CONSTANT * np.maximum(np.abs(mean), 1e-12)
        return cls(mean.astype(np.float32), np.where(is_constant, 1, deviation).astype(np.float32))

    def apply(self, values: NDArray[np.floating]) -> NDArray[np.float32]:
        """`(..., features)` in the features' units to the same shape in standard deviations."""
        return ((values - self.mean) / self.scale).astype(np.float32, copy=False)
