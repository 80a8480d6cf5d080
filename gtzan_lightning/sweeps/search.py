"""A search by Optuna from its start to its table; takes the place of the sweep's own callback.

MERGED: The trials of a search: which settings were tried, and how clips of the validation folds were answered. | One trial of a search: one set of settings on every validation fold, judged by validation alone.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
from filelock import FileLock, Timeout
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.config.compatibility import prepare
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.sweeps.session import Refusal
from gtzan_lightning.training.train import train
from gtzan_lightning.utils.files import write_text

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


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


RECORD = "trial.json"


def run_trial(cfg: DictConfig, folder: Path, overrides: Sequence[str]) -> float | None:
    """Trains on each of `search.folds` validation folds; folds that are finished already are reused.

    Args:
        cfg: the settings.
        folder: where the trial's record goes.
        overrides: the command line.

    Returns:
        The mean validation accuracy of clips, which the search maximises; None for a trial that failed, which is
        told and does not end the search.
    """
    try:
        folds = [_fold(cfg, number, overrides) for number in range(cfg.search.folds)]
    except Exception as error:
        message = str(error) if isinstance(error, GtzanError) else traceback.format_exc()
        print(f"\n{' '.join(overrides)} failed:\n{message}", file=sys.stderr)
        return None
    trial = Trial(tuple(overrides), tuple(folds))
    write_text(folder / RECORD, json.dumps(trial.plain(), indent=2) + "\n")
    print(f"{' '.join(overrides)}: validation accuracy of clips {trial.described()}", flush=True)
    return trial.accuracy


def read_trial(folder: Path) -> Trial:
    """What `run_trial` has written there."""
    return Trial.of_plain(json.loads((folder / RECORD).read_text(encoding="utf-8")))


def _fold(cfg: DictConfig, number: int, overrides: Sequence[str]) -> Fold:
    """An ordinary run; its test scores, which its card has as every run's, are not looked at."""
    of_fold = cfg.copy()
    of_fold.split.val_fold, of_fold.split.n_val_folds = number, cfg.search.folds
    of_fold.search.folds = None
    words = [*overrides, f"split.val_fold={number}", f"split.n_val_folds={cfg.search.folds}"]
    result = train(of_fold, overrides=words)
    return Fold(result.folder.name, result.card["metrics"]["val"]["clip"]["accuracy"])


class SearchReport(Callback):
    """Goes on with the trials that are stored, and tells all of them at the end."""

    lock: ClassVar[FileLock | None] = None  # of this process's search; the object itself travels to job processes

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002, Hydra's signature
        """Looks the command over, and leaves the sweeper as many trials as are missing."""
        from gtzan_lightning.sweeps.optuna_study import completed, opened  # slow to import

        try:
            prepare(config, list(config.hydra.overrides.task))
            folder = Path(config.hydra.sweep.dir)
            folder.mkdir(parents=True, exist_ok=True)
            if SearchReport.lock is not None:  # of a search of this process that was interrupted
                SearchReport.lock.release()
            SearchReport.lock = _locked(folder)
            done = len(completed(opened(config.hydra.sweeper.storage, config.hydra.sweeper.study_name)))
        except Exception as error:
            raise Refusal from error
        wanted = config.hydra.sweeper.n_trials
        print(
            f"Search: {wanted} trials of {config.search.folds} folds, {done} of them done before. {folder}", flush=True
        )
        for logger in ("hydra", "hydra_plugins"):  # they tell each trial once more
            logging.getLogger(logger).setLevel(logging.WARNING)
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.sweeper.n_trials = max(0, wanted - done)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002
        """Prints and keeps the trials."""
        from gtzan_lightning.sweeps.optuna_study import completed, failed_draws, opened

        study = opened(config.hydra.sweeper.storage, config.hydra.sweeper.study_name)
        folder = Path(config.hydra.sweep.dir)
        trials = list(map(_recorded(Path(config.outputs) / "trials"), completed(study)))
        failed = failed_draws(study)
        print_trials(trials, failed)
        write_text(folder / "trials.csv", tidy_trials(trials).to_csv(index=False, lineterminator="\n"))
        write_text(folder / "trials.md", trials_markdown(trials, failed))
        print(f"All trials: {folder / 'trials.md'}")
        if SearchReport.lock is not None:
            SearchReport.lock.release()


def _locked(folder: Path) -> FileLock:
    lock = FileLock(folder / ".search.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise GtzanError(f"{folder}: another process is on this search. Wait for it, or stop it first.") from None
    return lock


def _recorded(folder: Path) -> Callable[[FrozenTrial], Trial]:
    """From a trial as Optuna stores it to the trial with its folds, which its job has recorded in the folder."""
    from gtzan_lightning.sweeps.optuna_study import DRAW

    records = [read_trial(path.parent) for path in sorted(folder.glob(f"*/{RECORD}"))]
    by_words = {frozenset(record.overrides): record for record in records}

    def found(stored: FrozenTrial) -> Trial:
        words = tuple(f"{name}={value}" for name, value in {**stored.user_attrs, **stored.params}.items())
        record = by_words.get(frozenset(words))
        value = float(stored.value or 0)
        if record is None or record.accuracy != value:  # the folder is gone, or its runs were repeated since
            record = Trial(words, (Fold("", value),))
        return replace(record, number=stored.system_attrs[DRAW], params=tuple(stored.params.items()))

    return found
