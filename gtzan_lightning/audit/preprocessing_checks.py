"""Checks of what a run fitted or selected: normalisation, best epoch and features, and their pretraining."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.findings import AuditInput, Finding, Severity
from gtzan_lightning.corpus.feature_table import STATS_COLUMNS
from gtzan_lightning.datamodule.assignment import EXCLUDED
from gtzan_lightning.datamodule.scaling import Standardisation, used_steps
from gtzan_lightning.datamodule.slices import step_table
from gtzan_lightning.features.kinds import pretraining

ROUNDED = 5e-3  # values in a table are rounded, and a few rows can be missing
SAME = 1e-4  # tolerance in standard deviations, for single precision and the order of summation


def normalisation(audit_input: AuditInput) -> list[Finding] | None:
    """Whether the normalisation was fitted on the training part; None where it is not known.

    Mean and scale (and the quantiles of quantile scaling) are computed again from the training part and, if they
    differ, from all parts.
    """
    if audit_input.facts.mean is None or audit_input.facts.scale is None:
        return None
    parts = audit_input.parts
    if _is_fitted_on(audit_input, parts == "train"):
        return []
    on_all = any(_is_fitted_on(audit_input, chosen) for chosen in (parts != EXCLUDED, np.ones(len(parts), bool)))
    evidence = (
        "Mean and scale are those of training, validation and test part together."
        if on_all
        else "Mean and scale are not those of the training part."
    )
    remedy = "Fit the normalisation on the training part alone."
    return [Finding("normalisation", _severity(audit_input, "normalisation"), "L1.2", evidence, remedy)]


def scaling_beforehand(audit_input: AuditInput) -> list[Finding] | None:
    """Whether the columns of a table were scaled over all its rows before they were read.

    Features from audio, and tables in the units of the published ones, were not. Other tables can have been scaled in a
    way that leaves no trace, or on the training part alone: None, unless each column has minimum 0 and maximum 1, or
    mean 0 and standard deviation 1, over the rows of all parts.
    """
    if audit_input.corpus.source == "audio":
        return []
    varying = [column for column in audit_input.features.values.T if np.ptp(column) > 0]
    moments = [(column.min(), column.max(), column.mean(dtype=np.float64), column.std(dtype=np.float64))
               for column in varying]  # fmt: skip
    low, high, mean, deviation = np.array(moments, np.float64).reshape(-1, 4).T
    how = None
    if len(varying) > 1 and (np.abs(low) <= ROUNDED).all() and (np.abs(high - 1) <= ROUNDED).all():
        how = "minimum 0 and maximum 1"
    elif len(varying) > 1 and (np.abs(mean) <= ROUNDED).all() and (np.abs(deviation - 1) <= ROUNDED).all():
        how = "mean 0 and standard deviation 1"
    if how is None:
        return [] if set(audit_input.features.columns) <= set(STATS_COLUMNS) else None
    evidence = f"Each of {len(varying)} columns has {how} over all rows: the table was scaled before it was split."
    remedy = "Use the table in its original units; the normalisation is then fitted on the training part."
    return [Finding("scaling beforehand", "warning", "L1.2", evidence, remedy)]


def epoch_selection(audit_input: AuditInput) -> list[Finding] | None:
    """Whether the best epoch was selected by the test score; None where the criterion is not known."""
    monitor = audit_input.facts.monitor
    if monitor is None:
        return None
    if not monitor.startswith("test"):
        return []
    evidence = f"The best epoch was selected by {monitor}, so that no independent test set is left."
    remedy = "Select the epoch by a validation score."
    return [Finding("epoch selection", _severity(audit_input, "epoch selection"), "L1.1", evidence, remedy)]


def feature_selection(audit_input: AuditInput) -> list[Finding] | None:
    """Whether labels of the test part selected the features; None where that is not known."""
    chosen_on = audit_input.facts.features_chosen_on
    if chosen_on is None:
        return None
    if "test" not in chosen_on:
        return []
    evidence = f"The features were selected by labels of {', '.join(chosen_on)}."
    return [Finding("feature selection", "error", "L1.3", evidence, "Select features on the training part alone.")]


def pretraining_overlap(audit_input: AuditInput) -> list[Finding] | None:
    """The training data of a pretrained network behind the features; None where there is no network."""
    source = pretraining(audit_input.features.name)
    if source is None:
        return None
    evidence = (
        f"Pretraining overlap: {source['overlap']}. The features are activations of {source['network']}, trained on "
        f"{source['trained_on']}; whether recordings of this corpus are among its training data is not known."
    )
    return [Finding("pretraining overlap", "note", None, evidence, "State this with the score.")]


def _severity(audit_input: AuditInput, check: str) -> Severity:
    """A leak that the run declares is a warning (it also has a leakage warning on its card), any other an error."""
    return "warning" if check in audit_input.facts.by_design else "error"


def _is_fitted_on(audit_input: AuditInput, chosen: NDArray[np.bool_]) -> bool:
    """Whether the run's normalisation equals that of the steps of the chosen slices, a mask `(slices,)`."""
    facts = audit_input.facts
    values, step_index = step_table(audit_input.features, audit_input.slices)
    by_quantiles = facts.quantiles is not None and len(facts.quantiles) > 0
    used = used_steps(step_index, chosen, len(values))
    own = Standardisation.fitted(values, "quantile" if by_quantiles else "standard", used)
    mean, scale = np.asarray(facts.mean), np.asarray(facts.scale)
    fits = (np.abs(mean - own.mean) <= SAME * own.scale).all() and (np.abs(scale / own.scale - 1) <= SAME).all()
    if by_quantiles:
        fits = fits and (np.abs(np.asarray(facts.quantiles) - own.quantiles) <= SAME * own.scale).all()
    return bool(fits)
