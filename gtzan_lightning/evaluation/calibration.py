"""Calibration metrics, temperature scaling, and the risk-coverage curve.

All functions take a table of predictions whose rows are windows, or clips after `Predictions.clips`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from gtzan_lightning.evaluation.predictions import Predictions

BINS = 15
SMALLEST_PROBABILITY = 1e-12  # keeps logarithms finite: a float32 softmax rounds to 0 below 1e-38
TEMPERATURES = (0.05, 20.0)  # search range


def calibration_card(predictions: Predictions) -> dict[str, Any] | None:
    """The `calibration` entry of a run card: metrics before and after temperature scaling of the windows.

    The temperature is fitted on the validation part. The predictions of the run stay uncalibrated; `with_temperature`
    applies the temperature to them.

    Returns:
        `level`, `temperature`, and `{val, test} -> {before, after} -> {ece, brier, nll}`; None without a validation
        part.
    """
    if not len(predictions.only("val")):
        return None
    temperature = fit_temperature(predictions.only("val"))
    scores = {}
    for part in ("val", "test"):
        before = predictions.only(part)
        tables = {"before": before, "after": with_temperature(before, temperature)}
        scores[part] = {when: calibration_metrics(table) for when, table in tables.items()}
    return {"level": "window", "temperature": temperature, **scores}


def calibration_metrics(predictions: Predictions) -> dict[str, float]:
    """Expected calibration error, Brier score and negative log-likelihood."""
    metrics = {"ece": expected_calibration_error, "brier": brier_score, "nll": negative_log_likelihood}
    return {name: metric(predictions) for name, metric in metrics.items()}


def reliability(predictions: Predictions, bins: int = BINS) -> pd.DataFrame:
    """Reliability curve: mean confidence and accuracy in bins of equal width, without empty bins.

    Returns:
        One row per bin with columns low, high (edges of the bin; the upper one belongs to it), confidence, accuracy, n.
    """
    # scikit-learn's calibration_curve returns neither edges nor counts; torchmetrics has the ECE in float32 only.
    confidence, right = _confidence(predictions)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    table = pd.DataFrame({"confidence": confidence, "accuracy": right.astype(float), "n": 1})
    means = table.groupby(place).agg({"confidence": "mean", "accuracy": "mean", "n": "sum"})
    means.insert(0, "low", means.index / bins)
    means.insert(1, "high", (means.index + 1) / bins)
    return means.reset_index(drop=True)


def expected_calibration_error(predictions: Predictions, bins: int = BINS) -> float:
    """ECE: mean of |confidence - accuracy| over the bins, weighted by their rows (Guo et al. 2017, ICML)."""
    table = reliability(predictions, bins)
    return float(np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["n"]))


def brier_score(predictions: Predictions) -> float:
    """Brier (1950) score: mean squared distance of probabilities and truth, summed over genres, 0 to 2."""
    # scikit-learn's brier_score_loss supports more than two classes only from version 1.7 on.
    truth = np.eye(len(predictions.genres))[predictions.labels()]
    return float(np.mean(np.sum((predictions.probabilities - truth) ** 2, axis=1)))


def negative_log_likelihood(predictions: Predictions) -> float:
    """Mean of -log p(true genre), in nats."""
    return _nll(_log_probabilities(predictions), predictions.labels())


def fit_temperature(validation: Predictions) -> float:
    """Temperature that minimises the negative log-likelihood of the validation part (Guo et al. 2017, ICML).

    Log-probabilities replace the logits: they differ by a constant per row, which the softmax removes.

    Raises:
        ValueError: The table is empty or holds rows of another part.
    """
    if not len(validation) or set(validation.part) != {"val"}:
        raise ValueError("the temperature must be fitted on validation rows only")
    log_p, labels = _log_probabilities(validation), validation.labels()
    result = minimize_scalar(
        lambda log_t: _nll(log_softmax(log_p / np.exp(log_t), axis=1), labels),
        bounds=(np.log(TEMPERATURES[0]), np.log(TEMPERATURES[1])),
        method="bounded",
    )
    return float(np.exp(result.x))


def with_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """Return temperature-scaled predictions: softer above 1, sharper below 1; the predicted genres do not change."""
    scaled = softmax(_log_probabilities(predictions) / temperature, axis=1)
    return replace(predictions, probabilities=scaled.astype(np.float32))


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Risk-coverage curve: error rate of the most confident rows against their share."""

    coverage: NDArray[np.float64]  # (thresholds,), share of rows accepted, ascending to 1
    risk: NDArray[np.float64]  # (thresholds,), error rate of the accepted rows
    threshold: NDArray[np.float64]  # (thresholds,), lowest accepted confidence
    aurc: float  # mean risk over all numbers of accepted rows; lower is better (Geifman & El-Yaniv 2019)


def risk_coverage(predictions: Predictions) -> RiskCoverage:
    """Compute the risk-coverage curve; rows of equal confidence are accepted together.

    The area averages the risk over each number of accepted rows; within a group of equal confidence it is interpolated.
    """
    confidence, right = _confidence(predictions)
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # last row of each group of equal confidence
    accepted, wrong = last + 1, np.cumsum(~right[order])[last]
    number = np.arange(1, len(ranked) + 1)
    expected_wrong = np.interp(number, np.append(0, accepted), np.append(0, wrong))
    return RiskCoverage(accepted / len(ranked), wrong / accepted, ranked[last], float(np.mean(expected_wrong / number)))


def _confidence(predictions: Predictions) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probability of each row's predicted genre, and whether the prediction is correct, both `(rows,)`."""
    confidence = predictions.probabilities.max(axis=1).astype(np.float64)
    return confidence, predictions.decisions() == predictions.labels()


def _log_probabilities(predictions: Predictions) -> NDArray[np.float64]:
    """Finite log-probabilities, `(rows, genres)`."""
    return np.log(np.maximum(predictions.probabilities.astype(np.float64), SMALLEST_PROBABILITY))


def _nll(log_p: NDArray[np.float64], labels: NDArray[np.intp]) -> float:
    """Mean negative log-likelihood; unlike `sklearn.metrics.log_loss`, without clipping and normalising again."""
    return float(-np.mean(log_p[np.arange(len(labels)), labels]))
