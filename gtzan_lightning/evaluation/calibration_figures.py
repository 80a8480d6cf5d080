"""Pictures of calibration: the reliability curve and the risk-coverage curve."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from gtzan_lightning.evaluation.calibration import BINS, expected_calibration_error, reliability, risk_coverage
from gtzan_lightning.evaluation.figure_style import BLUE, GREY, VERMILION, Caption, add_head, quiet
from gtzan_lightning.evaluation.metrics import Level
from gtzan_lightning.evaluation.predictions import Predictions

COLOURS = ((BLUE, "o"), (VERMILION, "D"))


def reliability_figure(
    tables: Mapping[str, Predictions], entry: Mapping[str, Any], level: Level, caption: Caption
) -> Figure:
    """Accuracy against confidence, and below it how often each confidence occurs.

    Args:
        tables: one or two tables of the same rows by name, such as `{"as trained": ..., "temperature 1.8": ...}`.
        entry: the same level of `card.evaluate`.
        level: which level the rows have.
        caption: where the numbers come from.
    """
    figure = Figure(figsize=(5.8, 5.6), layout="constrained", dpi=120)
    curve, share = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    curve.plot([0, 1], [0, 1], ":", color=GREY, label="as sure as right")
    edges = np.linspace(0, 1, BINS + 1)
    for (name, table), (colour, marker) in zip(tables.items(), COLOURS, strict=False):
        bins = reliability(table)
        label = f"{name}: ECE {expected_calibration_error(table):.3f}"
        curve.plot(bins["confidence"], bins["accuracy"], "-", marker=marker, color=colour, label=label)
        share.stairs(np.histogram(table.probabilities.max(axis=1), edges)[0] / len(table), edges, color=colour)
    curve.set(xlim=(0, 1), ylim=(0, 1.03), ylabel="accuracy")
    curve.legend(frameon=False, loc="upper left")
    share.set(xlabel="confidence (probability of the decision)", ylabel="share")
    share.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    for axes in (curve, share):
        quiet(axes, "both")
    add_head(figure, "Is it as sure as it is right?", caption.line(entry, level), caption.stamp)
    return figure


def risk_coverage_figure(table: Predictions, entry: Mapping[str, Any], level: Level, caption: Caption) -> Figure:
    """Error rate if only the most confident rows are answered, against the share that is answered."""
    found = risk_coverage(table)
    figure = Figure(figsize=(6.4, 4.2), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    axes.step(found.coverage, found.risk, where="post", color=BLUE, label=f"by confidence: AURC {found.aurc:.3f}")
    axes.axhline(found.risk[-1], color=GREY, linestyle=":", label=f"all rows: {found.risk[-1]:.3f}")
    axes.set(xlim=(0, 1.005), ylim=(0, None), xlabel="share of rows answered", ylabel="error among these")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    quiet(axes, "both")
    axes.legend(frameon=False, loc="best")
    add_head(figure, "What silence would win", caption.line(entry, level), caption.stamp)
    return figure
