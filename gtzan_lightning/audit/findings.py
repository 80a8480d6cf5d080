"""Findings of a leakage audit: check, severity, leakage type, evidence and remedy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from gtzan_lightning.errors import GtzanError

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


@dataclass(frozen=True)
class Audit:
    """The outcome of an audit."""

    checked: tuple[str, ...]  # checks that were made; those without the data they need are left out
    findings: tuple[Finding, ...]  # sorted by severity

    @property
    def errors(self) -> list[Finding]:
        """Findings of severity `error`."""
        return [finding for finding in self.findings if finding.severity == "error"]

    def card(self) -> dict[str, Any]:
        """The run card's entry `audit`, as plain values."""
        return {"checked": list(self.checked), "findings": [vars(finding).copy() for finding in self.findings]}

    def extended(self, check: str, findings: Iterable[Finding]) -> Audit:
        """The audit with one more check and its findings."""
        return Audit((*self.checked, check), by_severity([*self.findings, *findings]))

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
