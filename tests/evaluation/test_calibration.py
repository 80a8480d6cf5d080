import numpy as np
import pytest
import sklearn.calibration
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.metrics import log_loss

from gtzan_lightning.evaluation.calibration import (
    brier_score,
    calibration_card,
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    reliability,
    risk_coverage,
    with_temperature,
)
from gtzan_lightning.evaluation.predictions import Predictions

GENRES = ("blues", "jazz", "rock")


def table(probabilities, y, part="val"):
    n = len(y)
    ids = np.array([f"t{row}" for row in range(n)], dtype=object)
    return Predictions(ids, np.zeros(n), [part] * n, np.array(GENRES, dtype=object)[y], probabilities, GENRES)


def overconfident(n=4000, temperature=2.5, seed=0):
    """Truth drawn from softmax(logits), while the model predicts softmax(temperature * logits)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 3)) * 1.5
    y = (softmax(logits, axis=1).cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)
    return table(softmax(temperature * logits, axis=1), y)


def test_the_reliability_curve_is_scikit_learns():
    predictions = overconfident()
    confidence = predictions.probabilities.max(axis=1)
    right = predictions.decisions() == predictions.labels()
    accuracy, mean_confidence = calibration_curve(right, confidence, n_bins=15)
    found = reliability(predictions)
    np.testing.assert_allclose(found["accuracy"], accuracy)
    np.testing.assert_allclose(found["confidence"], mean_confidence, rtol=1e-6)
    counts = np.histogram(confidence, np.linspace(0, 1, 16))[0]
    assert found["n"].tolist() == counts[counts > 0].tolist()
    expected = np.sum(counts[counts > 0] * np.abs(accuracy - mean_confidence)) / 4000
    assert expected_calibration_error(predictions) == pytest.approx(expected, rel=1e-5)


def test_ece_by_hand():
    p = [[0.9, 0.1, 0], [0.9, 0.1, 0], [0.9, 0.05, 0.05], [0.5, 0.3, 0.2]]
    predictions = table(p, [0, 0, 1, 1])
    assert expected_calibration_error(predictions, bins=10) == pytest.approx(3 / 4 * (0.9 - 2 / 3) + 1 / 4 * 0.5)
    assert expected_calibration_error(table([[1, 0, 0]], [0])) == 0


def test_the_upper_edge_belongs_to_the_bin():
    found = reliability(table([[0.5, 0.25, 0.25], [0.75, 0.25, 0]], [0, 0]), bins=4)
    assert found[["low", "high"]].to_numpy().tolist() == [[0.25, 0.5], [0.5, 0.75]]


def test_brier_by_hand():
    assert brier_score(table([[0.7, 0.2, 0.1]], [0])) == pytest.approx(0.09 + 0.04 + 0.01)
    assert brier_score(table([[0, 1, 0]], [0])) == 2
    assert brier_score(table([[1 / 3] * 3], [2])) == pytest.approx(2 / 3)


def test_nll_is_scikit_learns_log_loss():
    predictions = overconfident()
    p = predictions.probabilities.astype(float)
    expected = log_loss(predictions.labels(), p / p.sum(axis=1, keepdims=True))
    assert negative_log_likelihood(predictions) == pytest.approx(expected, rel=1e-6)


def test_the_true_temperature_is_recovered():
    predictions = overconfident(20_000, temperature=2.5)
    assert fit_temperature(predictions) == pytest.approx(2.5, rel=0.03)
    scaled = with_temperature(predictions, 2.5)
    assert expected_calibration_error(scaled) < 0.02 < expected_calibration_error(predictions)
    np.testing.assert_array_equal(scaled.decisions(), predictions.decisions())


def test_the_temperature_is_scikit_learns():
    frozen = pytest.importorskip("sklearn.frozen")
    if not hasattr(sklearn.calibration, "_TemperatureScaling"):
        pytest.skip("temperature scaling needs scikit-learn 1.8")
    predictions = overconfident()
    log_p, y = np.log(predictions.probabilities.astype(float)), predictions.labels()
    calibrated = CalibratedClassifierCV(frozen.FrozenEstimator(_Identity().fit(log_p, y)), method="temperature")
    expected = calibrated.fit(log_p, y).predict_proba(log_p)
    found = with_temperature(predictions, fit_temperature(predictions))
    np.testing.assert_allclose(found.probabilities, expected, atol=1e-4)


def test_fitting_on_other_rows_than_validation_is_an_error():
    for part in ("test", "train"):
        with pytest.raises(ValueError, match="on validation rows only"):
            fit_temperature(table([[1, 0, 0]], [0], part))


def test_the_card_has_both_parts_before_and_after_the_temperature_of_validation():
    validation, test = overconfident(2000), overconfident(1000, temperature=1.5, seed=1)
    both = Predictions(
        np.concatenate([validation.track_id, test.track_id]),
        np.zeros(3000),
        ["val"] * 2000 + ["test"] * 1000,
        np.concatenate([validation.y_true, test.y_true]),
        np.concatenate([validation.probabilities, test.probabilities]),
        GENRES,
    )
    found = calibration_card(both)
    assert found["level"] == "window"
    assert found["temperature"] == fit_temperature(validation)  # independent of the test part
    assert found["val"]["before"]["ece"] == expected_calibration_error(validation)
    p = test.probabilities.astype(float)
    p = p ** (1 / found["temperature"]) / (p ** (1 / found["temperature"])).sum(axis=1, keepdims=True)
    after = found["test"]["after"]
    assert after["nll"] == pytest.approx(log_loss(test.labels(), p), rel=1e-5)
    assert after["brier"] == pytest.approx(np.sum((p - np.eye(3)[test.labels()]) ** 2) / 1000, rel=1e-5)
    assert found["val"]["after"]["nll"] < found["val"]["before"]["nll"]


def test_two_rows_are_enough_for_a_card():
    rows = Predictions(["a", "b"], [0, 0], ["val", "test"], ["blues", "rock"], [[1, 0, 0], [0, 0, 1]], GENRES)
    found = calibration_card(rows)
    assert found["val"]["after"] == found["test"]["after"] == pytest.approx({"ece": 0, "brier": 0, "nll": 0})


def test_a_confident_error_keeps_the_temperature_finite():
    predictions = table([[1, 0, 0], [0, 1, 0]], [0, 0])
    assert np.isfinite(negative_log_likelihood(predictions))
    assert 0.05 <= fit_temperature(predictions) <= 20


def test_risk_and_coverage_by_hand():
    p = [[0.9, 0.1, 0], [0.8, 0.2, 0], [0.7, 0.3, 0], [0.6, 0.4, 0]]
    found = risk_coverage(table(p, [0, 1, 0, 1]))
    assert found.coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert found.risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 2])
    assert found.aurc == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_rows_of_equal_confidence_are_accepted_together():
    p = [[0.9, 0.1, 0], [0.6, 0.4, 0], [0.6, 0.4, 0]]
    y = [0, 0, 1]
    one, other = risk_coverage(table(p, y)), risk_coverage(table(p[::-1], y[::-1]))
    assert one.coverage.tolist() == pytest.approx([1 / 3, 1])
    assert one.risk.tolist() == pytest.approx([0, 1 / 3])
    either_order = [np.mean([0, 0, 1 / 3]), np.mean([0, 1 / 2, 1 / 3])]
    assert one.aurc == other.aurc == pytest.approx(np.mean(either_order))


class _Identity(ClassifierMixin, BaseEstimator):
    """A classifier whose decision function is its input."""

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        return self

    def decision_function(self, X):
        return X

    def predict(self, X):
        return X.argmax(axis=1)
