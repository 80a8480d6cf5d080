"""How far an example is from what a model was trained on: far from it, a probability means little.

The Mahalanobis distance to the training examples' centre, as Lee et al. (2018, NeurIPS, "A simple unified framework for
detecting out-of-distribution samples") use it on a network's features; here on the standardised inputs, with one
centre for all genres and the covariance of Ledoit & Wolf (2004), which can be inverted however many features there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAX_ROWS = 50_000  # steps that the covariance is estimated from: frames of thousands of clips are no more evidence
TYPICAL_SHARE = 0.995  # of the training tracks, which are no farther than `limit`


@dataclass(frozen=True, eq=False)
class Familiarity:
    """Centre and precision of the training steps, and how far training tracks are from them."""

    center: NDArray[np.float32]  # (features,)
    precision: NDArray[np.float32]  # (features, features); zero where a feature is constant
    limit: float  # distance of a track
    least_s: float  # the end of the last slice is later than this in all but one of a hundred training tracks

    def distances(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Distance of each standardised example `(slices, steps, features)`, `(slices,)`.

        The root of the mean squared distance of its steps, for each feature that varies: about 1 for training examples.
        """
        away = (x - self.center).astype(np.float64)
        squared = np.einsum("nsf,nsf->n", away @ self.precision, away) / x.shape[1]
        return np.sqrt(squared.clip(0) / max(1, np.count_nonzero(np.diag(self.precision))))

    def track_distance(self, x: NDArray[np.floating]) -> float:
        """Distance of a track: the median over its examples `(slices, steps, features)`."""
        return float(np.median(self.distances(x)))

    def plain(self) -> dict[str, Any]:
        """As arrays and numbers, for a checkpoint."""
        return {"center": self.center, "precision": self.precision, "limit": self.limit, "least_s": self.least_s}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Familiarity:
        """What `plain` gave.

        Raises:
            KeyError, ValueError: it is something else.
        """
        center, precision = (np.asarray(plain[key], np.float32) for key in ("center", "precision"))
        if precision.shape != (len(center), len(center)):
            raise ValueError(f"a precision of {precision.shape} for {len(center)} features")
        return cls(center, precision, float(plain["limit"]), float(plain["least_s"]))


def fit_familiarity(
    steps: NDArray[np.float32],
    step_index: NDArray[np.int64],
    track: NDArray[np.integer],
    stop_s: NDArray[np.float64],
) -> Familiarity:
    """What the training examples are like.

    Args:
        steps: standardised steps, `(distinct steps, features)`.
        step_index: rows of `steps` of each training example, `(slices, steps)`.
        track: track of each, `(slices,)`.
        stop_s: where each ends in its track, `(slices,)`.
    """
    from sklearn.covariance import LedoitWolf

    used = np.unique(step_index)
    rows = np.asarray(steps[used[:: -(-len(used) // MAX_ROWS)]], np.float64)
    varies = np.ptp(rows, axis=0) > 0
    precision = np.zeros((rows.shape[1], rows.shape[1]), np.float32)
    if varies.any():
        precision[np.ix_(varies, varies)] = LedoitWolf().fit(rows[:, varies]).precision_
    found = Familiarity(rows.mean(axis=0).astype(np.float32), precision, 0.0, 0.0)
    members = [np.flatnonzero(track == number) for number in np.unique(track)]
    distances = [found.track_distance(steps[step_index[slices]]) for slices in members]
    ends_s = [stop_s[slices].max() for slices in members]
    return Familiarity(
        found.center, precision, float(np.quantile(distances, TYPICAL_SHARE)), float(np.quantile(ends_s, 0.01))
    )
