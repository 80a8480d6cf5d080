"""Cells of the results tables: the slices and splits on which every method is scored, and how a cell is printed."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

SPLITS = ("leaky", "grouped", "artist", "filtered")
FOLDED = ("grouped",)  # averaged over folds; the others are a single split
LEVELS = ("window", "clip")

Scores = Mapping[str, Mapping[str, Any]]
"""Test scores of one split: level -> result of `evaluation.run_metrics.evaluate_level`."""

Rows = dict[tuple[str, str, str], list[Scores]]
"""(method, slice, split) -> scores of its folds."""

LEGEND = (
    "± is the standard deviation over folds; [ ] the 95 % interval of a single split, "
    "resampling artists where they are known, else tracks."
)


@dataclass(frozen=True)
class Cell:
    """One split and one slice length."""

    slice: str  # a member of the config group `slice`, such as "3s"
    split: str
    fold: int | None = None
    n_folds: int | None = None

    def overrides(self) -> list[str]:
        """The cell as overrides of train.py."""
        folds = [] if self.fold is None else [f"split.fold={self.fold}", f"split.n_folds={self.n_folds}"]
        return [f"slice={self.slice}", f"split={self.split}", *folds]


def cells(slices: Sequence[str], splits: Sequence[str], n_folds: int) -> list[Cell]:
    """Every slice length with every split, folded ones once for each fold."""
    return [
        cell
        for length in slices
        for split in splits
        for cell in (
            [Cell(length, split, fold, n_folds) for fold in range(n_folds)]
            if split in FOLDED and n_folds > 1
            else [Cell(length, split)]
        )
    ]


def shown(scores: Sequence[Scores], level: str) -> str:
    """Accuracy as text: mean ± standard deviation over folds, or the score of a single split with its 95 % interval."""
    if not scores:
        return "none"
    entries = [split[level] for split in scores]
    accuracies = [entry["accuracy"] for entry in entries]
    if len(entries) > 1:
        return f"{mean(accuracies):.3f} ± {stdev(accuracies):.3f}"
    low, high = entries[0]["accuracy_ci95"]
    return f"{accuracies[0]:.3f} [{low:.2f}, {high:.2f}]"


def add_cell_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that select cells, and overrides for all of them."""
    parser.add_argument("--slices", nargs="+", default=["3s", "6s", "9s"], metavar="S", help="default: 3s 6s 9s")
    parser.add_argument("--splits", nargs="+", default=SPLITS, choices=SPLITS, metavar="RULE", help="default: all four")
    parser.add_argument("--folds", type=int, default=5, help="of the grouped split; 1 is its single 70/10/20 draw")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each (default: 2)")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="overrides, as train.py takes them")


def one_thread_each() -> None:
    """Limits processes that are started after this to one thread each, which is faster for several side by side."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
