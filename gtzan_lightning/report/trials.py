"""The trials of a search: which settings were tried, and how clips of the validation folds were answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

SHOWN = 20  # rows on the console; the documents have all


@dataclass(frozen=True)
class Fold:
    """One validation fold of a trial."""

    run: str  # name of its run folder
    accuracy: float  # of the fold's clips


@dataclass(frozen=True)
class Trial:
    """One set of settings, and what became of it."""

    overrides: tuple[str, ...]  # the settings as a command line
    folds: tuple[Fold, ...]
    number: int = -1  # in the search
    params: tuple[tuple[str, Any], ...] = ()  # what the search chose

    @property
    def accuracy(self) -> float:
        """Mean over the folds."""
        return float(np.mean([fold.accuracy for fold in self.folds]))

    @property
    def deviation(self) -> float:
        """Standard deviation over the folds."""
        return float(np.std([fold.accuracy for fold in self.folds], ddof=1)) if len(self.folds) > 1 else float("nan")

    def described(self) -> str:
        """Mean and folds."""
        return f"{self.accuracy:.3f} ({', '.join(f'{fold.accuracy:.3f}' for fold in self.folds)})"

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        folds = [{"run": fold.run, "val_clip_accuracy": fold.accuracy} for fold in self.folds]
        return {"overrides": list(self.overrides), "mean_val_clip_accuracy": self.accuracy, "folds": folds}

    @classmethod
    def of_plain(cls, values: Mapping[str, Any]) -> Trial:
        """From JSON."""
        folds = tuple(Fold(fold["run"], fold["val_clip_accuracy"]) for fold in values["folds"])
        return cls(tuple(values["overrides"]), folds)


def best_first(trials: Sequence[Trial]) -> list[Trial]:
    """By mean accuracy; of equals, the earlier one."""
    return sorted(trials, key=lambda trial: (-trial.accuracy, trial.number))


def tidy_trials(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row a trial and fold, by number."""
    return pd.DataFrame(
        [
            {"trial": trial.number, **dict(trial.params), "mean_val_clip_accuracy": trial.accuracy, "fold": number,
             "val_clip_accuracy": fold.accuracy, "run": fold.run}
            for trial in sorted(trials, key=lambda trial: trial.number)
            for number, fold in enumerate(trial.folds)
        ]
    )  # fmt: skip


def trials_markdown(trials: Sequence[Trial], failed: int = 0) -> str:
    """All trials as a table, the best one first, and what to make of it."""
    names, rows = _cells(best_first(trials))
    lines = ["| " + " | ".join(row) + " |" for row in [names, ["---"] * len(names), *rows]]
    return "\n".join(["# Trials", "", *lines, "", *_remarks(trials, failed)]) + "\n"


def print_trials(trials: Sequence[Trial], failed: int = 0, console: Console | None = None) -> None:
    """The best trials as a table, and what to make of it."""
    console = console or Console()
    table = Table(
        title=f"{len(trials)} trials, validation accuracy of clips",
        title_justify="left",
        box=SIMPLE_HEAD,
        pad_edge=False,
    )
    names, rows = _cells(best_first(trials)[:SHOWN], folds=False)
    for name in names:
        table.add_column(escape(name.rpartition(".")[2]), justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for line in _remarks(trials, failed):
        console.print(escape(line), highlight=False, soft_wrap=True)


def _cells(trials: Sequence[Trial], *, folds: bool = True) -> tuple[list[str], list[list[str]]]:
    """Headings and rows."""
    params = list(dict.fromkeys(name for trial in trials for name, _ in trial.params))
    n_folds = max((len(trial.folds) for trial in trials), default=0) if folds else 0
    rows = [
        [
            str(trial.number),
            *(_short(dict(trial.params).get(name, "")) for name in params),
            f"{trial.accuracy:.3f}",
            f"{trial.deviation:.3f}",
            *(f"{fold.accuracy:.3f}" for fold in trial.folds[:n_folds]),
        ]
        for trial in trials
    ]
    return ["trial", *params, "mean", "sd", *(f"fold {number}" for number in range(n_folds))], rows


def _remarks(trials: Sequence[Trial], failed: int) -> list[str]:
    """What a reader must know before he believes the first row."""
    lines = [f"{failed} more failed; the same command tries them again."] if failed else []
    if not trials:
        return lines
    best = best_first(trials)[0]
    chosen = {f"{name}={value}" for name, value in best.params}
    fixed = [word for word in best.overrides if word not in chosen and not word.startswith(("experiment=", "search."))]
    return [
        *lines,
        f"The best of {len(trials)} by validation: its {best.accuracy:.3f} is too good by what luck adds to the best "
        "of several. No test clip was in any fold; this is the test, once:",
        f"train.py {' '.join([*fixed, *(f'{name}={value}' for name, value in best.params)])}",
    ]


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
