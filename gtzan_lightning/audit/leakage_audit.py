"""The audit: every check, made on one audit_input."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.audit_input import AuditInput, RunFacts
from gtzan_lightning.audit.findings import Audit, Finding, worst_first
from gtzan_lightning.audit.group_checks import (
    copies,
    overlapping_slices,
    shared_artists,
    shared_recordings,
    shared_tracks,
)
from gtzan_lightning.audit.part_checks import columns, missing_classes, missing_parts, sort_order
from gtzan_lightning.audit.preprocessing_checks import epoch_selection, feature_selection, normalisation
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.features.feature_matrix import Features

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
    "epoch selection": epoch_selection,
    "feature selection": feature_selection,
}
"""Each takes a audit_input, and returns what it found, or None where it lacks the facts to look."""


def audit(audit_input: AuditInput) -> Audit:
    """Makes every check; on the published 3-s table in a fraction of a second."""
    outcomes = {name: check(audit_input) for name, check in CHECKS.items()}
    made = {name: found for name, found in outcomes.items() if found is not None}
    return Audit(tuple(made), worst_first(finding for found in made.values() for finding in found))


def fast_audit(
    corpus: Corpus,
    features: Features,
    slices: SliceTable,
    parts: NDArray[np.str_],
    rule: str,
    facts: RunFacts | None = None,
) -> Audit:
    """What can be known before training.

    Args:
        corpus: the tracks.
        features: their features.
        slices: the examples.
        parts: the part of each slice, `(slices,)`.
        rule: what the split claims to be: leaky, grouped, artist or filtered.
        facts: what is known of the run that follows.
    """
    return audit(AuditInput(corpus, features, slices, parts, rule, facts or RunFacts()))
