"""What a run did with its parts: what it fitted the normalisation on, and what chose its epoch and features."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.audit_input import AuditInput
from gtzan_lightning.audit.findings import Finding, Severity
from gtzan_lightning.datamodule.assignment import EXCLUDED
from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.datamodule.slices import step_table

SAME = 1e-4  # of a standard deviation: what single precision and another order of sums may change


def normalisation(audit_input: AuditInput) -> list[Finding] | None:
    """Whether mean and scale are those of the training part; None where they are not known.

    They are computed anew, with the quantiles of a quantile scale, for the training part and, if those do not fit,
    for all parts together.
    """
    if audit_input.facts.mean is None or audit_input.facts.scale is None:
        return None
    if _fits(audit_input, audit_input.parts == "train"):
        return []
    on_all = _fits(audit_input, audit_input.parts != EXCLUDED) or _fits(
        audit_input, np.ones(len(audit_input.parts), bool)
    )
    evidence = (
        "Mean and scale are those of training, validation and test part together."
        if on_all
        else "Mean and scale are not those of the training part."
    )
    remedy = "Fit the normalisation on the training part alone."
    return [Finding("normalisation", _severity(audit_input, "normalisation"), "L1.2", evidence, remedy)]


def epoch_selection(audit_input: AuditInput) -> list[Finding] | None:
    """Whether the epoch was chosen by the test score; None where that is not known."""
    monitor = audit_input.facts.monitor
    if monitor is None:
        return None
    if not monitor.startswith("test"):
        return []
    evidence = f"The epoch was chosen by {monitor}, so that no test set is left."
    remedy = "Choose the epoch by a validation score."
    return [Finding("epoch selection", _severity(audit_input, "epoch selection"), "L1.1", evidence, remedy)]


def feature_selection(audit_input: AuditInput) -> list[Finding] | None:
    """Whether labels outside the training part chose the features; None where that is not known."""
    chosen_on = audit_input.facts.features_chosen_on
    if chosen_on is None:
        return None
    if "test" not in chosen_on:
        return []
    evidence = f"The features were chosen by labels of {', '.join(chosen_on)}."
    return [Finding("feature selection", "error", "L1.3", evidence, "Choose features by the training part alone.")]


def _severity(audit_input: AuditInput, check: str) -> Severity:
    """A leak that the run itself declares is measured, marked with a leakage warning and warned of; one that it does not is an error."""
    return "warning" if check in audit_input.facts.by_design else "error"


def _fits(audit_input: AuditInput, chosen: NDArray[np.bool_]) -> bool:
    """Whether the run's normalisation is that of the chosen slices' steps."""
    values, step_index = step_table(audit_input.features, audit_input.slices)
    quantiles = audit_input.facts.quantiles
    by_quantiles = quantiles is not None and len(quantiles) > 0
    own = Standardisation.fitted(values[np.unique(step_index[chosen])], "quantile" if by_quantiles else "standard")
    mean, scale = np.asarray(audit_input.facts.mean), np.asarray(audit_input.facts.scale)
    fits = (np.abs(mean - own.mean) <= SAME * own.scale).all() and (np.abs(scale / own.scale - 1) <= SAME).all()
    if by_quantiles:
        fits = fits and (np.abs(np.asarray(quantiles) - own.quantiles) <= SAME * own.scale).all()
    return bool(fits)
