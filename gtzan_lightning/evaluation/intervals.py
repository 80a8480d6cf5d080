"""Confidence intervals of scores from few clusters of unequal size.

Slices of a track are correlated, and so are tracks of an artist: the artist (else the recording, else the track) is the
cluster. A test part may hold two or three artists of a genre, one of them with half of its rows. Bootstrap percentiles
then cover too little, so the run card quotes `t_interval`, a cluster-robust interval for few and unequal clusters:

* The influence of each cluster on the score is centred on the mean of its genre: splits are stratified by genre, so
  differences between genres are not part of the variance.
* Its square is divided by 1 - share of the genre's rows ("CR2": Bell & McCaffrey 2002, Survey Methodology 28;
  Pustejovsky & Tipton 2018, Journal of Business & Economic Statistics 36), because a large cluster pulls the mean
  towards itself, which reduces its deviation.
* Student's t replaces the normal quantile, with Bell & McCaffrey's degrees of freedom in each genre, combined after
  Satterthwaite (1946). It is applied on the logit scale, which keeps the limits between 0 and 1.

`bootstrap_interval` draws clusters with replacement within each genre, one fewer than there are, and rescales to the
size of the genre (Rao & Wu 1988, JASA 83): drawing all n would make the variance too small by (n - 1) / n, one half
with two clusters. `scipy.stats.bootstrap` has neither strata nor this rescaling.

Coverage of nominal 95 % intervals of accuracy / macro F1, in percent, on simulated artists (1,000 to 2,000 test parts
each, within-artist correlation 0.2, genres from easy to hard; `tests/evaluation/test_intervals_coverage.py`):

    =================================  ===========  ============  ===========  =======
    artists per genre                  t_interval   percentile    BCa          by rows
    =================================  ===========  ============  ===========  =======
    10 of equal size                   95.4 / 95.6  94.5 / 94.0   94.4 / 94.3  58
    2-3 in three genres, else 7-12     95.0 / 95.2  94.4 / 91.2   94.4 / 88.0
    3 of unequal size in every genre   96.8 / 96.2  96.2 / 92.6   96.1 / 93.5
    2 in every genre                   98.1 / 97.8  90.9 / 90.0   91.1 / 90.8
    =================================  ===========  ============  ===========  =======

Another corpus (`gtzan evaluate`) need not be drawn by genre: where whole artists are drawn, the number of clips of a
genre is random too, and differences between genres are part of the variance. `t_interval` is then computed without
strata, as the linearised variance of a ratio. `run_metrics.is_balanced` chooses: strata only where the genres have
equal numbers of clips. Coverage of `t_interval` (accuracy / macro F1, in percent) on 1,000 test parts drawn from 480
simulated artists with 1 to 40 clips (`tests/evaluation/test_intervals_other_corpus.py`):

    =================================  ===============  ===============
    drawn                              by genre strata  without strata
    =================================  ===============  ===============
    10 clips of each genre             95.6 / 95.6      98.7 / 90.9
    30 clips of each genre             94.3 / 93.7      99.2 / 93.3
    40 whole artists                   76.7 / 88.9      96.8 / 93.1
    100 whole artists                  74.4 / 88.4      95.2 / 93.0
    200 whole artists                  72.4 / 84.3      94.3 / 91.0
    =================================  ===============  ===============
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr, ndtri, stdtrit  # scipy.stats is slow to import

from gtzan_lightning.evaluation.clusters import ClusterCounts, Statistic, Totals

TINY_STEP = 1e-30  # of the complex-step derivative, which has no cancellation error
NO_SPREAD = 1e-24  # a variance below this is rounding error
REPLICATES = 2000
MAX_DRAWS = 2**22  # draws of clusters in memory at a time
SEED = 20020304  # fixed: an interval does not depend on the training seed


@dataclass(frozen=True)
class ScoreInterval:
    """A score between 0 and 1 with its interval, `low <= estimate <= high`."""

    estimate: float
    low: float
    high: float
    se: float | None  # standard error; None for fewer than two clusters
    degrees: float | None  # degrees of freedom of `se`; None where it is unknown or zero
    clusters: int  # number of clusters with rows for the score


def t_interval(
    counts: ClusterCounts, statistic: Statistic, coverage: float = 0.95, clusters: int | None = None
) -> ScoreInterval:
    """Cluster-robust interval of a score for few and unequal clusters; see the module docstring.

    With fewer than two clusters, the interval is [0, 1] and the standard error None. If no cluster deviates (all rows
    correct, for example), the interval is the exact binomial one with as many trials as there are clusters (Korn &
    Graubard 1998, Survey Methodology 24).

    Args:
        counts: counts per cluster.
        statistic: score as a function of counts, `(..., 3, genres)` -> `(...)`.
        coverage: nominal probability that the interval contains the true score.
        clusters: number of clusters with rows for the score; None means all.
    """
    clusters = len(counts) if clusters is None else clusters
    estimate = float(statistic(counts.sum()))
    if clusters < 2:
        return ScoreInterval(estimate, 0.0, 1.0, None, None, clusters)
    variance, degrees = small_sample_variance(influence(counts, statistic), counts.rows, counts.stratum)
    if variance < NO_SPREAD or not 0 < estimate < 1:
        low, high = exact_interval(estimate, clusters, coverage)
        return ScoreInterval(estimate, low, high, float(np.sqrt(variance)), None, clusters)
    half = stdtrit(degrees, (1 + coverage) / 2) * np.sqrt(variance) / (estimate * (1 - estimate))
    low, high = expit(logit(estimate) - half), expit(logit(estimate) + half)
    return ScoreInterval(
        estimate, min(float(low), estimate), max(float(high), estimate), float(np.sqrt(variance)), degrees, clusters
    )


def influence(counts: ClusterCounts, statistic: Statistic) -> NDArray[np.float64]:
    """Influence of each cluster on the score relative to the mean of its stratum, `(clusters,)`.

    The derivative of the score with respect to each count is computed by a complex step, exact up to rounding
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
    """CR2 variance of a score and its degrees of freedom; see the module docstring.

    Args:
        deviation: influence of each cluster relative to the mean of its stratum, `(clusters,)`.
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

    The variance is a quadratic form x'Qx in the clusters' scores x. If these have equal variances, it approximates a
    chi-square with trace(Q)^2 / trace(QQ) degrees of freedom: clusters - 1 for equal shares, fewer for unequal ones.
    """
    # Q = D (I - share 1' - 1 share' + level 11') D with D = diag(share / sqrt(1 - share)), written out: a matrix of all
    # pairs of clusters would be too large for many.
    weight, level = share**2 / (1 - share), np.sum(share**2)
    diagonal = level - 2 * share
    total, first, second = weight.sum(), weight @ share, weight @ share**2
    everywhere = (level * total) ** 2 + 2 * total * second - 4 * level * total * first + 2 * first**2
    squares = everywhere + np.sum(weight**2 * ((1 + diagonal) ** 2 - diagonal**2))  # trace(QQ)
    return float(np.sum(weight * (1 + diagonal)) ** 2 / squares)


def exact_interval(estimate: float, clusters: int, coverage: float) -> tuple[float, float]:
    """Clopper & Pearson's (1934) interval of `estimate * clusters` successes; SciPy's `binomtest` needs integers."""
    from scipy.stats import beta

    tail, successes = (1 - coverage) / 2, estimate * clusters
    low = float(beta.ppf(tail, successes, clusters - successes + 1)) if estimate > 0 else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, clusters - successes)) if estimate < 1 else 1.0
    return low, high


def bootstrap_interval(
    counts: ClusterCounts,
    statistic: Statistic,
    kind: Literal["percentile", "bca"] = "percentile",
    coverage: float = 0.95,
    replicates: int = REPLICATES,
    samples: Totals | None = None,
) -> tuple[float, float]:
    """Bootstrap interval of a score from resampled clusters; [0, 1] with fewer than two.

    The interval is extended to the estimate if it does not contain it.

    Args:
        counts: counts per cluster.
        statistic: score as a function of counts, `(..., 3, genres)` -> `(...)`.
        kind: percentile interval, or bias-corrected and accelerated interval (Efron 1987, JASA 82).
        coverage: nominal probability that the interval contains the true score.
        replicates: number of resamples.
        samples: the resamples, if they are known already.
    """
    if len(counts) < 2:
        return 0.0, 1.0
    estimate = float(statistic(counts.sum()))
    values = statistic(resample(counts, replicates) if samples is None else samples)
    levels = np.array([(1 - coverage) / 2, (1 + coverage) / 2])
    if kind == "bca":
        levels = _bca_levels(levels, values, estimate, influence(counts, statistic))
    low, high = np.quantile(values, levels)
    return min(float(low), estimate), max(float(high), estimate)


def resample(counts: ClusterCounts, replicates: int = REPLICATES) -> Totals:
    """Counts of resampled tables, `(replicates, 3, genres)`."""
    drawn, scale = _drawn(tuple(counts.stratum.tolist()), replicates)
    flat = counts.totals.reshape(len(counts), -1)
    samples = np.concatenate(
        [(some * scale) @ flat for some in np.array_split(drawn, _blocks(len(counts), replicates))]
    )
    return samples.reshape(replicates, *counts.totals.shape[1:])


@lru_cache(maxsize=2)  # all scores of a part have the same clusters, hence draws
def _drawn(stratum: tuple[int, ...], replicates: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """How often each cluster is drawn in each resample, `(replicates, clusters)`, and its weight, `(clusters,)`.

    The weights scale the draws of a stratum to its size.
    """
    rng = np.random.default_rng(SEED)
    strata = np.array(stratum)
    drawn, scale = np.zeros((replicates, len(strata)), np.uint8), np.zeros(len(strata))
    for name in np.unique(strata):
        inside = np.flatnonzero(strata == name)
        draws = len(inside) - 1
        for some in np.array_split(np.arange(replicates), _blocks(len(inside), replicates)):
            drawn[some[:, None], inside] = rng.multinomial(draws, np.full(len(inside), 1 / len(inside)), size=len(some))
        scale[inside] = len(inside) / draws
    return drawn, scale


def _blocks(n_clusters: int, replicates: int) -> int:
    """Number of blocks in which resamples are computed, to limit the memory."""
    return max(1, min(replicates, n_clusters * replicates // MAX_DRAWS))


def _bca_levels(
    levels: NDArray[np.float64], values: NDArray[np.float64], estimate: float, deviation: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Correct percentile levels for bias and skewness (BCa: Davison & Hinkley 1997, section 5.3.2)."""
    below = (np.mean(values < estimate) + np.mean(values <= estimate)) / 2
    bias = ndtri(np.clip(below, 1 / len(values), 1 - 1 / len(values)))
    spread = np.sum(deviation**2) ** 1.5
    skew = np.sum(deviation**3) / (6 * spread) if spread > 0 else 0.0
    shifted = bias + ndtri(levels)
    return ndtr(bias + shifted / (1 - skew * shifted))
