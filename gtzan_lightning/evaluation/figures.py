"""Figures of a run: confusion matrix, genre scores, learning curves, reliability and risk-coverage curves.

Each function returns a new `matplotlib.figure.Figure` that is independent of pyplot. Texts with names of genres,
corpora or splits are never parsed as formulas. The colours are those of Okabe & Ito (2008), which colour-blind readers
can distinguish.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.ticker import MaxNLocator, PercentFormatter

from gtzan_lightning.evaluation.calibration import BINS, expected_calibration_error, reliability, risk_coverage
from gtzan_lightning.evaluation.metrics import Decisions, Level, confusion
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.evaluation.run_metrics import MIN_CLUSTERS

BLUE, GREEN, VERMILION, GREY = "#0072B2", "#009E73", "#D55E00", "#5A5A5A"
LEVEL_NAMES: dict[Level, str] = {
    "window": "windows",
    "clip": "clips, mean probability",
    "clip_vote": "clips, majority vote",
}
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
SCRIPTS = ("Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Sans Devanagari",
           "Noto Sans Thai", "WenQuanYi Zen Hei", "Arial Unicode MS", "Unifont")  # fmt: skip
"""Fonts for names of genres and files that matplotlib's own font lacks, where the system has them."""
installed = set(get_font_names())
rcParams["font.family"] = [
    "sans-serif",
    *(name for name in SCRIPTS if name in installed),
]
LETTER_INCHES = 0.068  # mean width of a letter at 9 points, for line breaks


@dataclass(frozen=True)
class Caption:
    """Provenance of the numbers in a figure."""

    corpus: str  # "gtzan", "synthetic", or the name of a folder
    split: str  # "leaky", "grouped", "artist", "filtered", or the name in a manifest
    part: str = "test"
    leakage_warning: str | None = None  # shown in a coloured box, such as "LEAKY SPLIT: ..."
    run: str = ""  # model, slice, features, seed and name of the run, joined by " · "

    def line(self, entry: Mapping[str, Any], level: Level) -> str:
        """Corpus, split, part, level, n, accuracy, run; `entry` is one level of `run_metrics.evaluate`."""
        low, high = entry["accuracy_ci95"]
        return (
            f"{self.corpus} · {self.split} split · {self.part} · {LEVEL_NAMES[level]}, n = {entry['n']:,} · "
            f"accuracy {entry['accuracy']:.3f} [{low:.3f}, {high:.3f}] (95 %, by {entry['cluster']})"
            f"{' · ' * bool(self.run)}{self.run}"
        )


@contextmanager
def not_fatal(what: str, notes: list[str]) -> Iterator[None]:
    """Adds an error to the notes: scores do not depend on figures. A full disk stays an error."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # libraries that draw raise many types
        notes.append(f"{what} could not be made: {type(error).__name__}: {error}")


def confusion_figure(decisions: Decisions, entry: Mapping[str, Any], caption: Caption) -> Figure:
    """Confusion matrix: counts as numbers, shares of the true genre as colours."""
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
    axes.set_xticks(range(genres), decisions.genres, rotation=45, ha="right", rotation_mode="anchor", parse_math=False)
    axes.set_yticks(range(genres), decisions.genres, parse_math=False)
    axes.set(xlabel="predicted genre", ylabel="true genre")
    axes.set_xticks(np.arange(genres - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(genres - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)
    bar = figure.colorbar(image, ax=axes, shrink=0.8, format=PercentFormatter(1))
    bar.set_label("share of the true genre")
    bar.outline.set_visible(False)
    add_head(figure, "Confusion matrix", caption.line(entry, decisions.level), caption.leakage_warning)
    return figure


def genre_figure(table: pd.DataFrame, entry: Mapping[str, Any], level: Level, caption: Caption) -> Figure:
    """F1 of each genre with its 95 % interval, precision and recall; the lowest F1 is on top.

    Args:
        table: table of `run_metrics.genre_metrics`.
        entry: the same level of `run_metrics.evaluate`.
        level: level of the scores.
        caption: provenance of the scores.
    """
    table = table[table["n"] > 0].sort_values("f1", ascending=False)
    place = np.arange(len(table))
    figure = Figure(figsize=(8.5, 2.4 + 0.42 * len(table)), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    few = (table["effective_clusters"] < MIN_CLUSTERS).to_numpy()
    few_label = f"F1, effective number of {entry['cluster']}s < {MIN_CLUSTERS}"
    for chosen, hatch, label in ((~few, None, "F1"), (few, "///", few_label)):
        if chosen.any():
            axes.barh(
                place[chosen], table["f1"][chosen], 0.62, color="#A9CCE3", edgecolor="white", hatch=hatch, label=label
            )
    axes.hlines(place, table["f1_low"], table["f1_high"], color=GREY, linewidth=1.6, label="95 % interval of F1")
    axes.plot(table["precision"], place, "D", color=VERMILION, markersize=5, label="precision", linestyle="none")
    axes.plot(table["recall"], place, "o", color=BLUE, markersize=6, label="recall", linestyle="none")
    rows = zip(table.index, table["n"], table["clusters"], strict=True)
    labels = [f"{genre}\nn = {n}, {clusters} {entry['cluster']}s" for genre, n, clusters in rows]
    axes.set_yticks(place, labels, fontsize=9, parse_math=False)
    axes.set(xlim=(0, 1.005), ylim=(-0.6, len(table) - 0.4), xlabel="score")
    _style(axes, "x")
    figure.legend(loc="outside lower center", ncols=5, frameon=False, fontsize=9)
    add_head(figure, "Scores by genre", caption.line(entry, level), caption.leakage_warning)
    return figure


def learning_figure(
    history: pd.DataFrame, entry: Mapping[str, Any], level: Level, caption: Caption, best_epoch: int | None = None
) -> Figure:
    """Loss and accuracy by epoch.

    Args:
        history: columns epoch (from 1), train/loss, val/loss, train/window_accuracy, val/window_accuracy,
            val/clip_accuracy; columns and values may be missing.
        entry: result for the caption, one level of `run_metrics.evaluate`.
        level: level of that result.
        caption: provenance of the scores.
        best_epoch: epoch that was tested, from 1, marked by a line.
    """
    figure = Figure(figsize=(10, 4.2), layout="constrained", dpi=120)
    panels = figure.subplots(1, 2)
    for axes, (name, curves) in zip(panels, CURVES, strict=True):
        for column, label, colour, style in curves:
            if column in history and history[column].notna().any():
                known = history[["epoch", column]].dropna()
                marker = "o" if len(known) < 3 else None  # a line through one epoch is invisible
                axes.plot(known["epoch"], known[column], style, color=colour, label=label, marker=marker)
        if best_epoch is not None:
            axes.axvline(best_epoch, color=GREY, linestyle=":", label=f"best epoch ({best_epoch})")
        axes.set(xlabel="epoch", ylabel=name)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _style(axes, "both")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(frameon=False, fontsize=9)
    panels[1].set_ylim(0, 1)
    add_head(figure, "Learning curves", caption.line(entry, level), caption.leakage_warning)
    return figure


def reliability_figure(
    tables: Mapping[str, Predictions], entry: Mapping[str, Any], level: Level, caption: Caption
) -> Figure:
    """Reliability diagram: accuracy against confidence, above the distribution of the confidence.

    Args:
        tables: one or two tables of the same rows by name, such as `uncalibrated` and `temperature-scaled`.
        entry: the same level of `run_metrics.evaluate`.
        level: level of the rows.
        caption: provenance of the rows.
    """
    figure = Figure(figsize=(5.8, 5.6), layout="constrained", dpi=120)
    curve, share = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    curve.plot([0, 1], [0, 1], ":", color=GREY, label="perfect calibration")
    edges = np.linspace(0, 1, BINS + 1)
    for (name, table), colour, marker in zip(tables.items(), (BLUE, VERMILION), ("o", "D"), strict=False):
        bins = reliability(table)
        label = f"{name}: ECE {expected_calibration_error(table):.3f}"
        curve.plot(bins["confidence"], bins["accuracy"], "-", marker=marker, color=colour, label=label)
        share.stairs(np.histogram(table.probabilities.max(axis=1), edges)[0] / len(table), edges, color=colour)
    curve.set(xlim=(0, 1), ylim=(0, 1.03), ylabel="accuracy")
    curve.legend(frameon=False, loc="upper left")
    share.set(xlabel="confidence (probability of the predicted genre)", ylabel="share")
    share.yaxis.set_major_locator(MaxNLocator(2))
    share.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    figure.align_ylabels()
    for axes in (curve, share):
        _style(axes, "both")
    share.tick_params(axis="x", pad=8)  # the first label would touch that of the other axis
    add_head(figure, "Reliability diagram", caption.line(entry, level), caption.leakage_warning)
    return figure


def risk_coverage_figure(table: Predictions, entry: Mapping[str, Any], level: Level, caption: Caption) -> Figure:
    """Error rate of the most confident rows against their share."""
    found = risk_coverage(table)
    figure = Figure(figsize=(6.4, 4.2), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    axes.step(found.coverage, found.risk, where="post", color=BLUE, label=f"by confidence: AURC {found.aurc:.3f}")
    axes.axhline(found.risk[-1], color=GREY, linestyle=":", label=f"all rows: {found.risk[-1]:.3f}")
    axes.set(xlim=(0, 1.005), ylim=(0, None), xlabel="coverage (share of accepted rows)", ylabel="error rate")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    _style(axes, "both")
    axes.legend(frameon=False, loc="best")
    add_head(figure, "Risk-coverage curve", caption.line(entry, level), caption.leakage_warning)
    return figure


def add_head(figure: Figure, title: str, line: str, warning: str | None) -> None:
    """Add a warning in a coloured box, the title and the caption line above the axes; the figure grows in height.

    Args:
        figure: figure with `layout="constrained"`.
        title: title.
        line: caption, broken at ` · ` only.
        warning: text of the box; None for no box.
    """
    width, height = figure.get_size_inches()
    texts = [(title, {"fontsize": 13, "fontweight": "bold"}, 0.30)]
    space = "\N{NO-BREAK SPACE}"
    unbroken = line.replace(" ", space).replace(f"{space}·{space}", " · ")
    rows = [row.replace(space, " ").removesuffix(" ·") for row in wrap(unbroken, int(width / LETTER_INCHES))]
    texts += [(row, {"fontsize": 9, "color": GREY}, 0.19) for row in rows]
    if warning is not None:
        box = {"facecolor": VERMILION, "edgecolor": "none", "boxstyle": "square,pad=0.35"}
        style = {"fontsize": 10.5, "fontweight": "bold", "color": "white", "bbox": box}
        rows = wrap(warning, int(width / LETTER_INCHES / 1.3))
        texts.insert(0, ("\n".join(rows), style, 0.40 + 0.18 * (len(rows) - 1)))
    head = 0.12 + sum(inches for _, _, inches in texts)
    total = height + head
    figure.set_size_inches(width, total)
    figure.set_facecolor("white")
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(0.01, 0.01, 0.98, 0.99 - head / total))  # type: ignore[call-arg]
    top = total - 0.12
    for text, style, inches in texts:
        figure.text(0.15 / width, top / total, text, va="top", parse_math=False, **style)  # type: ignore[arg-type]
        top -= inches


def _style(axes: Axes, grid_axis: Any) -> None:
    """Light grid behind the data, no frame on top and right."""
    axes.set_axisbelow(True)
    axes.grid(axis=grid_axis, color="#E3E3E3")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)
