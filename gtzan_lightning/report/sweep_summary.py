"""Test accuracy of the configurations of a sweep, averaged over seeds and folds, and all scores as a tidy table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.console import Console

from gtzan_lightning.evaluation.significance import resampled_interval
from gtzan_lightning.report.console import varied
from gtzan_lightning.report.tables import TextTable, print_table
from gtzan_lightning.runs.row_groups import LEVELS
from gtzan_lightning.runs.run_card import REPETITIONS, leakage_warnings
from gtzan_lightning.runs.run_folder import Card


@dataclass(frozen=True)
class Summary:
    """One configuration over its repetitions, at one level."""

    name: str  # the overrides that vary, without seeds and folds
    level: str
    accuracies: tuple[float, ...]  # test accuracy of each repetition
    interval: tuple[float, float] | None  # of the mean, over splits; None if the splits did not vary

    @property
    def mean(self) -> float:
        """Mean accuracy."""
        return float(np.mean(self.accuracies))

    @property
    def spread(self) -> float:
        """Standard deviation over repetitions."""
        return float(np.std(self.accuracies, ddof=1)) if len(self.accuracies) > 1 else 0.0


def summed_up(cards: Sequence[Card]) -> list[Summary]:
    """Groups finished runs by the overrides that vary besides seeds and folds; groups of one run are left out.

    The interval is that of Nadeau & Bengio (2003) for test parts of several splits. Training seeds on one split repeat
    the training and not the experiment: they give a spread and no interval.
    """
    groups: dict[str, list[Card]] = {}
    for name, card in zip(varied(cards, ignored=REPETITIONS, default="all"), cards, strict=True):
        groups.setdefault(name, []).append(card)
    return [_summary(name, level, runs) for name, runs in groups.items() if len(runs) > 1 for level in LEVELS]


def print_summary(summaries: Sequence[Summary], console: Console | None = None) -> None:
    """Prints one row per configuration: mean, standard deviation and interval at both levels."""
    if not summaries:
        return
    rows = [
        [window.name, str(len(window.accuracies)), *_cells(window), *_cells(clip)]
        for window, clip in zip(summaries[::2], summaries[1::2], strict=True)
    ]
    columns = ("", "runs", *(name for level in LEVELS for name in (level, "sd", "95 %")))
    print_table(TextTable("Mean test accuracy over repetitions", columns, rows), console)


def tidy(cards: Sequence[Card]) -> pd.DataFrame:
    """One row per job, part and level: every score with its interval and n."""
    rows = [
        {
            "run_id": card["run_id"],
            "overrides": " ".join(card["overrides"]),
            "corpus": card["data"]["corpus"],
            "model": card["model"]["name"],
            "features": card["features"]["name"],
            "split": card["split"]["name"],
            "split_seed": card["split"]["seed"],
            "fold": card["split"]["fold"],
            "seed": card["seed"],
            "leakage_warning": "; ".join(leakage_warnings(card)),
            "part": part,
            "level": level,
            "accuracy": scores["accuracy"],
            "low": scores["accuracy_ci95"][0],
            "high": scores["accuracy_ci95"][1],
            "f1": scores["f1"],
            "n": scores["n"],
        }
        for card in cards
        for part, levels in card["metrics"].items()
        for level, scores in levels.items()
    ]
    return pd.DataFrame(rows)


def _summary(name: str, level: str, cards: Sequence[Card]) -> Summary:
    accuracies = tuple(card["metrics"]["test"][level]["accuracy"] for card in cards)
    if len({card["split"]["sha256"] for card in cards}) < len(cards):
        return Summary(name, level, accuracies, None)
    n_train, n_test = (float(np.mean([card["split"]["slices"][part] for card in cards])) for part in ("train", "test"))
    result = resampled_interval(accuracies, n_train, n_test)
    return Summary(name, level, accuracies, (max(0.0, result.low), min(1.0, result.high)))


def _cells(summary: Summary) -> list[str]:
    interval = "-" if summary.interval is None else f"{summary.interval[0]:.3f}-{summary.interval[1]:.3f}"
    return [f"{summary.mean:.3f}", f"{summary.spread:.3f}", interval]
