"""Figure of the README: accuracy of the same models under each split. Trains missing runs; see `--help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from table import NETWORKS, SPLITS, Rows, add_cell_options, cells, model_rows, one_thread_each

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7")  # Okabe & Ito (2008): distinct for colour-blind readers
SPLIT_LABELS = {
    "leaky": "random windows\n(leaky)",
    "grouped": "by track\n(grouped)",
    "artist": "by artist",
    "filtered": "fault-filtered\nby artist",
}


def ladder_figure(rows: Rows, models: Sequence[str], length: str, corpus: str) -> Figure:
    """Window accuracy of each model under each split, with 95 % intervals."""
    figure = Figure(figsize=(8, 4.4), layout="constrained", dpi=120)
    axes = figure.add_subplot()
    splits = [split for split in SPLITS if any((model, length, split) in rows for model in models)]
    for place, (model, colour) in enumerate(zip(models, COLOURS, strict=False)):
        known = [
            (index, rows[model, length, split]) for index, split in enumerate(splits) if rows[model, length, split]
        ]
        entries = [scores[0]["window"] for _, scores in known]
        x = [index + (place - (len(models) - 1) / 2) * 0.13 for index, _ in known]
        axes.vlines(x, *np.transpose([entry["accuracy_ci95"] for entry in entries]), color=colour, linewidth=1.8)
        axes.plot(x, [entry["accuracy"] for entry in entries], "o", color=colour, label=model)
    axes.axhline(0.1, color="#5A5A5A", linewidth=1, linestyle=":")
    axes.annotate("chance", (len(splits) - 0.5, 0.1), ha="right", va="bottom", fontsize=9, color="#5A5A5A")
    axes.set_xticks(range(len(splits)), [SPLIT_LABELS[split] for split in splits])
    axes.set(xlim=(-0.5, len(splits) - 0.5), ylim=(0, 1), ylabel="test accuracy of windows")
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.grid(axis="y", color="#E3E3E3")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, ncols=len(models), loc="upper right")
    seconds = length.removesuffix("s")
    figure.suptitle(f"The same models on {corpus}, slices of {seconds} s: only the split differs", fontsize=12)
    return figure


def main() -> int:
    parser = argparse.ArgumentParser(description="Draws the score of each model under each split, with intervals.")
    add_cell_options(parser)
    parser.set_defaults(slices=["3s"], folds=1, models=list(NETWORKS))  # single splits have intervals
    parser.add_argument("--to", type=Path, default=Path("docs/img/ladder.png"), help="default: docs/img/ladder.png")
    options = parser.parse_args()
    one_thread_each()
    todo = cells(options.slices[:1], options.splits, options.folds)
    rows, corpus = model_rows(options.models, todo, options.set, options.jobs)
    if not corpus:
        return 1
    options.to.parent.mkdir(parents=True, exist_ok=True)
    ladder_figure(rows, options.models, options.slices[0], corpus).savefig(options.to)
    print(options.to)
    return 0


if __name__ == "__main__":
    sys.exit(main())
