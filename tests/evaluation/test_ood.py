"""The OOD score against SciPy's Mahalanobis distance and scikit-learn's covariance."""

import numpy as np
import pytest
from scipy.spatial.distance import mahalanobis
from sklearn.covariance import LedoitWolf

from gtzan_lightning.evaluation import ood
from gtzan_lightning.evaluation.ood import OodScore, fit_ood

RNG = np.random.default_rng(0)
STEPS = (RNG.normal(size=(600, 4)) @ RNG.normal(size=(4, 4))).astype(np.float32)


def fitted(steps=STEPS, n_steps=3):
    index = np.arange(len(steps)).reshape(-1, n_steps)
    track = np.arange(len(index)) // 4
    return fit_ood(steps, index, track, 3.0 * (1 + np.arange(len(index)) % 4))


def test_distances_are_those_of_scipy():
    found = fitted()
    covariance = LedoitWolf().fit(STEPS.astype(np.float64))
    x = RNG.normal(size=(5, 3, 4)).astype(np.float32)
    squared = [[mahalanobis(step, covariance.location_, covariance.precision_) ** 2 for step in slice_] for slice_ in x]
    assert found.distances(x) == pytest.approx(np.sqrt(np.mean(squared, axis=1) / 4), rel=1e-4)


def test_training_examples_have_distance_one_and_few_tracks_exceed_the_limit():
    found = fitted()
    distances = found.distances(STEPS.reshape(-1, 3, 4))
    assert np.sqrt(np.mean(distances**2)) == pytest.approx(1.0, abs=0.2)  # below 1 because of the shrinkage
    assert found.limit == pytest.approx(1.2, abs=0.2)
    assert found.track_distance(STEPS[:12].reshape(4, 3, 4) + 10) > 2 * found.limit


def test_the_limit_comes_from_cross_validated_distances():
    few = np.random.default_rng(1).normal(size=(36, 30)).astype(np.float32)  # hardly more rows than features
    index, track = np.arange(36)[:, None], np.arange(36) // 3
    held_out = []
    for fold in range(5):
        shape = LedoitWolf().fit(few[track % 5 != fold].astype(np.float64))
        squared = {row: mahalanobis(few[row], shape.location_, shape.precision_) ** 2 / 30 for row in range(36)}
        held_out += [np.median([squared[3 * n + k] ** 0.5 for k in range(3)]) for n in range(12) if n % 5 == fold]
    found = fit_ood(few, index, track, np.full(36, 3.0))
    assert found.limit == pytest.approx(np.quantile(held_out, 0.995), rel=1e-4)


def test_least_s_is_a_low_quantile_of_the_training_tracks():
    assert fitted().least_s == 12.0


def test_a_feature_that_is_constant_in_training_is_ignored():
    steps = np.concatenate([STEPS, np.full((600, 1), 2.0, np.float32)], axis=1)
    found, without = fitted(steps), fitted()
    x = RNG.normal(size=(5, 3, 4)).astype(np.float32)
    wider = np.concatenate([x, np.full((5, 3, 1), 99.0, np.float32)], axis=2)
    assert found.distances(wider) == pytest.approx(without.distances(x), rel=1e-4)


def test_many_rows_are_subsampled_and_constant_features_are_no_error(monkeypatch):
    monkeypatch.setattr(ood, "MAX_ROWS", 100)
    assert fitted().limit > 0
    constant = fitted(np.ones((12, 4), np.float32))
    assert constant.distances(np.zeros((1, 3, 4))) == [0.0]


def test_the_checkpoint_form_round_trips():
    found = fitted()
    again = OodScore.from_plain(found.plain())
    assert again.distances(STEPS.reshape(-1, 3, 4)).tolist() == found.distances(STEPS.reshape(-1, 3, 4)).tolist()
    assert (again.limit, again.least_s) == (found.limit, found.least_s)
    with pytest.raises(ValueError, match="4 features"):
        OodScore.from_plain({**found.plain(), "precision": np.eye(3)})
