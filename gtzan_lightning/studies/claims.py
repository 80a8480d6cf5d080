"""Published scores put to the test: claimed, measured under each split, and the verdict that the intervals give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from scipy.stats import t

from gtzan_lightning.runs.run_folder import Card

SPLITS = ("leaky", "grouped")
COVERAGE = 0.95


@dataclass(frozen=True)
class Measured:
    """The scores of one protocol over split seeds."""

    mean: float
    low: float  # of the prediction interval: where one more run would fall, 95 times in 100
    high: float
    runs: int
    n: int  # test rows of a run

    def holds(self, accuracy: float) -> bool:
        """Whether a published score could be one more run of this protocol."""
        return self.low <= accuracy <= self.high


@dataclass(frozen=True)
class ClaimCheck:
    """One published row, and what was measured for it."""

    study: str
    level: str
    claimed: float
    measured: dict[str, Measured]  # by split

    @property
    def verdict(self) -> str:
        """What the claim is consistent with; computed from the intervals alone."""
        if set(self.measured) != set(SPLITS):
            return "not measured"
        leaky, grouped = (self.measured[split].holds(self.claimed) for split in SPLITS)
        return {(True, True): "both", (True, False): "leaky only", (False, True): "grouped only"}.get(
            (leaky, grouped), "neither"
        )


def check_claims(cards: Sequence[Card]) -> list[ClaimCheck]:
    """Groups finished runs by the claim that they were made for.

    Raises:
        KeyError: a card without a claim; pass only those that have one.
    """
    groups: dict[tuple[str, str, float], dict[str, list[Card]]] = {}
    for card in cards:
        claim = card["claim"]
        if claim.get("accuracy") is None:  # a ranking
            continue
        splits = groups.setdefault((claim["study"], claim["level"], claim["accuracy"]), {})
        splits.setdefault(card["split"]["name"], []).append(card)
    return [
        ClaimCheck(study, level, accuracy, {split: _measured(runs, level) for split, runs in splits.items()})
        for (study, level, accuracy), splits in groups.items()
    ]


def prediction_interval(values: Sequence[float]) -> tuple[float, float]:
    """Where the next of such values falls with 95 % probability, if they are normal; [0, 1] for fewer than two.

    mean ± t(n - 1) s sqrt(1 + 1 / n), as in any textbook (e.g. Geisser 1993, Predictive Inference).
    """
    n = len(values)
    if n < 2:
        return 0.0, 1.0
    half = float(t.ppf((1 + COVERAGE) / 2, n - 1) * np.std(values, ddof=1) * np.sqrt(1 + 1 / n))
    mean = float(np.mean(values))
    return max(0.0, mean - half), min(1.0, mean + half)


def print_claims(checks: Sequence[ClaimCheck], console: Console | None = None) -> None:
    """One row a published score."""
    console = console or Console()
    table = Table(title="Claimed and measured test accuracy", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("study", overflow="fold")
    for name in ("claimed", *SPLITS, "consistent with"):
        table.add_column(name, justify="right", no_wrap=True)
    for check in checks:
        cells = (_cell(check.measured.get(split), "\n") for split in SPLITS)
        table.add_row(escape(check.study), f"{check.claimed:.2f}\n{check.level}", *cells, check.verdict)
    console.print(table)
    console.print(EXPLANATION, highlight=False)


def claims_markdown(checks: Sequence[ClaimCheck]) -> str:
    """The same table for a document."""
    lines = ["| study | level | claimed | leaky | grouped | consistent with |", "|---|---|---|---|---|---|"]
    for check in checks:
        cells = " | ".join(_cell(check.measured.get(split)) for split in SPLITS)
        lines.append(f"| {check.study} | {check.level} | {check.claimed:.2f} | {cells} | {check.verdict} |")
    return "\n".join([*lines, "", EXPLANATION, ""])


EXPLANATION = (
    "Mean over split seeds, and in brackets where one more run of the protocol would fall with 95 % probability. "
    "A claim inside is consistent with that split, and no more than that."
)


def _measured(cards: Sequence[Card], level: str) -> Measured:
    values = [card["metrics"]["test"][level]["accuracy"] for card in cards]
    low, high = prediction_interval(values)
    return Measured(float(np.mean(values)), low, high, len(values), cards[0]["metrics"]["test"][level]["n"])


def _cell(measured: Measured | None, separator: str = " ") -> str:
    if measured is None:
        return "-"
    interval = f"({measured.low:.3f}-{measured.high:.3f})"
    return separator.join([f"{measured.mean:.3f}", interval, f"{measured.runs} runs, n={measured.n}"])
