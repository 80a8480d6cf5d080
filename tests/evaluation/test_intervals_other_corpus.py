"""Coverage of the intervals of `gtzan evaluate`: corpora drawn by genre, and whole artists drawn regardless of it."""

import numpy as np
import pytest

from gtzan_lightning.evaluation.clusters import accuracy, count_clusters
from gtzan_lightning.evaluation.intervals import t_interval
from gtzan_lightning.evaluation.metrics import Decisions
from gtzan_lightning.evaluation.run_metrics import is_balanced

from .simulation import Population

pytestmark = pytest.mark.slow

GENRES = tuple(f"genre {number}" for number in range(10))
DRAWS = 400


@pytest.fixture(scope="module")
def population():
    return Population()


def decisions_of(totals):
    """One row per clip: the counts of each artist as decisions, with the artist as track."""
    rows = []
    for artist, (right, true, predicted) in enumerate(totals.astype(int)):
        wrong = np.repeat(np.arange(10), predicted - right)
        y_true = [*np.repeat(np.arange(10), right), *np.repeat(np.arange(10), true - right)]
        y_pred = [*np.repeat(np.arange(10), right), *wrong]
        rows += [(str(artist), *pair) for pair in zip(y_true, y_pred, strict=True)]
    track, y_true, y_pred = zip(*rows, strict=True)
    return Decisions("clip", np.array(track, object), np.array(y_true), np.array(y_pred), GENRES)


def coverage(draw, truth, stratified):
    rng, covered = np.random.default_rng(7), []
    for _ in range(DRAWS):
        decisions = decisions_of(draw(rng))
        chosen = is_balanced(decisions) if stratified is None else stratified
        counts = count_clusters(decisions, {str(n): str(n) for n in range(1000)}, stratified=chosen)
        interval = t_interval(counts, accuracy)
        covered.append(interval.low <= truth <= interval.high)
    return np.mean(covered)


@pytest.mark.parametrize("artists", [40, 100])
def test_whole_artists(population, artists):
    truth = np.mean(population.true == population.predicted)
    draw = lambda rng: population.whole_artists(rng, artists)  # noqa: E731
    assert 0.93 <= coverage(draw, truth, None) <= 0.98
    assert coverage(draw, truth, stratified=True) < 0.9  # why the other one is needed


@pytest.mark.parametrize("clips", [10, 30])
def test_equal_clips_of_each_genre(population, clips):
    right, true, _ = population.totals(np.arange(len(population.artist)))
    draw = lambda rng: population.equal_genres(rng, clips)  # noqa: E731
    assert 0.93 <= coverage(draw, np.mean(right / true), None) <= 0.98


def test_what_counts_as_balanced():
    def decided(counts):
        y_true = np.repeat(np.arange(len(counts)), counts)
        return Decisions("clip", y_true.astype(object), y_true, y_true, GENRES)

    assert is_balanced(decided([10, 9, 10]))
    assert not is_balanced(decided([10, 8, 10]))
    assert is_balanced(decided([10, 0, 10]))  # a genre that does not occur
