"""Published scores: as claimed, as measured under each split, and what they are consistent with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t

from gtzan_lightning.report.tables import TextTable
from gtzan_lightning.runs.run_folder import Card
from gtzan_lightning.studies.study import Study, StudyResult, accuracies_by_seed, by_configuration

SPLITS = ("leaky", "grouped")
COVERAGE = 0.95
EXPLANATION = (
    "Mean over split seeds, training seeds of a split averaged first; "
    "in brackets the 95 % prediction interval of one more run of the protocol. "
    "A claim inside the interval is consistent with that split, and no more than that."
)


@dataclass(frozen=True)
class Measured:
    """The scores of one protocol over split seeds."""

    mean: float
    low: float  # of the 95 % prediction interval
    high: float
    splits: int  # split seeds
    runs: int
    n: int  # test rows of a run

    def holds(self, accuracy: float) -> bool:
        """Whether a published score could be one more run of this protocol."""
        return self.low <= accuracy <= self.high


@dataclass(frozen=True)
class ClaimCheck:
    """One published row, and what was measured for it."""

    claim: str
    configuration: str  # the overrides in which it differs from other rows of the claim
    level: str
    claimed: float
    measured: dict[str, Measured]  # by split

    @property
    def verdict(self) -> str:
        """What the claim is consistent with; computed from the intervals alone."""
        if set(self.measured) != set(SPLITS):
            return "not measured"
        if min(each.splits for each in self.measured.values()) < 2:
            return "needs two split seeds"
        leaky, grouped = (self.measured[split].holds(self.claimed) for split in SPLITS)
        return {(True, True): "both", (True, False): "leaky only", (False, True): "grouped only"}.get(
            (leaky, grouped), "neither"
        )


class PublishedClaims(Study):
    """Compares published accuracies with runs under a leaky and a grouped split."""

    name = "claims"
    settings = ("claim", "level", "accuracy")

    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:  # noqa: ARG002
        """One row a published score."""
        columns = ("claim", "claimed", *SPLITS, "consistent with")
        rows = [
            [
                f"{check.claim}\n{check.configuration}".strip(),
                f"{check.claimed:.2f}\n{check.level}",
                *(_cell(check.measured.get(split)) for split in SPLITS),
                check.verdict,
            ]
            for check in check_claims(done)
        ]
        return StudyResult([TextTable("Claimed and measured test accuracy", columns, rows, (EXPLANATION,))])


def check_claims(cards: Sequence[Card]) -> list[ClaimCheck]:
    """Groups finished runs by the claim that they were made for, and by everything but split and seeds."""
    claims: dict[tuple[str, str, float], list[Card]] = {}
    for card in cards:
        study = card["study"]
        claims.setdefault((study["claim"], study["level"], study["accuracy"]), []).append(card)
    checks = []
    for (claim, level, accuracy), own in claims.items():
        for configuration, alike in by_configuration(own, ("split", "split.name")).items():
            splits: dict[str, list[Card]] = {}
            for card in alike:
                splits.setdefault(card["split"]["name"], []).append(card)
            measured = {split: _measured(runs, level) for split, runs in splits.items()}
            checks.append(ClaimCheck(claim, configuration, level, accuracy, measured))
    return checks


def prediction_interval(values: Sequence[float]) -> tuple[float, float]:
    """The 95 % prediction interval of the next value, for normal values; [0, 1] for fewer than two.

    mean ± t(n - 1) s sqrt(1 + 1 / n), see for example Geisser (1993), Predictive Inference.
    """
    n = len(values)
    if n < 2:
        return 0.0, 1.0
    half = float(t.ppf((1 + COVERAGE) / 2, n - 1) * np.std(values, ddof=1) * np.sqrt(1 + 1 / n))
    mean = float(np.mean(values))
    return max(0.0, mean - half), min(1.0, mean + half)


def _measured(cards: Sequence[Card], level: str) -> Measured:
    values = list(accuracies_by_seed(cards, level).values())
    low, high = prediction_interval(values)
    return Measured(float(np.mean(values)), low, high, len(values), len(cards), cards[0]["metrics"]["test"][level]["n"])


def _cell(measured: Measured | None) -> str:
    if measured is None:
        return "-"
    several = measured.runs != measured.splits
    runs = f"{measured.runs} runs of {measured.splits} splits" if several else f"{measured.runs} runs"
    return f"{measured.mean:.3f}\n({measured.low:.3f}-{measured.high:.3f})\n{runs}, n={measured.n}"
