"""Pictures of a run: confusion matrix, scores by genre, learning curves.

Each function returns a `matplotlib.figure.Figure` that belongs to nobody else (no pyplot, no global state); save
it with `figure.savefig(path)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from gtzan_lightning.evaluation.figure_style import BLUE, GREEN, GREY, VERMILION, Caption, add_head, quiet
from gtzan_lightning.evaluation.genres import TRUSTED_UNITS
from gtzan_lightning.evaluation.metrics import Decisions, Level, confusion

CURVES = (
    ("loss", (("train/loss", "train", BLUE, "-"), ("val/loss", "validation", VERMILION, "-"))),
    (
        "accuracy",
        (
            ("train/window_accuracy", "train, windows", BLUE, "-"),
            ("val/window_accuracy", "validation, windows", VERMILION, "-"),
            ("val/clip_accuracy", "validation, clips", GREEN, "--"),
        ),
    ),
)


def confusion_figure(decisions: Decisions, entry: Mapping[str, Any], caption: Caption) -> Figure:
    """Confusion matrix: counts as numbers, the share of the true genre as colour."""
    counts = confusion(decisions)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    genres = len(decisions.genres)
    size = max(5.5, 2.6 + 0.55 * genres)
    figure = Figure(figsize=(size + 1, size), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(counts > 0):
        colour = "white" if share[row, column] > 0.55 else "black"
        axes.text(column, row, f"{counts[row, column]}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(genres), decisions.genres, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(genres), decisions.genres)
    axes.set(xlabel="decided genre", ylabel="true genre")
    axes.set_xticks(np.arange(genres - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(genres - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=PercentFormatter(1))
    bar.set_label("share of the true genre")
    bar.outline.set_visible(False)
    add_head(figure, "What each genre is taken for", caption.line(entry, decisions.level), caption.stamp)
    return figure


def genre_figure(evidence: pd.DataFrame, entry: Mapping[str, Any], level: Level, caption: Caption) -> Figure:
    """F1 of each genre with its 95 % interval, precision and recall beside it; the hardest genre on top.

    Args:
        evidence: what `genres.genre_evidence` returned.
        entry: the same level of `card.evaluate`.
        level: which level that is.
        caption: where the numbers come from.
    """
    table = evidence[evidence["n"] > 0].sort_values("f1", ascending=False)
    place = np.arange(len(table))
    figure = Figure(figsize=(8.5, 2.4 + 0.42 * len(table)), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    weak = (table["effective_units"] < TRUSTED_UNITS).to_numpy()
    for chosen, hatch, label in ((~weak, None, "F1"), (weak, "///", f"F1, under {TRUSTED_UNITS} effective units")):
        if chosen.any():
            axes.barh(
                place[chosen], table["f1"][chosen], 0.62, color="#A9CCE3", edgecolor="white", hatch=hatch, label=label
            )
    axes.hlines(place, table["f1_low"], table["f1_high"], color=GREY, linewidth=1.6, label="95 % interval of F1")
    axes.plot(table["precision"], place, "D", color=VERMILION, markersize=5, label="precision", linestyle="none")
    axes.plot(table["recall"], place, "o", color=BLUE, markersize=6, label="recall", linestyle="none")
    rows = zip(table.index, table["n"], table["units"], strict=True)
    axes.set_yticks(place, [f"{genre}\nn = {n}, {units} {entry['cluster']}s" for genre, n, units in rows], fontsize=9)
    axes.set(xlim=(0, 1.005), ylim=(-0.6, len(table) - 0.4), xlabel="score")
    quiet(axes, "x")
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    add_head(figure, "How well each genre is found", caption.line(entry, level), caption.stamp)
    return figure


def learning_figure(
    history: pd.DataFrame, entry: Mapping[str, Any], level: Level, caption: Caption, best_epoch: int | None = None
) -> Figure:
    """Loss and accuracy by epoch.

    Args:
        history: columns epoch, train/loss, val/loss, train/window_accuracy, val/window_accuracy,
            val/clip_accuracy; a column may be missing, a value NaN.
        entry: the result in the title, one level of `card.evaluate`.
        level: which level that is.
        caption: where the numbers come from.
        best_epoch: the epoch that was tested, marked by a line.
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained", dpi=120)
    panels = figure.subplots(1, 2)
    for axes, (name, curves) in zip(panels, CURVES, strict=True):
        for column, label, colour, style in curves:
            if column in history and history[column].notna().any():
                known = history[["epoch", column]].dropna()
                marker = "o" if len(known) < 3 else None  # one epoch is a point, not a line
                axes.plot(known["epoch"], known[column], style, color=colour, label=label, marker=marker)
        if best_epoch is not None:
            axes.axvline(best_epoch, color=GREY, linestyle=":", label=f"chosen epoch ({best_epoch})")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        quiet(axes, "both")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=9)
    panels[1].set_ylim(0, 1)
    add_head(figure, "Learning", caption.line(entry, level), caption.stamp)
    return figure
