"""Protocol ablation: one deviation from a sound protocol at a time, paired with the same split and seed without any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gtzan_lightning.evaluation.significance import Interval, over_seeds, paired_drop
from gtzan_lightning.report.tables import TextTable
from gtzan_lightning.runs.browser import model_name
from gtzan_lightning.runs.run_folder import Card
from gtzan_lightning.studies.study import Study, StudyResult, accuracies_by_seed, mean_sizes

GROUP = "ablation"  # the config group that a job's command line names
NONE = "none"  # its member that all others are compared with
MEANINGS = {
    NONE: "accuracy without any of these",
    "scaling": "normalisation fitted on all data",
    "epoch": "model selection on the test set instead of validation",
    "overlap": "slices that overlap by half",
    "tuned": "regularisation selected on validation instead of none",
}


@dataclass(frozen=True)
class Ablation:
    """One model under one split with one member of `ablation`."""

    model: str
    split: str
    name: str  # the member
    accuracies: dict[int, float]  # by split seed
    interval: Interval  # of the mean
    change: float | None = None  # mean gain over `none`, paired by seed; None for `none` and without a common seed
    change_interval: Interval | None = None

    @property
    def mean(self) -> float:
        """Mean accuracy over the seeds."""
        return float(np.mean(list(self.accuracies.values())))


class ProtocolAblation(Study):
    """Effect of each deviation from the protocol other than the split, at both levels."""

    name = "ablation"
    compares = ("ablation", "split", "split.name", "model")

    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:  # noqa: ARG002
        """One table for each level and model, with a column for each split."""
        tables = []
        for level in ("window", "clip"):
            found = ablations(done, level)
            for model in dict.fromkeys(each.model for each in found):
                own = [each for each in found if each.model == model]
                splits = list(dict.fromkeys(each.split for each in own))
                cells = {(each.name, each.split): _cell(each) for each in own}
                rows = [
                    [MEANINGS.get(name, name), *(cells.get((name, split), "") for split in splits)]
                    for name in dict.fromkeys(each.name for each in own)
                ]
                seeds = max(len(each.accuracies) for each in own)
                title = f"Protocol ablation of {model}: {level} level, mean of {seeds} split seeds"
                tables.append(TextTable(title, (f"change in {level} accuracy (95 %)", *splits), rows))
        return StudyResult(tables)


def ablations(cards: Sequence[Card], level: str = "window") -> list[Ablation]:
    """Finished runs by model, split and ablation; `none` first, then in the order of the cards.

    Intervals are those of Nadeau & Bengio (2003), over split seeds.

    Args:
        cards: run cards whose overrides name a member of `ablation`; others are passed over.
        level: `window`, `clip` or `clip_vote`.
    """
    groups: dict[tuple[str, str], dict[str, list[Card]]] = {}
    for card in cards:
        name = ablation_of(card)
        if name is not None and card.get("status") == "done":
            of_split = groups.setdefault((model_name(card), card["split"]["name"]), {})
            of_split.setdefault(name, []).append(card)
    return [
        _ablation(model, split, name, by_name, level)
        for (model, split), by_name in groups.items()
        for name in sorted(by_name, key=lambda name: name != NONE)
    ]


def ablation_of(card: Card) -> str | None:
    """The member of `ablation` on the job's command line."""
    words = (word.partition("=") for word in card.get("overrides", []))
    return next((value for key, _, value in words if key.lstrip("+") == GROUP), None)


def _ablation(model: str, split: str, name: str, by_name: dict[str, list[Card]], level: str) -> Ablation:
    accuracies = accuracies_by_seed(by_name[name], level)
    sizes = mean_sizes(by_name[name])
    interval = over_seeds(list(accuracies.values()), *sizes, (0.0, 1.0))
    if name == NONE:
        return Ablation(model, split, name, accuracies, interval)
    baseline = accuracies_by_seed(by_name.get(NONE, []), level)
    return Ablation(model, split, name, accuracies, interval, *paired_drop(accuracies, baseline, *sizes))


def _cell(ablation: Ablation) -> str:
    """The accuracy without any change, else the change; empty if there is no common seed."""
    if ablation.name == NONE:
        low, high = ablation.interval
        return f"{ablation.mean:.3f} ({low:.3f}-{high:.3f})"
    if ablation.change is None or ablation.change_interval is None:
        return ""
    low, high = ablation.change_interval
    return f"{ablation.change:+.3f} ({low:+.3f} to {high:+.3f})"
