import numpy as np
import pytest
from scipy import linalg, stats
from scipy.special import logit

from gtzan_lightning.evaluation.clusters import ClusterCounts, accuracy, genre_f1, macro_f1
from gtzan_lightning.evaluation.intervals import influence, t_interval

from .simulation import DESCENDING, FEW_ARTISTS, World


def one_genre(right, rows):
    """Clusters of one genre with `right` of `rows` rows correct, the others predicted as a second genre."""
    right, rows = np.array(right, dtype=float), np.array(rows, dtype=float)
    totals = np.zeros((len(rows), 3, 2))
    totals[:, 0, 0], totals[:, 1, 0], totals[:, 2, 0], totals[:, 2, 1] = right, rows, right, rows - right
    return ClusterCounts(totals, np.zeros(len(rows), dtype=int))


def test_equal_clusters_give_the_classical_t_interval():
    right = np.array([3, 5, 8, 9, 4, 7, 10])
    interval = t_interval(one_genre(right, np.full(7, 10)), accuracy)
    assert interval.estimate == pytest.approx(right.mean() / 10)
    assert interval.se == pytest.approx(stats.sem(right / 10))
    assert interval.degrees == pytest.approx(6)
    p = interval.estimate
    half = stats.t.ppf(0.975, 6) * stats.sem(right / 10) / (p * (1 - p))
    assert logit([interval.low, interval.high]) == pytest.approx([logit(p) - half, logit(p) + half])


def test_the_variance_is_the_cr2_of_a_regression_on_genres():
    """Bell & McCaffrey's estimator by its matrix definition, on rows: y regressed on genre dummies."""
    counts = World(FEW_ARTISTS[:3], DESCENDING[:3]).draw(np.random.default_rng(2))
    y, cluster, genre = [], [], []
    for index, totals in enumerate(counts.totals):
        n, hits = int(totals[1].sum()), int(totals[0].sum())
        y += [1.0] * hits + [0.0] * (n - hits)
        cluster += [index] * n
        genre += [counts.stratum[index]] * n
    y, cluster, X = np.array(y), np.array(cluster), np.eye(3)[genre]
    bread = np.linalg.inv(X.T @ X)
    residual = y - X @ bread @ X.T @ y
    meat = np.zeros((3, 3))
    for index in range(len(counts)):
        mine = X[cluster == index]
        adjustment = linalg.fractional_matrix_power(np.eye(len(mine)) - mine @ bread @ mine.T, -0.5)
        score = mine.T @ np.real(adjustment) @ residual[cluster == index]
        meat += np.outer(score, score)
    weights = X.mean(axis=0)  # accuracy is this combination of the genres' means
    expected = np.sqrt(weights @ bread @ meat @ bread @ weights)
    assert t_interval(counts, accuracy).se == pytest.approx(expected)


def test_degrees_of_freedom_follow_their_definition():
    """Satterthwaite: twice the squared mean of the variance estimate over its variance, here by simulation."""
    rows = np.array([60, 20, 10, 10])
    rng = np.random.default_rng(0)
    share = rows / rows.sum()
    scores = rng.normal(size=(400_000, 4))
    deviation = share * (scores - (scores * share).sum(axis=1, keepdims=True))
    variance = (deviation**2 / (1 - share)).sum(axis=1)
    expected = 2 * variance.mean() ** 2 / variance.var()
    assert t_interval(one_genre([30, 15, 2, 8], rows), accuracy).degrees == pytest.approx(expected, rel=0.02)


def test_degrees_of_freedom_are_those_of_the_quadratic_form():
    rows = np.random.default_rng(0).integers(1, 40, 200)
    share = rows / rows.sum()
    centred = np.eye(200) - share[:, None] - share[None, :] + np.sum(share**2)
    scale = share / np.sqrt(1 - share)
    form = scale[:, None] * centred * scale[None, :]
    expected = np.trace(form) ** 2 / np.trace(form @ form)
    assert t_interval(one_genre(rows // 2, rows), accuracy).degrees == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("statistic", [accuracy, macro_f1(np.arange(10)), lambda totals: genre_f1(totals)[..., 2]])
def test_influence_is_the_derivative(statistic):
    counts = World(FEW_ARTISTS, DESCENDING).draw(np.random.default_rng(1))
    step, total = 1e-5, counts.sum()
    change = np.array(
        [
            (statistic(total + step * cluster) - statistic(total - step * cluster)) / (2 * step)
            for cluster in counts.totals
        ]
    )
    mean = np.bincount(counts.stratum, change) / np.bincount(counts.stratum, counts.rows)
    np.testing.assert_allclose(influence(counts, statistic), change - counts.rows * mean[counts.stratum], atol=1e-8)


def test_differences_between_genres_do_not_add_variance():
    totals = np.zeros((4, 3, 2))
    totals[:2, 0, 0], totals[:2, 1, 0] = [9, 10], 10  # easy genre
    totals[2:, 0, 1], totals[2:, 1, 1] = [2, 3], 10  # hard genre
    counts = ClusterCounts(totals, np.array([0, 0, 1, 1]))
    assert t_interval(counts, accuracy).se == pytest.approx(np.sqrt(2) * 0.05 / 2)


def test_fewer_than_two_clusters_give_the_widest_interval():
    interval = t_interval(one_genre([3], [10]), accuracy)
    assert (interval.low, interval.high, interval.se) == (0, 1, None)


@pytest.mark.parametrize(("right", "clusters"), [(10, 5), (0, 5), (5, 4)])
def test_clusters_that_agree_get_the_exact_binomial_interval(right, clusters):
    interval = t_interval(one_genre([right] * clusters, [10] * clusters), accuracy)
    exact = stats.binomtest(right * clusters // 10, clusters).proportion_ci(0.95, "exact")
    assert (interval.low, interval.high) == pytest.approx((exact.low, exact.high))
    assert interval.se == 0


def test_higher_coverage_is_wider_and_contains_the_estimate():
    counts = World(FEW_ARTISTS, DESCENDING).draw(np.random.default_rng(3))
    narrow, wide = t_interval(counts, accuracy, 0.8), t_interval(counts, accuracy, 0.99)
    assert 0 < wide.low < narrow.low < narrow.estimate < narrow.high < wide.high < 1
