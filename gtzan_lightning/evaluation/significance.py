"""Significance tests, correction for multiple comparisons, and intervals over split seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]

EXACT_CLUSTERS = 12  # up to this number of clusters, all (at most 4,096) sign patterns are enumerated
FLIPS = 9999  # random sign patterns otherwise
SEED = 19350615


def sign_flip_test(differences: NDArray[np.float64], flips: int = FLIPS) -> float:
    """Two-sided p-value of the null hypothesis that two runs are exchangeable within each cluster.

    The runs are swapped cluster by cluster, not row by row, as rows of a cluster are correlated. The test enumerates
    all sign patterns if they are few; otherwise it draws `flips` random ones, with p = (b + 1) / (B + 1) (Phipson &
    Smyth 2010, Statistical Applications in Genetics and Molecular Biology 9).

    Args:
        differences: correct rows of run A minus correct rows of run B in each cluster, `(clusters,)`.
        flips: number of random patterns if not all are enumerated.
    """
    # scipy.stats.permutation_test gives the same exact p-values, but takes 5 times as long and draws other patterns.
    differing = differences[differences != 0]  # swapping equal results has no effect
    if len(differing) <= EXACT_CLUSTERS:
        signs, extra = 2 * (np.arange(2 ** len(differing))[:, None] >> np.arange(len(differing)) & 1) - 1, 0
    else:
        signs, extra = _random_signs(flips, len(differing)), 1
    sums = np.abs(signs @ differing)
    as_extreme = np.sum(sums >= abs(differing.sum()) - 1e-9)
    return float((as_extreme + extra) / (len(signs) + extra))


@lru_cache(maxsize=16)  # a report makes hundreds of tests
def _random_signs(flips: int, clusters: int) -> NDArray[np.int8]:
    """Random sign patterns, `(flips, clusters)`, always the same ones."""
    return (2 * np.random.default_rng(SEED).integers(0, 2, (flips, clusters)) - 1).astype(np.int8)


def mcnemar_test(right_a: NDArray[np.bool_], right_b: NDArray[np.bool_]) -> float:
    """Exact two-sided p-value of McNemar's (1947) test of equal accuracy, from paired predictions.

    The test assumes independent rows: pass clips, not windows. Tracks of one artist still make the p-value too small;
    `sign_flip_test` does not have this problem.
    """
    from scipy.stats import binomtest

    only_a, only_b = int(np.sum(right_a & ~right_b)), int(np.sum(~right_a & right_b))
    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple comparisons (Holm 1979, Scandinavian Journal of Statistics 6)."""
    # scipy.stats.false_discovery_control has no Holm correction (Benjamini-Hochberg and Benjamini-Yekutieli only).
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted.tolist()


@dataclass(frozen=True)
class Resampled:
    """Mean over several splits with an interval that accounts for overlapping training sets."""

    mean: float
    low: float
    high: float
    se: float
    t: float  # mean / se
    p: float  # two-sided p-value of a true mean of 0; meaningful for differences


def resampled_interval(values: Sequence[float], n_train: float, n_test: float, coverage: float = 0.95) -> Resampled:
    """Interval of the mean score, or mean difference of scores, over folds or split seeds.

    Scores of several splits are correlated, as the splits share training examples: the variance of the mean is
    s^2 (1 / splits + n_test / n_train) (Nadeau & Bengio 2003, Machine Learning 52), with splits - 1 degrees of freedom.
    For training seeds on one split, pass n_test = 0; the interval then holds for that split only.

    Args:
        values: one score or difference per split.
        n_train: training examples per split (tracks or windows).
        n_test: test examples per split, counted like `n_train`.
        coverage: nominal probability that the interval contains the true mean.

    Raises:
        ValueError: There are fewer than two values, or no training examples.
    """
    if len(values) < 2 or n_train <= 0:
        raise ValueError(f"{len(values)} splits of {n_train} training examples give no interval; two are needed")
    from scipy.special import stdtr, stdtrit  # slow to import, scipy.stats much slower

    mean, variance = float(np.mean(values)), float(np.var(values, ddof=1))
    se = float(np.sqrt(variance * (1 / len(values) + n_test / n_train)))
    half = float(stdtrit(len(values) - 1, (1 + coverage) / 2)) * se
    ratio = mean / se if se > 0 else float("nan" if mean == 0 else np.copysign(np.inf, mean))
    p = float(2 * stdtr(len(values) - 1, -abs(ratio))) if mean != 0 else 1.0
    return Resampled(mean, mean - half, mean + half, se, ratio, p)


def over_seeds(values: Sequence[float], n_train: float, n_test: float, widest: Interval) -> Interval:
    """95 % interval of the mean of one value per seed, clipped to `widest`, which is returned for fewer than two."""
    if len(values) < 2:
        return widest
    result = resampled_interval(values, n_train, n_test)
    return max(result.low, widest[0]), min(result.high, widest[1])


def paired_drop(
    before: Mapping[int, float], after: Mapping[int, float], n_train: float, n_test: float
) -> tuple[float | None, Interval]:
    """Mean drop in accuracy from `before` to `after` over their common seeds, and its 95 % interval.

    Args:
        before: accuracy by split seed.
        after: accuracy by split seed under the other protocol.
        n_train: training examples per split.
        n_test: test examples per split, counted like `n_train`.

    Returns:
        The mean, None without a common seed, and the interval within [-1, 1].
    """
    drops = [before[seed] - after[seed] for seed in sorted(set(before) & set(after))]
    return float(np.mean(drops)) if drops else None, over_seeds(drops, n_train, n_test, (-1.0, 1.0))


def independent_drop(before: float, before_interval: Interval, after: float, after_interval: Interval) -> Interval:
    """Interval of `before` minus `after` for independent means (Zou & Donner 2008, Statistics in Medicine 27)."""
    down = np.hypot(before - before_interval[0], after_interval[1] - after)
    up = np.hypot(before_interval[1] - before, after - after_interval[0])
    return float(before - after - down), float(before - after + up)
