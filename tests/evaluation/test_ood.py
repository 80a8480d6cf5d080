"""The distance from the training examples, against SciPy's Mahalanobis distance and scikit-learn's covariance."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf

from gtzan_lightning.evaluation import ood as room
from gtzan_lightning.evaluation.ood import OodScore, fit_ood

RANDOM = np.random.default_rng(0)
STEPS = (RANDOM.normal(size=(600, 4)) @ RANDOM.normal(size=(4, 4))).astype(np.float32)


def fitted(steps=STEPS, n_steps=3):
    index = np.arange(len(steps)).reshape(-1, n_steps)
    track = np.arange(len(index)) // 4
    return fit_ood(steps, index, track, 3.0 * (1 + np.arange(len(index)) % 4))


def test_distances_are_those_of_scipy():
    found = fitted()
    covariance = LedoitWolf().fit(STEPS.astype(np.float64))
    x = RANDOM.normal(size=(5, 3, 4)).astype(np.float32)
    squared = [[mahalanobis(step, covariance.location_, covariance.precision_) ** 2 for step in slice_] for slice_ in x]
    assert found.distances(x) == pytest.approx(np.sqrt(np.mean(squared, axis=1) / 4), rel=1e-4)


def test_training_examples_are_about_one_away_and_few_tracks_lie_beyond_the_limit():
    found = fitted()
    distances = found.distances(STEPS.reshape(-1, 3, 4))
    assert np.sqrt(np.mean(distances**2)) == pytest.approx(1.0, abs=0.2)  # less than 1 by the shrinkage
    assert found.limit == pytest.approx(1.2, abs=0.2)
    assert found.track_distance(STEPS[:12].reshape(4, 3, 4) + 10) > 2 * found.limit


def test_the_limit_is_that_of_tracks_that_did_not_shape_the_centre():
    few = np.random.default_rng(1).normal(size=(36, 30)).astype(np.float32)  # fewer rows than it takes
    index, track = np.arange(36)[:, None], np.arange(36) // 3
    held_out = []
    for fold in range(5):
        shape = LedoitWolf().fit(few[track % 5 != fold].astype(np.float64))
        squared = {row: mahalanobis(few[row], shape.location_, shape.precision_) ** 2 / 30 for row in range(36)}
        held_out += [np.median([squared[3 * n + k] ** 0.5 for k in range(3)]) for n in range(12) if n % 5 == fold]
    found = fit_ood(few, index, track, np.full(36, 3.0))
    assert found.limit == pytest.approx(np.quantile(held_out, 0.995), rel=1e-4)


def test_the_usual_length_is_that_of_nearly_all_training_tracks():
    assert fitted().least_s == 12.0


def test_a_feature_that_is_constant_in_training_does_not_count():
    steps = np.concatenate([STEPS, np.full((600, 1), 2.0, np.float32)], axis=1)
    found, without = fitted(steps), fitted()
    x = RANDOM.normal(size=(5, 3, 4)).astype(np.float32)
    wider = np.concatenate([x, np.full((5, 3, 1), 99.0, np.float32)], axis=2)
    assert found.distances(wider) == pytest.approx(without.distances(x), rel=1e-4)


def test_many_rows_are_thinned_and_nothing_that_varies_is_no_error(monkeypatch):
    monkeypatch.setattr(room, "MAX_ROWS", 100)
    assert fitted().limit > 0
    still = fitted(np.ones((12, 4), np.float32))
    assert still.distances(np.zeros((1, 3, 4))) == [0.0]


def test_it_survives_the_form_that_a_checkpoint_holds():
    found = fitted()
    again = OodScore.from_plain(found.plain())
    assert again.distances(STEPS.reshape(-1, 3, 4)).tolist() == found.distances(STEPS.reshape(-1, 3, 4)).tolist()
    assert (again.limit, again.least_s) == (found.limit, found.least_s)
    with pytest.raises(ValueError, match="4 features"):
        OodScore.from_plain({**found.plain(), "precision": np.eye(3)})
