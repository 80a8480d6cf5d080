"""Claimed rankings put to the test: "this model beats the others", as paired leads over split seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.evaluation.significance import Interval, paired_price
from gtzan_lightning.runs.run_folder import Card


@dataclass(frozen=True)
class Lead:
    """How far the claimed winner is ahead of another model under one split, over the split seeds that both have."""

    study: str
    level: str
    features: str
    split: str
    winner: str
    other: str
    mean: float | None  # of the winner's accuracy minus the other's; None without a common seed
    interval: Interval
    seeds: int

    @property
    def verdict(self) -> str:
        """What the interval says of "the winner is better"."""
        low, high = self.interval
        if self.mean is None:
            return "not measured"
        return "shown" if low > 0 else "contradicted" if high < 0 else "not shown"


def check_rankings(cards: Sequence[Card]) -> list[Lead]:
    """The leads of the claimed winner of each study, by features and split; cards without such a claim are passed over.

    The intervals are those of Nadeau & Bengio (2003), not corrected for their number.
    """
    groups: dict[tuple[str, str, str, str, str], dict[str, list[Card]]] = {}
    for card in cards:
        claim = card["claim"]
        if claim.get("winner"):
            key = (claim["study"], claim["level"], claim["winner"], card["features"]["name"], card["split"]["name"])
            groups.setdefault(key, {}).setdefault(card["model"]["name"], []).append(card)
    return [
        _lead(key, other, by_model)
        for key, by_model in groups.items()
        for other in by_model
        if other != key[2]  # the winner itself
    ]


def print_rankings(leads: Sequence[Lead], console: Console | None = None) -> None:
    """One row a lead."""
    console = console or Console()
    table = Table(title="Claimed rankings, test accuracy", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("claim", overflow="fold")
    for name in ("split", "lead (95 %)", "claim is"):
        table.add_column(name, justify="right", no_wrap=True)
    for lead in leads:
        table.add_row(escape(f"{lead.study}: {_sentence(lead)}"), lead.split, _cell(lead), lead.verdict)
    console.print(table)


def rankings_markdown(leads: Sequence[Lead]) -> str:
    """The same table for a document."""
    lines = ["| study | claim | split | lead (95 %) | claim is |", "|---|---|---|---|---|"]
    lines += [f"| {lead.study} | {_sentence(lead)} | {lead.split} | {_cell(lead)} | {lead.verdict} |" for lead in leads]
    return "\n".join([*lines, ""])


def _lead(key: tuple[str, str, str, str, str], other: str, by_model: dict[str, list[Card]]) -> Lead:
    study, level, winner, features, split = key
    first, second = (_accuracies(by_model.get(model, []), level) for model in (winner, other))
    sizes = by_model[other][0]["split"]["slices"]
    mean, interval = paired_price(first, second, sizes["train"], sizes["test"])
    return Lead(study, level, features, split, winner, other, mean, interval, len(set(first) & set(second)))


def _accuracies(cards: Sequence[Card], level: str) -> dict[int, float]:
    return {card["split"]["seed"]: card["metrics"]["test"][level]["accuracy"] for card in cards}


def _sentence(lead: Lead) -> str:
    return f"{lead.winner} beats {lead.other} on {lead.features}, {lead.level} level"


def _cell(lead: Lead) -> str:
    if lead.mean is None:
        return "-"
    low, high = lead.interval
    return f"{lead.mean:+.3f} ({low:+.3f} to {high:+.3f}), {lead.seeds} splits"
