"""Resampling of independent units: percentile and BCa intervals.

Units are drawn with replacement inside each genre, one fewer than there are, and reweighted to the genre's number
(Rao & Wu 1988, JASA 83): drawing all n would make the spread too small by (n - 1) / n, half of it with two units.
With few units the percentiles still cover too little; the interval to quote is `intervals.t_interval`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from gtzan_lightning.evaluation.intervals import influence
from gtzan_lightning.evaluation.units import Statistic, Totals, UnitCounts

REPLICATES = 2000
SEED = 20020304  # its own and fixed: an interval never depends on the seed of the training


def bootstrap_interval(
    counts: UnitCounts,
    statistic: Statistic,
    kind: Literal["percentile", "bca"] = "percentile",
    coverage: float = 0.95,
    replicates: int = REPLICATES,
) -> tuple[float, float]:
    """Interval of a score from resampled units; [0, 1] with fewer than two of them.

    It always contains the estimate: an end that would lie on the wrong side is moved to it.

    Args:
        counts: the table, counted by unit.
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


def resample(counts: UnitCounts, replicates: int = REPLICATES) -> Totals:
    """Counts of resampled tables, `(replicates, 3, genres)`."""
    weights = _weights(tuple(counts.stratum.tolist()), replicates)
    return (weights @ counts.totals.reshape(len(counts), -1)).reshape(replicates, *counts.totals.shape[1:])


@lru_cache(maxsize=4)  # all scores of one part share their units, hence their weights
def _weights(stratum: tuple[int, ...], replicates: int) -> NDArray[np.float64]:
    """How often each resample holds each unit, `(replicates, units)`, scaled to keep the size of each stratum."""
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
