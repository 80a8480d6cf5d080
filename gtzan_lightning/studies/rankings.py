"""Published rankings ("this model beats the others"), as paired differences over split seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gtzan_lightning.evaluation.significance import Interval, paired_drop
from gtzan_lightning.report.tables import TextTable
from gtzan_lightning.runs.run_folder import Card
from gtzan_lightning.studies.study import Study, StudyResult, accuracies_by_seed, mean_sizes


@dataclass(frozen=True)
class Lead:
    """Accuracy of the claimed winner minus that of another model, over the split seeds that both have."""

    claim: str
    level: str
    features: str
    split: str
    winner: str
    other: str
    mean: float | None  # None without a common seed
    interval: Interval
    seeds: int

    @property
    def verdict(self) -> str:
        """What the interval says of "the winner is better"."""
        low, high = self.interval
        if self.mean is None:
            return "not measured"
        return "shown" if low > 0 else "contradicted" if high < 0 else "not shown"


class PublishedRankings(Study):
    """Compares the claimed best model of a study with each of its others."""

    name = "rankings"
    compares = ("split", "split.name", "model", "features")
    settings = ("claim", "level", "winner")

    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:  # noqa: ARG002
        """One row for each pair of models."""
        rows = [
            [
                f"{lead.claim}: {lead.winner} beats {lead.other} on {lead.features}, {lead.level} level",
                lead.split,
                _cell(lead),
                lead.verdict,
            ]
            for lead in check_rankings(done)
        ]
        columns = ("claim", "split", "difference (95 %)", "claim is")
        return StudyResult([TextTable("Claimed rankings, test accuracy", columns, rows)])


def check_rankings(cards: Sequence[Card]) -> list[Lead]:
    """The leads of the claimed winner of each study, by features and split.

    Intervals are those of Nadeau & Bengio (2003), not corrected for the number of pairs.
    """
    groups: dict[tuple[str, str, str, str, str], dict[str, list[Card]]] = {}
    for card in cards:
        study = card["study"]
        key = (study["claim"], study["level"], study["winner"], card["features"]["name"], card["split"]["name"])
        groups.setdefault(key, {}).setdefault(card["model"]["name"], []).append(card)
    return [
        _lead(key, other, by_model)
        for key, by_model in groups.items()
        for other in by_model
        if other != key[2]  # the winner itself
    ]


def _lead(key: tuple[str, str, str, str, str], other: str, by_model: dict[str, list[Card]]) -> Lead:
    claim, level, winner, features, split = key
    first, second = (accuracies_by_seed(by_model.get(model, []), level) for model in (winner, other))
    mean, interval = paired_drop(first, second, *mean_sizes(by_model[other]))
    return Lead(claim, level, features, split, winner, other, mean, interval, len(set(first) & set(second)))


def _cell(lead: Lead) -> str:
    if lead.mean is None:
        return "-"
    low, high = lead.interval
    return f"{lead.mean:+.3f}\n({low:+.3f} to {high:+.3f})\n{lead.seeds} splits"
