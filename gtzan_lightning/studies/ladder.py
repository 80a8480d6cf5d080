"""The ladder as a waterfall: where the score of a leaky split goes.

MERGED: The ladder: the same model under stricter and stricter splits, and what each step costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.evaluation.significance import independent_price, over_seeds, paired_price
from gtzan_lightning.runs.run_folder import Card

RUNGS = ("leaky", "grouped", "artist", "filtered")
FIXED = "filtered"  # the rung whose test part no seed changes


@dataclass(frozen=True)
class Rung:
    """One model under one split: a score a seed, and the price of the step from the rung above."""

    model: str
    split: str
    control: bool  # trained on as many tracks as the smallest rung
    accuracies: dict[int, float]  # by split seed
    n_train: float  # mean number of training slices
    n_test: float  # mean number of test slices
    interval: tuple[float, float]  # of the mean
    price: float | None = None  # mean fall from the rung above; None on the first rung
    price_interval: tuple[float, float] | None = None

    @property
    def mean(self) -> float:
        """Mean accuracy over the seeds."""
        return float(np.mean(list(self.accuracies.values())))


def ladder(cards: Sequence[Card], level: str = "window") -> list[Rung]:
    """The rungs of finished runs, model by model, with and without control, from leaky to filtered.

    Intervals are those of a t distribution over split seeds with the correction of Nadeau & Bengio (2003) for
    training parts that overlap; they need at least two seeds, and are [0, 1] (or [-1, 1] for a price) with one.
    Prices are paired by seed. The filtered rung has one fixed test part, and the runs' own interval over artists.

    Args:
        cards: run cards with status "done"; others are passed over.
        level: `window`, `clip` or `clip_vote`.
    """
    groups: dict[tuple[str, bool, str], list[Card]] = {}
    for card in cards:
        if card.get("status") == "done" and card["split"]["name"] in RUNGS:
            key = (card["model"]["name"], card["split"].get("train_tracks") is not None, card["split"]["name"])
            groups.setdefault(key, []).append(card)
    rungs = []
    for model, control in dict.fromkeys((model, control) for model, control, _ in groups):
        above: Rung | None = None
        for split in (split for split in RUNGS if (model, control, split) in groups):
            above = _rung(groups[model, control, split], model, split, control, level, above)
            rungs.append(above)
    return rungs


def rankings(rungs: Sequence[Rung], *, control: bool = False) -> dict[str, list[str]]:
    """The models of each rung, best first: whether the ranking survives the ladder."""
    found: dict[str, list[Rung]] = {}
    for rung in rungs:
        if rung.control == control:
            found.setdefault(rung.split, []).append(rung)
    return {
        split: [rung.model for rung in sorted(group, key=lambda rung: -rung.mean)] for split, group in found.items()
    }


def omitted(cards: Sequence[Card]) -> list[str]:
    """Why a rung is missing: the reason of each kind of job that failed, once."""
    reasons = {}
    for card in cards:
        if card.get("status") not in ("done", None):
            split = next((word for word in card.get("overrides", []) if word.startswith("split=")), "a job")
            reasons[split] = str(card.get("error") or card.get("status")).partition("\n")[0]
    return [f"{split}: {reason}" for split, reason in reasons.items()]


def print_ladder(
    rungs: Sequence[Rung], level: str, omitted: Sequence[str] = (), console: Console | None = None
) -> None:
    """One row a rung, and the ranking of several models on each."""
    console = console or Console()
    for model in dict.fromkeys(rung.model for rung in rungs):
        console.print(_table_of([rung for rung in rungs if rung.model == model], level))
    for line in ranking_lines(rungs):
        console.print(line, highlight=False, soft_wrap=True)
    console.print(EXPLANATION, highlight=False)
    for line in omitted:
        console.print(f"Omitted: {escape(line)}", highlight=False)


def ladder_markdown(rungs: Sequence[Rung], level: str) -> str:
    """The same as one table for a document."""
    lines = [
        f"| model | split | training slices | seeds | {level} accuracy (95 %) | step (95 %) |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join([rung.model, *_cells(rung)])} |" for rung in rungs]
    return "\n".join([*lines, "", *(f"- {line}" for line in ranking_lines(rungs)), "", EXPLANATION, ""])


def ranking_lines(rungs: Sequence[Rung]) -> list[str]:
    """The order of several models on each rung, and what the first is ahead of the second; none for one model."""
    lines = []
    for split, models in rankings(rungs).items():
        if len(models) > 1:
            of_model = {rung.model: rung for rung in rungs if rung.split == split and not rung.control}
            first, second = (of_model[model] for model in models[:2])
            lead, (low, high) = paired_price(first.accuracies, second.accuracies, first.n_train, first.n_test)
            ahead = "" if lead is None else f", ahead by {lead:+.3f} ({low:+.3f} to {high:+.3f})"
            lines.append(f"{split}: {' > '.join(models)}{ahead}")
    return lines


EXPLANATION = (
    "Means over split seeds, each step paired by seed; intervals know that training parts overlap (Nadeau & Bengio "
    "2003), and the filtered rung, one fixed test part, has that of its artists."
)


def _rung(cards: Sequence[Card], model: str, split: str, control: bool, level: str, above: Rung | None) -> Rung:
    accuracies = {card["split"]["seed"]: card["metrics"]["test"][level]["accuracy"] for card in cards}
    n_train, n_test = (float(np.mean([card["split"]["slices"][part] for card in cards])) for part in ("train", "test"))
    if split == FIXED:  # the spread over seeds knows nothing of its one test part; the runs' own intervals do
        interval = tuple(np.mean([card["metrics"]["test"][level]["accuracy_ci95"] for card in cards], axis=0).tolist())
    else:
        interval = over_seeds(list(accuracies.values()), n_train, n_test, (0.0, 1.0))
    rung = Rung(model, split, control, accuracies, n_train, n_test, interval)
    return rung if above is None else replace(rung, **_price(above, rung))


def _price(above: Rung, rung: Rung) -> dict[str, Any]:
    """The step between two rungs: paired by seed, or independent where the test part is fixed."""
    if rung.split == FIXED:
        interval = independent_price(above.mean, above.interval, rung.mean, rung.interval)
        return {"price": above.mean - rung.mean, "price_interval": interval}
    price, paired = paired_price(above.accuracies, rung.accuracies, rung.n_train, rung.n_test)
    return {"price": price, "price_interval": paired}


def _table_of(rungs: Sequence[Rung], level: str) -> Table:
    title = f"The ladder of {rungs[0].model}: test accuracy, {level} level"
    table = Table(title=escape(title), title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("split", no_wrap=True)
    for name in ("training\nslices", "seeds", "accuracy (95 %)", "step (95 %)"):
        table.add_column(name, justify="right", no_wrap=True)
    for rung in rungs:
        table.add_row(*_cells(rung, "\n"))
    return table


def _cells(rung: Rung, separator: str = " ") -> list[str]:
    """Split, size, seeds, accuracy and step; an interval comes after the separator."""
    name = f"{rung.split}, same size" if rung.control else rung.split
    accuracy = f"{rung.mean:.3f}{separator}({rung.interval[0]:.3f}-{rung.interval[1]:.3f})"
    step = ""
    if rung.price is not None and rung.price_interval is not None:
        low, high = rung.price_interval
        step = f"{-rung.price:+.3f}{separator}({-high:+.3f} to {-low:+.3f})"
    return [name, f"{rung.n_train:.0f}", str(len(rung.accuracies)), accuracy, step]


BLUE, VERMILION, GREY = "#0072B2", "#D55E00", "#5A5A5A"  # Okabe & Ito (2008): told apart by colour-blind readers
NAMES = {
    "leaky": "leaky\n(slices)",
    "grouped": "grouped\n(tracks)",
    "artist": "artist\n(artists)",
    "filtered": "fault-\nfiltered",
}
WIDTH = 0.62


def ladder_figure(rungs: Sequence[Rung], corpus: str, level: str) -> Figure:
    """One panel a model: the score of each rung with its interval, the price of each step, the control as a dot."""
    models = list(dict.fromkeys(rung.model for rung in rungs))
    figure = Figure(figsize=(1.6 + 4.8 * len(models), 4.8), layout="constrained", dpi=120)
    panels = np.atleast_1d(figure.subplots(1, len(models), sharey=True))
    for axes, model in zip(panels, models, strict=True):
        _panel(axes, [rung for rung in rungs if rung.model == model], model)
    panels[0].set_ylabel(f"test accuracy ({level} level)")
    seeds = max(len(rung.accuracies) for rung in rungs)
    figure.suptitle(f"What each leak is worth\n{corpus}, mean of {seeds} split seeds, 95 % intervals", fontsize=11)
    return figure


def _panel(axes: Axes, rungs: Sequence[Rung], model: str) -> None:
    full = [rung for rung in rungs if not rung.control] or list(rungs)
    for place, rung in enumerate(full):
        axes.bar(place, rung.mean, WIDTH, color=BLUE, alpha=0.85)
        axes.vlines(place, *rung.interval, color="black", linewidth=1.6)
        axes.text(place, 0.02, f"{rung.mean:.2f}", ha="center", va="bottom", color="white", fontweight="bold")
        if rung.price:
            _drop(axes, place, full[place - 1].mean, rung)
    controls = {rung.split: rung for rung in rungs if rung.control}
    places = [place for place, rung in enumerate(full) if rung.split in controls]
    if places and any(not rung.control for rung in rungs):
        heights = [controls[full[place].split].mean for place in places]
        axes.plot(places, heights, "o", color="white", markeredgecolor=GREY, markersize=8, label="same training size")
        axes.legend(loc="upper right", frameon=False, fontsize=9)
    axes.set_xticks(range(len(full)), [NAMES[rung.split] for rung in full], fontsize=9)
    axes.set_title(model, fontsize=11)
    axes.set_ylim(0, 1.12)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.spines[["top", "right"]].set_visible(False)


def _drop(axes: Axes, place: int, above: float, rung: Rung) -> None:
    """The step from the rung above: a bar that hangs from its height, with the price."""
    fall = above - rung.mean
    axes.bar(place, fall, WIDTH, bottom=rung.mean, color=VERMILION, alpha=0.30, hatch="///", edgecolor=VERMILION)
    axes.text(
        place,
        max(above, rung.interval[1]) + 0.015,
        f"{-fall * 100:+.0f} points",
        ha="center",
        color=VERMILION,
        fontsize=9,
    )
