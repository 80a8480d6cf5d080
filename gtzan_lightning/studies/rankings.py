"""Published rankings ("this model beats the others") and variants of a model, as differences paired by split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gtzan_lightning.evaluation.significance import Interval, paired_drop
from gtzan_lightning.report.tables import TextTable
from gtzan_lightning.runs.browser import model_name
from gtzan_lightning.runs.run_folder import Card
from gtzan_lightning.studies.study import Study, StudyResult, accuracies_by_seed, by_configuration, mean_sizes


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
        groups.setdefault(key, {}).setdefault(model_name(card), []).append(card)
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
    return f"{lead.mean:+.3f}\n({_bounds(lead.interval)})\n{lead.seeds} splits"


@dataclass(frozen=True)
class Variant:
    """Runs with other values of some keys than the baseline, over the split seeds that both have."""

    configuration: str  # the other overrides that vary, such as the model
    changes: str  # the values of the keys
    score: str
    baseline: float  # mean score of the baseline
    difference: float | None  # mean gain over the baseline; None without a common seed
    interval: Interval
    seeds: int

    @property
    def verdict(self) -> str:
        """What the interval says of the change."""
        low, high = self.interval
        if self.difference is None:
            return "not measured"
        return "better" if low > 0 else "worse" if high < 0 else "no difference shown"


class PairedVariants(Study):
    """Compares settings with a baseline, paired by split seed.

    `study.baseline` holds the keys that vary, with the values of the baseline, as on the command line; `study.genres`
    are genres whose mean recall is compared as well.
    """

    name = "variants"
    settings = ("question", "baseline")

    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:  # noqa: ARG002
        """One row for each setting and score."""
        columns = ("model", "change", "score", "baseline", "difference (95 %)", "splits", "change is")
        rows = [
            [
                each.configuration,
                each.changes,
                each.score,
                f"{each.baseline:.3f}",
                "-" if each.difference is None else f"{each.difference:+.3f} ({_bounds(each.interval)})",
                str(each.seeds),
                each.verdict,
            ]
            for each in compare_variants(done)
        ]
        note = "Paired by split seed, 95 % intervals of Nadeau & Bengio (2003), not corrected for the number of rows."
        title = f"{done[0]['study']['question']}: differences in test score"
        return StudyResult([TextTable(title, columns, rows, (note,), text_columns=3)])


def compare_variants(cards: Sequence[Card]) -> list[Variant]:
    """The settings of finished runs against the baseline, for each value of the other keys that vary."""
    study = cards[0]["study"]
    baseline = {key: str(value).lower() for key, value in study["baseline"].items()}
    found = []
    for configuration, own in by_configuration(cards, tuple(baseline)).items():
        arms: dict[tuple[str, ...], list[Card]] = {}
        for card in own:
            given = _given(card)
            arms.setdefault(tuple(given.get(key, value) for key, value in baseline.items()), []).append(card)
        reference = arms.pop(tuple(baseline.values()), [])
        for values, runs in arms.items():
            changed = [(key, value) for key, value in zip(baseline, values, strict=True) if value != baseline[key]]
            changes = " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in changed)
            found += _variants(
                configuration or model_name(runs[0]), changes, runs, reference, study.get("genres") or ()
            )
    return found


def _variants(
    configuration: str, changes: str, runs: Sequence[Card], reference: Sequence[Card], genres: Sequence[str]
) -> list[Variant]:
    """Clip accuracy, and the mean recall of some genres, of runs against those of the baseline."""
    scores = {"accuracy": (accuracies_by_seed(runs, "clip"), accuracies_by_seed(reference, "clip"))}
    if genres:
        scores[f"recall of {', '.join(genres)}"] = (_recall_by_seed(runs, genres), _recall_by_seed(reference, genres))
    found = []
    for score, (changed, before) in scores.items():
        mean, interval = paired_drop(changed, before, *mean_sizes(runs))
        level = float(np.mean(list(before.values()))) if before else float("nan")
        found.append(Variant(configuration, changes, score, level, mean, interval, len(set(changed) & set(before))))
    return found


def _recall_by_seed(cards: Sequence[Card], genres: Sequence[str]) -> dict[int, float]:
    """Mean recall of some genres at clip level by split seed; the mean where several training seeds share a split."""
    by_seed: dict[int, list[float]] = {}
    for card in cards:
        recalls = [card["genres"]["clip"][genre]["recall"] for genre in genres]
        by_seed.setdefault(card["split"]["seed"], []).append(float(np.mean(recalls)))
    return {seed: float(np.mean(values)) for seed, values in by_seed.items()}


def _given(card: Card) -> Mapping[str, str]:
    """The overrides of a run by key."""
    words = (word.partition("=") for word in card.get("overrides", []))
    return {key.lstrip("+"): value.lower() for key, _, value in words}


def _bounds(interval: Interval) -> str:
    low, high = interval
    return f"{low:+.3f} to {high:+.3f}"
