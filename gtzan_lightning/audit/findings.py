"""What an audit found: which check, how bad, on what evidence, and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from gtzan_lightning.errors import GtzanError

Severity = Literal["error", "warning", "note"]
"""`error`: the score is not what the split promises; `warning`: it is, but flatters; `note`: worth knowing."""

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

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
SHOWN = 5  # names in a sentence; the rest is counted


@dataclass(frozen=True)
class Finding:
    """One thing that a check found."""

    check: str  # what was looked for, in words
    severity: Severity
    leakage_type: str | None  # a key of LEAKAGE_TYPES; None where nothing leaks
    evidence: str  # what was seen: a few tracks by name, the rest counted
    remedy: str  # what to do next


@dataclass(frozen=True)
class Audit:
    """The outcome of an audit."""

    checked: tuple[str, ...]  # checks that could be made; one that lacks its facts is not among them
    findings: tuple[Finding, ...]  # the worst first

    @property
    def errors(self) -> list[Finding]:
        """What must not be."""
        return [finding for finding in self.findings if finding.severity == "error"]

    def card(self) -> dict[str, Any]:
        """The run card's `audit`, as plain values."""
        return {"checked": list(self.checked), "findings": [vars(finding).copy() for finding in self.findings]}

    def refuse_errors(self) -> None:
        """Stops a run whose split breaks its own promise.

        Raises:
            GtzanError: every error, with its evidence and remedy.
        """
        if self.errors:
            message = [f"{finding.evidence}\n{finding.remedy}" for finding in self.errors]
            raise GtzanError("\n".join(["The audit refuses this split:", *message]))


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Errors, then warnings, then notes; otherwise in the given order."""
    return tuple(sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)))


def few(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def counted(number: int, one: str, many: str) -> str:
    """`1 pair of tracks has`, `3 pairs of tracks have`."""
    return f"{number} {one if number == 1 else many}"
