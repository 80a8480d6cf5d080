"""Coverage of nominal 95 % intervals on simulated data with a known true score."""

import numpy as np
import pytest

from gtzan_lightning.evaluation.clusters import accuracy, macro_f1
from gtzan_lightning.evaluation.intervals import bootstrap_interval, t_interval

from .simulation import CONSTANT, DESCENDING, FEW_ARTISTS, TEN_ARTISTS, World, rows_as_clusters

pytestmark = pytest.mark.slow

MACRO_F1 = macro_f1(np.arange(10))
TEN_UNEQUAL, TEN_EQUAL = World(TEN_ARTISTS, DESCENDING), World(TEN_ARTISTS, CONSTANT)
FEW_EASY, FEW_HARD = World(FEW_ARTISTS, DESCENDING), World(FEW_ARTISTS, DESCENDING[::-1])
TWO_EACH, THREE_EACH = World([[10, 10]] * 10, DESCENDING), World([[9, 8, 3]] * 10, DESCENDING)


def coverage(world, statistic, interval, draws):
    """Share of simulated test parts whose interval contains the true score."""
    truth = float(statistic(world.true_totals()))
    ends = [interval(counts, statistic) for counts in world.draws(draws)]
    return np.mean([low <= truth <= high for low, high in ends])


def by_t(counts, statistic):
    interval = t_interval(counts, statistic)
    return interval.low, interval.high


def by_percentile(counts, statistic):
    return bootstrap_interval(counts, statistic, "percentile", replicates=1000)


def by_bca(counts, statistic):
    return bootstrap_interval(counts, statistic, "bca", replicates=1000)


def by_rows(counts, statistic):
    return bootstrap_interval(rows_as_clusters(counts), statistic, "percentile", replicates=300)


both_scores = pytest.mark.parametrize("statistic", [accuracy, MACRO_F1], ids=["accuracy", "f1"])


@both_scores
@pytest.mark.parametrize("world", [TEN_UNEQUAL, TEN_EQUAL], ids=["unequal genres", "equal genres"])
@pytest.mark.parametrize(("interval", "draws"), [(by_t, 2000), (by_percentile, 1000), (by_bca, 1000)])
def test_coverage_with_ten_artists_per_genre(statistic, world, interval, draws):
    assert 0.93 <= coverage(world, statistic, interval, draws) <= 0.97


def test_rows_as_clusters_cover_far_too_little():
    assert coverage(TEN_EQUAL, accuracy, by_rows, 60) < 0.75


@both_scores
@pytest.mark.parametrize("world", [FEW_EASY, FEW_HARD], ids=["few artists in easy genres", "few in hard genres"])
def test_coverage_with_two_or_three_artists_in_some_genres(statistic, world):
    assert 0.93 <= coverage(world, statistic, by_t, 1500) <= 0.97


@pytest.mark.parametrize("world", [TWO_EACH, THREE_EACH], ids=["two artists", "three artists"])
def test_intervals_are_conservative_with_two_or_three_artists_in_every_genre(world):
    assert 0.95 <= coverage(world, accuracy, by_t, 1500) <= 0.99


def test_percentiles_cover_too_little_with_two_artists_per_genre():
    assert coverage(TWO_EACH, accuracy, by_percentile, 600) < 0.93
