import numpy as np
import pytest
from scipy import stats
from sklearn.datasets import make_moons
from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
from sklearn.svm import SVC

from gtzan_lightning.evaluation.significance import holm, mcnemar_test, paired_drop, resampled_interval, sign_flip_test

from .simulation import CONSTANT, FEW_ARTISTS, TEN_ARTISTS, World


@pytest.mark.parametrize("clusters", [3, 8, 12])
def test_few_clusters_give_scipys_exact_permutation_test(clusters):
    differences = np.random.default_rng(clusters).integers(1, 9, clusters) * np.random.default_rng(0).choice(
        [-1, 1], clusters
    )
    expected = stats.permutation_test((differences,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_test(differences) == pytest.approx(expected.pvalue)


def test_fishers_darwin_data():
    """Fisher (1935), The Design of Experiments, section 21: 1726 of 32768 patterns reach 314, p = 0.0527."""
    darwin = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48])
    assert darwin.sum() == 314
    assert sign_flip_test(darwin, flips=200_000) == pytest.approx(1726 / 32768, abs=0.0015)


def test_equal_runs_have_p_one():
    assert sign_flip_test(np.zeros(30)) == 1
    assert mcnemar_test(np.ones(5, dtype=bool), np.ones(5, dtype=bool)) == 1


def test_a_constant_difference_has_the_smallest_possible_p():
    assert sign_flip_test(np.ones(6)) == 2 / 2**6
    assert sign_flip_test(np.ones(60)) == 1 / 10_000


def pairs(only_a, only_b, both=7, neither=5):
    a = [True] * only_a + [False] * only_b + [True] * both + [False] * neither
    b = [False] * only_a + [True] * only_b + [True] * both + [False] * neither
    return np.array(a), np.array(b)


@pytest.mark.parametrize(("only_a", "only_b"), [(2, 9), (9, 2), (121, 59), (4, 4)])
def test_mcnemar_is_a_binomial_tail(only_a, only_b):
    few, n = min(only_a, only_b), only_a + only_b
    expected = min(1.0, 2 * stats.binom.cdf(few, n, 0.5))
    assert mcnemar_test(*pairs(only_a, only_b)) == pytest.approx(expected)


def test_mcnemar_counted_by_hand():
    """3 against 11 of 14 changes: (1 + 14 + 91 + 364) of 2^14 patterns are as extreme, on each side."""
    assert mcnemar_test(*pairs(3, 11)) == pytest.approx(2 * 470 / 2**14)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


def test_the_example_of_scikit_learn():
    """scikit-learn's "Statistical comparison of models using grid search": t = 0.750, one-sided p = 0.227."""
    X, y = make_moons(noise=0.352, random_state=1, n_samples=100)
    cv = RepeatedStratifiedKFold(n_splits=10, n_repeats=10, random_state=0)
    rbf, linear = (
        cross_val_score(SVC(kernel=kernel, random_state=0), X, y, cv=cv, scoring="roc_auc")
        for kernel in ("rbf", "linear")
    )
    found = resampled_interval(rbf - linear, n_train=90, n_test=10)
    assert found.t == pytest.approx(0.750, abs=5e-4)
    assert found.p / 2 == pytest.approx(0.227, abs=5e-4)


def test_without_overlap_it_is_the_classical_t_interval():
    values = [0.71, 0.74, 0.70, 0.77, 0.73]
    expected = stats.ttest_1samp(values, 0)
    found = resampled_interval(values, n_train=700, n_test=0)
    interval = expected.confidence_interval()
    assert (found.low, found.high, found.t, found.p) == pytest.approx(
        (interval.low, interval.high, expected.statistic, expected.pvalue)
    )


def test_overlapping_training_sets_widen_the_interval():
    values = [0.71, 0.74, 0.70, 0.77, 0.73]
    apart, overlapping = resampled_interval(values, 700, 0), resampled_interval(values, 800, 200)
    assert overlapping.se == pytest.approx(apart.se * np.sqrt((1 / 5 + 1 / 4) / (1 / 5)))


def test_one_split_is_an_error():
    with pytest.raises(ValueError, match="two are needed"):
        resampled_interval([0.7], 800, 200)
    assert resampled_interval([0.0, 0.0], 800, 200).p == 1


@pytest.mark.slow
@pytest.mark.parametrize("tracks", [TEN_ARTISTS, FEW_ARTISTS], ids=["ten artists", "few artists"])
def test_the_permutation_test_holds_its_level(tracks):
    """Two runs with the same true accuracy, independent for each artist."""
    draws = World(tracks, CONSTANT).draws(3000)
    right = np.array([counts.totals[:, 0].sum(axis=1) for counts in draws])
    p = [sign_flip_test(a - b, flips=999) for a, b in zip(right[::2], right[1::2], strict=True)]
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.07


def test_mcnemar_on_windows_does_not_hold_its_level():
    """The same null hypothesis, with windows treated as independent."""
    draws = World(TEN_ARTISTS, CONSTANT).draws(300)
    rng, rejected = np.random.default_rng(0), []
    for a, b in zip(draws[::2], draws[1::2], strict=True):
        rows = [
            (rng.permutation(np.arange(n) < x), rng.permutation(np.arange(n) < y))
            for n, x, y in zip(a.rows, a.totals[:, 0].sum(axis=1), b.totals[:, 0].sum(axis=1), strict=True)
        ]
        rejected.append(mcnemar_test(*map(np.concatenate, zip(*rows, strict=True))) <= 0.05)
    assert np.mean(rejected) > 0.2


def test_splits_are_paired_by_seed_whatever_their_order():
    before, after = {0: 0.7, 1: 0.8, 2: 0.9, 7: 0.1}, {2: 0.65, 5: 0.99, 0: 0.5, 1: 0.7}
    mean, interval = paired_drop(before, after, 700, 200)
    drops = [0.7 - 0.5, 0.8 - 0.7, 0.9 - 0.65]
    half = stats.t.ppf(0.975, 2) * np.sqrt(np.var(drops, ddof=1) * (1 / 3 + 200 / 700))
    assert mean == pytest.approx(np.mean(drops))
    assert interval == pytest.approx((np.mean(drops) - half, np.mean(drops) + half))
