"""Resampling of clusters: percentile and BCa intervals.

Units are drawn with replacement inside each genre, one fewer than there are, and reweighted to the genre's number
(Rao & Wu 1988, JASA 83): drawing all n would make the spread too small by (n - 1) / n, half of it with two clusters.
With few clusters the percentiles still cover too little; the interval to quote is `intervals.t_interval`.

MERGED: How sure a score is: the interval that stands on a run card.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import beta, norm, t

from gtzan_lightning.evaluation.clusters import ClusterCounts, Statistic, Totals

TINY_STEP = 1e-30  # of the complex-step derivative, which has no rounding error to balance it against
NO_SPREAD = 1e-24  # a variance below this is rounding noise


@dataclass(frozen=True)
class Interval:
    """A score between 0 and 1 with its interval; `low <= estimate <= high` always holds."""

    estimate: float
    low: float
    high: float
    se: float | None  # standard error; None where fewer than two clusters leave it unknown
    degrees: float | None  # degrees of freedom of `se`; None where it is unknown or zero
    clusters: int  # clusters that speak for it


def t_interval(
    counts: ClusterCounts, statistic: Statistic, coverage: float = 0.95, clusters: int | None = None
) -> Interval:
    """Interval of a score for few and unequal clusters; see the head of this file.

    Fewer than two clusters say nothing: the interval is then [0, 1] and the standard error None. Where no cluster
    deviates (all is right, for one) the spread cannot be seen: the interval is then the exact binomial one with
    as many trials as there are clusters (Korn & Graubard 1998, Survey Methodology 24).

    Args:
        counts: the table, counted by cluster.
        statistic: the score as a function of counts, `(..., 3, genres)` -> `(...)`.
        coverage: nominal probability that the interval contains the true score.
        clusters: clusters that speak for the score where not all do (those of one genre).
    """
    clusters = len(counts) if clusters is None else clusters
    estimate = float(statistic(counts.sum()))
    if clusters < 2:
        return Interval(estimate, 0.0, 1.0, None, None, clusters)
    variance, degrees = small_sample_variance(influence(counts, statistic), counts.rows, counts.stratum)
    if variance < NO_SPREAD or not 0 < estimate < 1:
        low, high = _exact(estimate, clusters, coverage)
        return Interval(estimate, low, high, float(np.sqrt(variance)), None, clusters)
    half = t.ppf((1 + coverage) / 2, degrees) * np.sqrt(variance) / (estimate * (1 - estimate))
    low, high = expit(logit(estimate) - half), expit(logit(estimate) + half)
    return Interval(
        estimate, min(float(low), estimate), max(float(high), estimate), float(np.sqrt(variance)), degrees, clusters
    )


def influence(counts: ClusterCounts, statistic: Statistic) -> NDArray[np.float64]:
    """How far each cluster moves the score away from what its stratum's mean would give, `(clusters,)`.

    The derivative of the score with respect to each count comes from one complex step, exact to rounding
    (Squire & Trapp 1998, SIAM Review 40).
    """
    total = counts.sum()
    steps = total + 1j * TINY_STEP * np.eye(total.size).reshape(total.size, *total.shape)
    gradient = np.imag(statistic(steps)) / TINY_STEP
    effect = counts.totals.reshape(len(counts), -1) @ gradient
    mean = np.bincount(counts.stratum, effect) / np.bincount(counts.stratum, counts.rows)
    return effect - counts.rows * mean[counts.stratum]


def small_sample_variance(
    deviation: NDArray[np.float64], rows: NDArray[np.float64], stratum: NDArray[np.intp]
) -> tuple[float, float]:
    """CR2 variance of a score and its degrees of freedom; see the head of this file.

    Args:
        deviation: how far each cluster moves the score away from what its stratum's mean would give, `(clusters,)`.
        rows: rows of each cluster, `(clusters,)`.
        stratum: stratum of each cluster, `(clusters,)`; each has at least two clusters.
    """
    variances, degrees = [], []
    for name in np.unique(stratum):
        inside = stratum == name
        share = rows[inside] / rows[inside].sum()
        variances.append(np.sum(deviation[inside] ** 2 / (1 - share)))
        degrees.append(_degrees(share))
    variance = np.array(variances)
    spread = np.sum(variance**2 / np.array(degrees))
    return float(variance.sum()), float(variance.sum() ** 2 / spread) if spread > 0 else float("inf")


def _degrees(share: NDArray[np.float64]) -> float:
    """Bell & McCaffrey's degrees of freedom of the variance in one stratum, from its clusters' shares of the rows.

    The variance is a quadratic form x'Qx in the clusters' scores x; with equal variances of these it behaves like a
    chi-square with trace(Q)^2 / trace(QQ) degrees of freedom: clusters - 1 for equal shares, fewer for unequal ones.
    """
    scale = share / np.sqrt(1 - share)
    centred = np.eye(len(share)) - share[:, None] - share[None, :] + np.sum(share**2)
    Q = scale[:, None] * centred * scale[None, :]
    return float(np.trace(Q) ** 2 / np.sum(Q**2))


def _exact(estimate: float, clusters: int, coverage: float) -> tuple[float, float]:
    """Clopper & Pearson's (1934) interval for `estimate * clusters` successes, which need not be whole."""
    tail, successes = (1 - coverage) / 2, estimate * clusters
    low = float(beta.ppf(tail, successes, clusters - successes + 1)) if estimate > 0 else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, clusters - successes)) if estimate < 1 else 1.0
    return low, high


REPLICATES = 2000
SEED = 20020304  # its own and fixed: an interval never depends on the seed of the training


def bootstrap_interval(
    counts: ClusterCounts,
    statistic: Statistic,
    kind: Literal["percentile", "bca"] = "percentile",
    coverage: float = 0.95,
    replicates: int = REPLICATES,
) -> tuple[float, float]:
    """Interval of a score from resampled clusters; [0, 1] with fewer than two of them.

    It always contains the estimate: an end that would lie on the wrong side is moved to it.

    Args:
        counts: the table, counted by cluster.
        statistic: the score as a function of counts, `(..., 3, genres)` -> `(...)`.
        kind: plain percentiles, or bias-corrected and accelerated ones (Efron 1987, JASA 82).
        coverage: nominal probability that the interval contains the true score.
        replicates: resamples drawn.
    """
    if len(counts) < 2:
        return 0.0, 1.0
    estimate = float(statistic(counts.sum()))
    values = statistic(resample(counts, replicates))
    levels = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
    if kind == "bca":
        levels = _corrected(levels, values, estimate, influence(counts, statistic))
    low, high = np.quantile(values, levels)
    return min(float(low), estimate), max(float(high), estimate)


def resample(counts: ClusterCounts, replicates: int = REPLICATES) -> Totals:
    """Counts of resampled tables, `(replicates, 3, genres)`."""
    weights = _weights(tuple(counts.stratum.tolist()), replicates)
    return (weights @ counts.totals.reshape(len(counts), -1)).reshape(replicates, *counts.totals.shape[1:])


@lru_cache(maxsize=4)  # all scores of one part share their clusters, hence their weights
def _weights(stratum: tuple[int, ...], replicates: int) -> NDArray[np.float64]:
    """How often each resample holds each cluster, `(replicates, clusters)`, scaled to keep the size of each stratum."""
    rng = np.random.default_rng(SEED)
    strata = np.array(stratum)
    weights = np.zeros((replicates, len(strata)))
    for name in np.unique(strata):
        inside = np.flatnonzero(strata == name)
        draws = len(inside) - 1
        counts = rng.multinomial(draws, np.full(len(inside), 1 / len(inside)), size=replicates)
        weights[:, inside] = counts * (len(inside) / draws)
    return weights


def _corrected(
    levels: NDArray[np.float64], values: NDArray[np.float64], estimate: float, deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Percentile levels after BCa's correction of bias and skewness (Davison & Hinkley 1997, section 5.3.2)."""
    below = (np.mean(values < estimate) + np.mean(values <= estimate)) / 2
    bias = norm.ppf(np.clip(below, 1 / len(values), 1 - 1 / len(values)))
    spread = np.sum(deviation**2) ** 1.5
    skew = np.sum(deviation**3) / (6 * spread) if spread > 0 else 0.0
    shifted = bias + norm.ppf(levels)
    return norm.cdf(bias + shifted / (1 - skew * shifted))
