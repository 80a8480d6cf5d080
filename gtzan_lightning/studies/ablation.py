"""What other liberties than the split are worth: one model under each suspect alone, beside the same without any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.evaluation.significance import Interval, over_seeds, paired_price
from gtzan_lightning.report.console import stamp_lines
from gtzan_lightning.runs.run_folder import Card

GROUP = "suspect"  # the config group that a job's command line names
NONE = "none"  # its member that all others are compared with
MEANINGS = {
    NONE: "none of these",
    "scaling": "normalisation fitted on all parts",
    "epoch": "best test epoch instead of best validation epoch",
    "overlap": "slices that overlap by half",
    "tuned": "regularisation chosen on validation instead of none",
}


@dataclass(frozen=True)
class Suspect:
    """One model under one split with one suspect: a score a seed, and what the suspect adds."""

    model: str
    split: str
    name: str  # a member of the config group `suspect`
    accuracies: dict[int, float]  # by split seed
    interval: Interval  # of the mean
    worth: float | None = None  # mean gain over `none`, paired by seed; None for `none` and without a common seed
    worth_interval: Interval | None = None

    @property
    def mean(self) -> float:
        """Mean accuracy over the seeds."""
        return float(np.mean(list(self.accuracies.values())))


def suspects(cards: Sequence[Card], level: str = "window") -> list[Suspect]:
    """Finished runs by model, split and suspect; `none` first, then in the order of the cards.

    Intervals are those of `report.seeds`, over split seeds.

    Args:
        cards: run cards whose overrides name a member of `suspect`; others are passed over.
        level: `window`, `clip` or `clip_vote`.
    """
    groups: dict[tuple[str, str], dict[str, list[Card]]] = {}
    for card in cards:
        name = named_suspect(card)
        if name is not None and card.get("status") == "done":
            of_split = groups.setdefault((card["model"]["name"], card["split"]["name"]), {})
            of_split.setdefault(name, []).append(card)
    return [
        _suspect(model, split, name, by_name[name], level, base=_accuracies(by_name.get(NONE, []), level))
        for (model, split), by_name in groups.items()
        for name in sorted(by_name, key=lambda name: name != NONE)
    ]


def named_suspect(card: Card) -> str | None:
    """The member of `suspect` on the job's command line."""
    words = (word.partition("=") for word in card.get("overrides", []))
    return next((value for key, _, value in words if key.lstrip("+") == GROUP), None)


def print_suspects(found: Sequence[Suspect], level: str, cards: Sequence[Card], console: Console | None = None) -> None:
    """One table a model and split."""
    console = console or Console()
    for model, split in dict.fromkeys((each.model, each.split) for each in found):
        title = f"What each suspect is worth: {model}, split {split}, test accuracy, {level} level"
        table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("suspect", overflow="fold")
        for name in ("seeds", "accuracy (95 %)", "worth (95 %)"):
            table.add_column(name, justify="right", no_wrap=True)
        for each in found:
            if (each.model, each.split) == (model, split):
                table.add_row(*map(escape, _cells(each)))
        console.print(table)
    for line in stamp_lines(cards, "jobs"):
        console.print(line, highlight=False, soft_wrap=True)


def suspects_markdown(found: Sequence[Suspect], level: str) -> str:
    """The same as one table for a document."""
    lines = [
        f"| model | split | suspect | seeds | {level} accuracy (95 %) | worth (95 %) |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join([each.model, each.split, *_cells(each)])} |" for each in found]
    return "\n".join(lines) + "\n"


def _suspect(model: str, split: str, name: str, cards: Sequence[Card], level: str, base: dict[int, float]) -> Suspect:
    accuracies = _accuracies(cards, level)
    n_train, n_test = (float(np.mean([card["split"]["slices"][part] for card in cards])) for part in ("train", "test"))
    interval = over_seeds(list(accuracies.values()), n_train, n_test, (0.0, 1.0))
    if name == NONE:
        return Suspect(model, split, name, accuracies, interval)
    gain, gain_interval = paired_price(accuracies, base, n_train, n_test)  # the fall to `none` is the suspect's worth
    return Suspect(model, split, name, accuracies, interval, gain, gain_interval)


def _accuracies(cards: Sequence[Card], level: str) -> dict[int, float]:
    return {card["split"]["seed"]: card["metrics"]["test"][level]["accuracy"] for card in cards}


def _cells(suspect: Suspect) -> list[str]:
    low, high = suspect.interval
    cells = [MEANINGS.get(suspect.name, suspect.name), str(len(suspect.accuracies))]
    cells.append(f"{suspect.mean:.3f} ({low:.3f}-{high:.3f})")
    if suspect.worth is None or suspect.worth_interval is None:
        return [*cells, ""]
    low, high = suspect.worth_interval
    return [*cells, f"{suspect.worth:+.3f} ({low:+.3f} to {high:+.3f})"]
