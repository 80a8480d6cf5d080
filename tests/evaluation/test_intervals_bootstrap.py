import numpy as np
import pytest
from scipy import stats

from gtzan_lightning.evaluation.clusters import ClusterCounts, accuracy, macro_f1
from gtzan_lightning.evaluation.intervals import bootstrap_interval, resample

from .simulation import DESCENDING, FEW_ARTISTS, World
from .test_intervals import one_genre

RIGHT = np.random.default_rng(4).binomial(20, np.random.default_rng(5).beta(6, 1, 150))


@pytest.mark.parametrize(("kind", "scipy_name"), [("percentile", "percentile"), ("bca", "BCa")])
def test_equal_clusters_of_one_genre_give_scipys_interval(kind, scipy_name):
    expected = stats.bootstrap(
        (RIGHT / 20,), np.mean, method=scipy_name, n_resamples=20_000, rng=np.random.default_rng(0)
    ).confidence_interval
    found = bootstrap_interval(one_genre(RIGHT, np.full(150, 20)), accuracy, kind, replicates=20_000)
    width = expected.high - expected.low
    assert found == pytest.approx((expected.low, expected.high), abs=0.03 * width)


def test_bca_differs_from_percentile_where_the_score_is_skewed():
    counts = one_genre([20] * 75 + [0, 3, 5, 11, 14], np.full(80, 20))
    percentile, bca = (bootstrap_interval(counts, accuracy, kind, replicates=20_000) for kind in ("percentile", "bca"))
    expected = stats.bootstrap(
        (counts.totals[:, 0, 0] / 20,), np.mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(0)
    ).confidence_interval
    assert bca[0] < percentile[0] - 0.007
    assert bca == pytest.approx((expected.low, expected.high), abs=0.004)


def test_bca_corrects_the_bias_of_macro_f1_like_scipy():
    rng = np.random.default_rng(0)
    totals = np.zeros((25, 3, 2))
    totals[:, 1] = rng.integers(1, 4, (25, 2))
    totals[:, 0] = rng.binomial(totals[:, 1].astype(int), [0.95, 0.1])
    totals[:, 2] = totals[:, 0] + (totals[:, 1] - totals[:, 0])[:, ::-1]  # errors are predicted as the other genre

    def score(*columns, axis):
        return macro_f1(np.arange(2))(np.stack([c.sum(axis=axis) for c in columns], axis=-1).reshape(-1, 3, 2))

    expected = stats.bootstrap(
        tuple(totals.reshape(25, 6).T), score, paired=True, method="BCa", n_resamples=20_000, vectorized=True,
        rng=np.random.default_rng(0),
    ).confidence_interval  # fmt: skip
    counts = ClusterCounts(totals, np.zeros(25, dtype=int))
    bca, percentile = (
        bootstrap_interval(counts, macro_f1(np.arange(2)), kind, replicates=20_000) for kind in ("bca", "percentile")
    )
    width = (expected.high - expected.low).item()
    assert bca == pytest.approx((expected.low.item(), expected.high.item()), abs=0.04 * width)
    assert percentile != pytest.approx(bca, abs=0.04 * width)


def test_the_variance_of_resamples_is_unbiased_even_for_two_clusters():
    counts = one_genre([4, 8], [10, 10])
    values = accuracy(resample(counts, 50_000))
    assert values.var() == pytest.approx(stats.sem([0.4, 0.8]) ** 2, rel=0.02)


def test_resamples_keep_the_size_of_each_genre():
    counts = World([[2] * 4, [3] * 3], np.array([0.5, 0.8])).draw(np.random.default_rng(0))
    np.testing.assert_allclose(resample(counts, 50)[:, 1], np.tile([80, 90], (50, 1)))


def test_it_is_reproducible_and_contains_the_estimate():
    counts = World(FEW_ARTISTS, DESCENDING).draw(np.random.default_rng(0))
    for statistic in (accuracy, macro_f1(np.arange(10))):
        for kind in ("percentile", "bca"):
            low, high = bootstrap_interval(counts, statistic, kind)
            assert (low, high) == bootstrap_interval(counts, statistic, kind)
            assert 0 <= low <= statistic(counts.sum()) <= high <= 1


def test_one_cluster_gives_the_widest_interval_and_agreement_zero_width():
    assert bootstrap_interval(one_genre([5], [10]), accuracy) == (0, 1)
    assert bootstrap_interval(one_genre([10, 10, 10], [10, 10, 10]), accuracy, "bca") == (1, 1)


def test_a_genre_missing_from_a_resample_scores_zero_without_a_warning(recwarn):
    totals = np.zeros((3, 3, 3))
    for cluster in range(3):
        totals[cluster, :, cluster] = [5, 10, 5]
    counts = ClusterCounts(totals, np.zeros(3, dtype=int))  # three genres of one cluster each
    low, high = bootstrap_interval(counts, macro_f1(np.arange(3)))
    assert 0 <= low < high <= 1
    assert not recwarn.list
