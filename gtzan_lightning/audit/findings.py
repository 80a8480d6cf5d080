"""What the checks of the leakage audit receive and return: examples in parts, settings of a run, and findings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import EXCLUDED, PARTS
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.datamodule.split_rules import NAMES, rule_named
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_request import Features

Severity = Literal["error", "warning", "note"]
"""`error`: the split breaks its own rule; `warning`: it keeps it, but the score is optimistic; `note`: no effect."""

LEAKAGE_TYPES = {
    "L1.1": "no test set",
    "L1.2": "pre-processing on training and test set",
    "L1.3": "feature selection on training and test set",
    "L1.4": "duplicates",
    "L2": "illegitimate features",
    "L3.1": "temporal leakage",
    "L3.2": "non-independence between training and test samples",
    "L3.3": "sampling bias in the test distribution",
}
"""S. Kapoor and A. Narayanan, "Leakage and the reproducibility crisis in machine-learning-based science" (2023)."""

SHOWN = 5  # names listed in a message; the others are counted


@dataclass(frozen=True)
class Finding:
    """One result of a check."""

    check: str
    severity: Severity
    leakage_type: str | None  # a key of LEAKAGE_TYPES; None where nothing leaks
    evidence: str  # counts, and the first tracks by name
    remedy: str
    concerned: tuple[str, ...] = ()  # every group, track or pair that it concerns; the info sheet lists them

    def card(self) -> dict[str, Any]:
        """The entry of the run card, without the list of what is concerned."""
        return {key: value for key, value in vars(self).items() if key != "concerned"}


@dataclass(frozen=True)
class Audit:
    """The outcome of an audit."""

    checked: tuple[str, ...]  # checks that were made; those without the data they need are left out
    findings: tuple[Finding, ...]  # sorted by severity
    not_checkable: tuple[str, ...] = ()  # checks that lack the data they need

    @property
    def errors(self) -> list[Finding]:
        """Findings of severity `error`."""
        return [finding for finding in self.findings if finding.severity == "error"]

    def card(self) -> dict[str, Any]:
        """The run card's entry `audit`, as plain values."""
        return {
            "checked": list(self.checked),
            "not_checkable": list(self.not_checkable),
            "findings": [finding.card() for finding in self.findings],
        }

    def extended(self, check: str, findings: Iterable[Finding]) -> Audit:
        """The audit with one more check and its findings."""
        return replace(self, checked=(*self.checked, check), findings=by_severity([*self.findings, *findings]))

    def refuse_errors(self) -> None:
        """Raises an exception if the split breaks its own rule.

        Raises:
            GtzanError: There are errors; the message has the evidence and the remedy of each.
        """
        if self.errors:
            message = [f"{finding.evidence}\n{finding.remedy}" for finding in self.errors]
            raise GtzanError("\n".join(["The audit refuses this split:", *message]))


def by_severity(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then notes; otherwise in the given order."""
    return tuple(sorted(findings, key=lambda finding: get_args(Severity).index(finding.severity)))


def few(names: Sequence[str]) -> str:
    """The first `SHOWN` names, and the number of the others."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun in the singular or plural: `1 pair`, `3 pairs`."""
    return f"{number} {one if number == 1 else many}"


PROMISES = {name: rule_named(name).KEEPS for name in NAMES}
"""The groups (track, recording, artist) that each split rule keeps in one part."""


@dataclass(frozen=True)
class RunFacts:
    """Settings and fitted values of a run; None where they are not known."""

    mean: NDArray[np.floating] | None = None  # (features,), subtracted from every step
    scale: NDArray[np.floating] | None = None  # (features,), divisor of every step
    quantiles: NDArray[np.floating] | None = None  # (quantiles, features) of quantile scaling; empty for standard
    monitor: str | None = None  # metric that selects the best epoch, such as "val/loss"
    features_chosen_on: tuple[str, ...] | None = None  # parts whose labels selected the features; () for none
    by_design: frozenset[str] = frozenset()  # checks that the run fails on purpose, to measure the effect of the leak


@dataclass(frozen=True)
class AuditInput:
    """The argument of every check."""

    corpus: Corpus
    features: Features
    slices: SliceTable
    parts: NDArray[np.str_]  # (slices,), "train", "val", "test" or "" for none
    rule: str  # a key of PROMISES
    facts: RunFacts = field(default_factory=RunFacts)

    def promises(self, group: str) -> bool:
        """Whether the rule keeps each `track`, `recording` or `artist` in one part."""
        return group in PROMISES[self.rule]

    def part_of_track(self) -> dict[int, str]:
        """The part of each track in use; `test` precedes `val` and `train` for a track with several parts."""
        return {int(track): part for part in PARTS for track in np.unique(self.slices.track_index[self.parts == part])}

    def used_tracks(self) -> NDArray[np.int32]:
        """Sorted positions of the tracks with a slice in some part."""
        return np.unique(self.slices.track_index[self.parts != EXCLUDED])

    def track_ids(self, positions: NDArray[np.integer]) -> list[str]:
        """Names of the tracks at these positions."""
        return [self.corpus.tracks[position].track_id for position in positions]
