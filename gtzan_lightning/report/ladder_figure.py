"""The ladder as a waterfall: where the score of a leaky split goes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from gtzan_lightning.report.ladder import Rung

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
