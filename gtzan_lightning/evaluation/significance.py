"""Means and differences over split seeds; intervals know that training parts overlap (Nadeau & Bengio 2003).

MERGED: Tests and corrections behind a comparison, each a small function on numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, t

EXACT_CLUSTERS = 12  # up to 4,096 sign patterns are all tried
FLIPS = 9999  # random sign patterns beyond that
SEED = 19350615


def sign_flip_test(differences: NDArray[np.float64], flips: int = FLIPS) -> float:
    """Two-sided p-value of "the two runs are exchangeable inside each cluster".

    The runs' labels are swapped cluster by cluster, never row by row: rows of a cluster agree with each other. All
    patterns are tried where they are few, else `flips` random ones, with p = (b + 1) / (B + 1) (Phipson & Smyth
    2010, Statistical Applications in Genetics and Molecular Biology 9).

    Args:
        differences: rows that run A has right minus rows that run B has right, of each cluster, `(clusters,)`.
        flips: random patterns where not all are tried.
    """
    differing = differences[differences != 0]  # swapping equal results changes nothing
    if len(differing) <= EXACT_CLUSTERS:
        patterns = np.arange(2 ** len(differing))[:, None] >> np.arange(len(differing)) & 1
        extra = 0
    else:
        patterns = np.random.default_rng(SEED).integers(0, 2, (flips, len(differing)))
        extra = 1
    sums = np.abs((2 * patterns - 1) @ differing)
    as_extreme = np.sum(sums >= abs(differing.sum()) - 1e-9)
    return float((as_extreme + extra) / (len(patterns) + extra))


def mcnemar_test(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> float:
    """Exact two-sided McNemar (1947) p-value of "both runs are right equally often", from paired decisions.

    It takes the rows as independent, so give it clips, not windows; tracks of one artist still make it too sure,
    which `sign_flip_test` avoids.
    """
    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(~right_a & right_b))
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number (Holm 1979, Scandinavian Journal of Statistics 6), in the given order."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()


@dataclass(frozen=True)
class Resampled:
    """Mean over several splits, with an interval that knows that their training sets overlap."""

    mean: float
    low: float
    high: float
    se: float
    t: float  # mean / se
    p: float  # two-sided, of "the true mean is 0"; meaningful for differences


def resampled_interval(values: Sequence[float], n_train: float, n_test: float, coverage: float = 0.95) -> Resampled:
    """Interval of the mean score, or difference of scores, over folds or split seeds.

    The scores of several splits are no independent sample, as the splits share training examples: the variance
    is s^2 (1 / splits + n_test / n_train) (Nadeau & Bengio 2003, Machine Learning 52), with splits - 1 degrees
    of freedom. It is about splits; training seeds on one split need n_test = 0 and then say nothing of splits.

    Args:
        values: one score or difference a split.
        n_train: training examples of a split, in any cluster (tracks, windows).
        n_test: test examples of a split, in the same cluster.
        coverage: nominal probability that the interval contains the true mean.

    Raises:
        ValueError: there are fewer than two values, or no training examples.
    """
    if len(values) < 2 or n_train <= 0:
        raise ValueError(f"{len(values)} splits of {n_train} training examples give no interval; two are needed")
    mean, variance = float(np.mean(values)), float(np.var(values, ddof=1))
    se = float(np.sqrt(variance * (1 / len(values) + n_test / n_train)))
    half = float(t.ppf((1 + coverage) / 2, len(values) - 1)) * se
    ratio = mean / se if se > 0 else float("nan" if mean == 0 else np.copysign(np.inf, mean))
    p = float(2 * t.sf(abs(ratio), len(values) - 1)) if mean != 0 else 1.0
    return Resampled(mean, mean - half, mean + half, se, ratio, p)


Interval = tuple[float, float]


def over_seeds(values: Sequence[float], n_train: float, n_test: float, widest: Interval) -> Interval:
    """95 % interval of the mean of one value a seed, within `widest`, which is all that a single seed can say."""
    if len(values) < 2:
        return widest
    result = resampled_interval(values, n_train, n_test)
    return max(result.low, widest[0]), min(result.high, widest[1])


def paired_drop(
    before: Mapping[int, float], after: Mapping[int, float], n_train: float, n_test: float
) -> tuple[float | None, Interval]:
    """Mean fall from `before` to `after` over the seeds that both have, and its interval; None without such a seed.

    Args:
        before: accuracy by split seed.
        after: the same under the other protocol.
        n_train: training examples of a split.
        n_test: test examples of a split, in the same cluster.
    """
    falls = [before[seed] - after[seed] for seed in sorted(set(before) & set(after))]
    return float(np.mean(falls)) if falls else None, over_seeds(falls, n_train, n_test, (-1.0, 1.0))


def independent_drop(before: float, before_interval: Interval, after: float, after_interval: Interval) -> Interval:
    """Interval of `before` minus `after` for independent means (Zou & Donner 2008, Statistics in Medicine 27)."""
    down = np.hypot(before - before_interval[0], after_interval[1] - after)
    up = np.hypot(before_interval[1] - before, after - after_interval[0])
    return float(before - after - down), float(before - after + up)
