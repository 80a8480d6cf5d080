"""Does the model know how sure it may be? Calibration, temperature, and what is won by answering only when sure.

All functions take a table of predictions (rows are windows, or clips after `Predictions.clips`).
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
SMALLEST_PROBABILITY = 1e-12  # a float32 softmax rounds to 0 below 1e-38; no model is that sure with reason
TEMPERATURES = (0.05, 20.0)  # range that is searched


def reliability(predictions: Predictions, bins: int = BINS) -> pd.DataFrame:
    """Confidence against accuracy in bins of equal width, one row a bin that holds rows.

    Returns:
        Columns low, high (limits of the bin; the upper one belongs to it), confidence, accuracy, n.
    """
    confidence, right = _confidence(predictions)
    place = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    table = pd.DataFrame({"confidence": confidence, "accuracy": right.astype(float), "n": 1})
    means = table.groupby(place).agg({"confidence": "mean", "accuracy": "mean", "n": "sum"})
    means.insert(0, "low", means.index / bins)
    means.insert(1, "high", (means.index + 1) / bins)
    return means.reset_index(drop=True)


def expected_calibration_error(predictions: Predictions, bins: int = BINS) -> float:
    """ECE: mean distance of confidence and accuracy over the bins, weighted by rows (Guo et al. 2017, ICML)."""
    table = reliability(predictions, bins)
    return float(np.average((table["confidence"] - table["accuracy"]).abs(), weights=table["n"]))


def brier_score(predictions: Predictions) -> float:
    """Mean squared distance of the probabilities from the truth, summed over genres: 0 to 2 (Brier 1950)."""
    truth = np.eye(len(predictions.genres))[predictions.labels()]
    return float(np.mean(np.sum((predictions.probabilities - truth) ** 2, axis=1)))


def negative_log_likelihood(predictions: Predictions) -> float:
    """Mean of -log p(true genre), in nats."""
    return _loss(_log_probabilities(predictions), predictions.labels())


def fit_temperature(validation: Predictions) -> float:
    """Temperature that minimises the negative log-likelihood of the validation part (Guo et al. 2017, ICML).

    The logits are not needed: log p differs from them by a constant a row, which the softmax removes.

    Raises:
        ValueError: the table holds rows of another part, or none.
    """
    if not len(validation) or set(validation.part) != {"val"}:
        raise ValueError("a temperature is fitted on validation rows, and only on these")
    log_p, labels = _log_probabilities(validation), validation.labels()
    limits = np.log(TEMPERATURES[0]), np.log(TEMPERATURES[1])
    found = minimize_scalar(
        lambda log_t: _loss(log_softmax(log_p / np.exp(log_t), axis=1), labels), bounds=limits, method="bounded"
    )
    return float(np.exp(found.x))


def with_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """The predictions with softened (above 1) or sharpened (below 1) probabilities; decisions stay the same."""
    scaled = softmax(_log_probabilities(predictions) / temperature, axis=1)
    return replace(predictions, probabilities=scaled.astype(np.float32))


def calibration_card(predictions: Predictions) -> dict[str, Any]:
    """The `calibration` part of a run card: what one temperature, fitted on the validation windows, would repair.

    The run's predictions stay as they are; whoever wants calibrated ones gives `with_temperature` the temperature.

    Returns:
        `level`, `temperature`, and `{val, test} -> {before, after} -> {ece, brier, nll}`.

    Raises:
        ValueError: there are no validation rows.
    """
    temperature = fit_temperature(predictions.only("val"))
    tables = {"before": predictions, "after": with_temperature(predictions, temperature)}
    scores = {
        part: {when: _calibration_scores(table.only(part)) for when, table in tables.items()}
        for part in ("val", "test")
    }
    return {"level": "window", "temperature": temperature, **scores}


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """Error among the rows that are answered, when only the most confident ones are."""

    coverage: NDArray[np.float64]  # (steps,), share of rows answered, rising to 1
    risk: NDArray[np.float64]  # (steps,), share of wrong ones among these
    threshold: NDArray[np.float64]  # (steps,), least confidence that is answered
    aurc: float  # mean risk over all numbers of answered rows; lower is better (Geifman & El-Yaniv 2019)


def risk_coverage(predictions: Predictions) -> RiskCoverage:
    """Risk-coverage curve by confidence; rows of equal confidence are answered together, as no threshold parts them.

    The area takes each number of answered rows once; inside a group of equal confidence the risk is interpolated.
    """
    confidence, right = _confidence(predictions)
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)  # the last row of each equal confidence
    answered, wrong = last + 1, np.cumsum(~right[order])[last]
    number = np.arange(1, len(ranked) + 1)
    expected_wrong = np.interp(number, np.append(0, answered), np.append(0, wrong))
    return RiskCoverage(answered / len(ranked), wrong / answered, ranked[last], float(np.mean(expected_wrong / number)))


def _calibration_scores(predictions: Predictions) -> dict[str, float]:
    return {
        "ece": expected_calibration_error(predictions),
        "brier": brier_score(predictions),
        "nll": negative_log_likelihood(predictions),
    }


def _confidence(predictions: Predictions) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Probability of each row's decision, and whether that decision is right, both `(rows,)`."""
    confidence = predictions.probabilities.max(axis=1).astype(np.float64)
    return confidence, predictions.decisions() == predictions.labels()


def _log_probabilities(predictions: Predictions) -> NDArray[np.float64]:
    """Log-probabilities `(rows, genres)`, finite."""
    return np.log(np.maximum(predictions.probabilities.astype(np.float64), SMALLEST_PROBABILITY))


def _loss(log_p: NDArray[np.float64], labels: NDArray[np.intp]) -> float:
    """Mean negative log-likelihood."""
    return float(-np.mean(log_p[np.arange(len(labels)), labels]))
