"""The leakage audit: runs every check on one `AuditInput`."""

from __future__ import annotations

from collections.abc import Callable

from gtzan_lightning.audit.findings import Audit, AuditInput, Finding, by_severity
from gtzan_lightning.audit.group_checks import (
    copies,
    overlapping_slices,
    shared_artists,
    shared_recordings,
    shared_tracks,
)
from gtzan_lightning.audit.part_checks import columns, missing_classes, missing_parts, sort_order
from gtzan_lightning.audit.preprocessing_checks import (
    epoch_selection,
    feature_selection,
    normalisation,
    pretraining_overlap,
    scaling_beforehand,
)

CHECKS: dict[str, Callable[[AuditInput], list[Finding] | None]] = {
    "missing parts": missing_parts,
    "missing classes": missing_classes,
    "tracks in several parts": shared_tracks,
    "recordings in several parts": shared_recordings,
    "artists in several parts": shared_artists,
    "overlapping slices": overlapping_slices,
    "copies": copies,
    "columns": columns,
    "sort order": sort_order,
    "normalisation": normalisation,
    "scaling beforehand": scaling_beforehand,
    "epoch selection": epoch_selection,
    "feature selection": feature_selection,
    "pretraining overlap": pretraining_overlap,
}
"""Each check returns its findings, or None where the input lacks the data it needs."""

OPTIONAL = ("pretraining overlap",)  # without a pretrained network there is nothing to check


def audit(audit_input: AuditInput) -> Audit:
    """Runs every check; takes a fraction of a second on the published 3-s table."""
    outcomes = {name: check(audit_input) for name, check in CHECKS.items()}
    made = {name: found for name, found in outcomes.items() if found is not None}
    found = by_severity(finding for findings in made.values() for finding in findings)
    return Audit(tuple(made), found, tuple(name for name in outcomes if name not in {*made, *OPTIONAL}))
