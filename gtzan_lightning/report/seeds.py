"""Means and differences over split seeds; intervals know that training parts overlap (Nadeau & Bengio 2003)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from gtzan_lightning.evaluation.significance import resampled_interval

Interval = tuple[float, float]


def over_seeds(values: Sequence[float], n_train: float, n_test: float, widest: Interval) -> Interval:
    """95 % interval of the mean of one value a seed, within `widest`, which is all that a single seed can say."""
    if len(values) < 2:
        return widest
    result = resampled_interval(values, n_train, n_test)
    return max(result.low, widest[0]), min(result.high, widest[1])


def paired_price(
    before: Mapping[int, float], after: Mapping[int, float], n_train: float, n_test: float
) -> tuple[float | None, Interval]:
    """Mean fall from `before` to `after` over the seeds that both have, and its interval; None without such a seed.

    Args:
        before: accuracy by split seed.
        after: the same under the other protocol.
        n_train: training examples of a split.
        n_test: test examples of a split, in the same unit.
    """
    falls = [before[seed] - after[seed] for seed in sorted(set(before) & set(after))]
    return float(np.mean(falls)) if falls else None, over_seeds(falls, n_train, n_test, (-1.0, 1.0))


def independent_price(before: float, before_interval: Interval, after: float, after_interval: Interval) -> Interval:
    """Interval of `before` minus `after` for independent means (Zou & Donner 2008, Statistics in Medicine 27)."""
    down = np.hypot(before - before_interval[0], after_interval[1] - after)
    up = np.hypot(before_interval[1] - before, after - after_interval[0])
    return float(before - after - down), float(before - after + up)
