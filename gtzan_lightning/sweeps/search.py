"""A hyperparameter search with Optuna: its trials, their scores on validation folds, and the tables of them.

No trial uses the test part. `SearchReport` replaces the callback of an ordinary multirun.
"""

from __future__ import annotations

import json
import logging
import os
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
from rich.console import Console

from gtzan_lightning.config.compatibility import prepare
from gtzan_lightning.config.composition import run_dir
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.tables import TextTable, print_table, table_markdown
from gtzan_lightning.sweeps.session import Refusal
from gtzan_lightning.training.train import train
from gtzan_lightning.utils.files import with_cells, write_text

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

RECORD = "trial.json"
STUDY_VARIABLE = "GTZAN_SEARCH"  # storage and name of the stored study, for the jobs, also those in worker processes
SHOWN = 20  # rows of the table on the console; trials.md and trials.csv have all


@dataclass(frozen=True)
class Fold:
    """One validation fold of a trial."""

    run: str  # name of its run folder
    accuracy: float  # of the clips of the fold


@dataclass(frozen=True)
class Trial:
    """One set of hyperparameters with its validation accuracies."""

    overrides: tuple[str, ...]  # the whole command line
    folds: tuple[Fold, ...]
    number: int = -1  # in the search
    params: tuple[tuple[str, Any], ...] = ()  # the values that the search has chosen

    @property
    def accuracy(self) -> float:
        """Mean over the folds."""
        return float(np.mean([fold.accuracy for fold in self.folds]))

    @property
    def deviation(self) -> float:
        """Standard deviation over the folds; NaN for a single fold."""
        return float(np.std([fold.accuracy for fold in self.folds], ddof=1)) if len(self.folds) > 1 else float("nan")

    def to_json(self) -> dict[str, Any]:
        """The trial as plain values."""
        folds = [{"run": fold.run, "val_clip_accuracy": fold.accuracy} for fold in self.folds]
        return {"overrides": list(self.overrides), "mean_val_clip_accuracy": self.accuracy, "folds": folds}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Trial:
        """The trial of such plain values, without number and parameters."""
        folds = tuple(Fold(fold["run"], fold["val_clip_accuracy"]) for fold in values["folds"])
        return cls(tuple(values["overrides"]), folds)


def run_trial(cfg: DictConfig, folder: Path, overrides: Sequence[str]) -> float | None:
    """Trains on each of `search.folds` validation folds; finished folds are reused.

    Args:
        cfg: the configuration.
        folder: where the record of the trial is written; its name is that of the runs without number and fold.
        overrides: the command line.

    Returns:
        The mean validation accuracy of clips, which the search maximises; None if the trial failed, which is printed
        and does not end the search.
    """
    try:
        prefix = _numbered(folder.name.rpartition("-")[0], overrides)
        folds = [_run_fold(cfg, number, overrides, prefix) for number in range(cfg.search.folds)]
    except Exception as error:
        message = str(error) if isinstance(error, GtzanError) else traceback.format_exc()
        print(f"\n{' '.join(overrides)} failed:\n{message}", file=sys.stderr)
        return None
    trial = Trial(tuple(overrides), tuple(folds))
    write_text(folder / RECORD, json.dumps(trial.to_json(), indent=2) + "\n")
    scores = ", ".join(f"{fold.accuracy:.3f}" for fold in folds)
    print(f"{' '.join(overrides)}: validation accuracy of clips {trial.accuracy:.3f} ({scores})", flush=True)
    return trial.accuracy


class SearchReport(Callback):
    """Continues with the stored trials of a search, and reports all of them at the end."""

    lock: ClassVar[FileLock | None] = None  # of the search of this process; worker processes get a copy of the callback

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002, Hydra's signature
        """Validates the configuration, and sets the number of trials of the sweeper to those that are missing."""
        from gtzan_lightning.sweeps.optuna_study import completed, opened  # slow to import

        try:
            prepare(config, list(config.hydra.overrides.task))
            folder = Path(config.hydra.sweep.dir)
            folder.mkdir(parents=True, exist_ok=True)
            if SearchReport.lock is not None:  # of an interrupted search of this process
                SearchReport.lock.release()
            SearchReport.lock = _locked(folder)
            study = config.hydra.sweeper.storage, config.hydra.sweeper.study_name
            done = len(completed(opened(*study)))
            os.environ[STUDY_VARIABLE] = json.dumps(study)
        except Exception as error:
            raise Refusal from error
        wanted = config.hydra.sweeper.n_trials
        print(f"Search: {wanted} trials of {config.search.folds} folds, {done} finished before. {folder}", flush=True)
        for logger in ("hydra", "hydra_plugins"):  # they would print each trial again
            logging.getLogger(logger).setLevel(logging.WARNING)
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.sweeper.n_trials = max(0, wanted - done)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002
        """Prints the trials and writes them to trials.csv and trials.md."""
        from gtzan_lightning.sweeps.optuna_study import completed, failed_draws, opened

        study = opened(config.hydra.sweeper.storage, config.hydra.sweeper.study_name)
        folder = Path(config.hydra.sweep.dir)
        trials = list(map(_trial_reader(Path(config.outputs) / "trials"), completed(study)))
        failed = failed_draws(study)
        print_trials(trials, failed)
        write_trials(folder, trials, failed)
        print(f"All trials: {folder / 'trials.md'}")
        os.environ.pop(STUDY_VARIABLE, None)
        if SearchReport.lock is not None:
            SearchReport.lock.release()


def write_trials(folder: Path, trials: Sequence[Trial], failed: int) -> None:
    """Writes trials.csv and trials.md."""
    write_text(folder / "trials.csv", with_cells(tidy_trials(trials)).to_csv(index=False, lineterminator="\n"))
    write_text(folder / "trials.md", trials_markdown(trials, failed))


def best_first(trials: Sequence[Trial]) -> list[Trial]:
    """Sorted by mean accuracy; of equal trials, the earlier first."""
    return sorted(trials, key=lambda trial: (-trial.accuracy, trial.number))


def tidy_trials(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row per trial and fold, sorted by number."""
    return pd.DataFrame(
        [
            {"trial": trial.number, **dict(trial.params), "mean_val_clip_accuracy": trial.accuracy, "fold": number,
             "val_clip_accuracy": fold.accuracy, "run": fold.run}
            for trial in sorted(trials, key=lambda trial: trial.number)
            for number, fold in enumerate(trial.folds)
        ]
    )  # fmt: skip


def trials_markdown(trials: Sequence[Trial], failed: int = 0) -> str:
    """All trials, the best first, as a Markdown table with the accuracy of each fold."""
    params = _params(trials)
    folds = range(max((len(trial.folds) for trial in trials), default=0))
    rows = [[*_cells(trial, params), *(f"{fold.accuracy:.3f}" for fold in trial.folds)] for trial in best_first(trials)]
    columns = ("trial", *params, "mean", "sd", *(f"fold {number}" for number in folds))
    return f"# Trials\n\n{table_markdown(TextTable('', columns, rows, _notes(trials, failed)))}"


def print_trials(trials: Sequence[Trial], failed: int = 0, console: Console | None = None) -> None:
    """Prints the best trials as a table."""
    params = _params(trials)
    rows = [_cells(trial, params) for trial in best_first(trials)[:SHOWN]]
    columns = ("trial", *(name.rpartition(".")[2] for name in params), "mean", "sd")
    title = f"{len(trials)} trials, validation accuracy of clips"
    print_table(TextTable(title, columns, rows, _notes(trials, failed), text_columns=0), console)


def _params(trials: Sequence[Trial]) -> list[str]:
    return list(dict.fromkeys(name for trial in best_first(trials) for name, _ in trial.params))


def _cells(trial: Trial, params: Sequence[str]) -> list[str]:
    values = [dict(trial.params).get(name, "") for name in params]
    shown = [f"{value:.3g}" if isinstance(value, float) else str(value) for value in values]
    return [str(trial.number), *shown, f"{trial.accuracy:.3f}", f"{trial.deviation:.3f}"]


def _notes(trials: Sequence[Trial], failed: int) -> list[str]:
    """How to read the table, and the command that tests the best trial."""
    notes = [f"{failed} more failed; the same command tries them again."] if failed else []
    if not trials:
        return notes
    best = best_first(trials)[0]
    chosen = [f"{name}={value}" for name, value in best.params]
    fixed = [word for word in best.overrides if word not in chosen and not word.startswith(("experiment=", "search."))]
    return [
        *notes,
        f"The validation accuracy {best.accuracy:.3f} of the best of {len(trials)} trials is optimistic, because it "
        "was selected by it. The folds contain no test clips; to evaluate it once on the test part:",
        f"train.py {' '.join([*fixed, *chosen])}",
    ]


def _numbered(name: str, overrides: Sequence[str]) -> str:
    """`lstm-trial-07` of `lstm-trial`, with the number of the trial in the search; only the name if it is not known."""
    from gtzan_lightning.sweeps.optuna_study import running_draw

    if STUDY_VARIABLE not in os.environ:
        return name
    storage, study = json.loads(os.environ[STUDY_VARIABLE])
    number = running_draw(storage, study, overrides)
    return name if number is None else f"{name}-{number:02d}"


def _run_fold(cfg: DictConfig, number: int, overrides: Sequence[str], prefix: str) -> Fold:
    """An ordinary run. Its card has test scores as every card, but the search does not read them.

    A run that exists keeps its name; the name of a new one begins with `prefix`.
    """
    of_fold = cfg.copy()
    of_fold.split.val_fold, of_fold.split.n_val_folds = number, cfg.search.folds
    of_fold.search.folds = None
    words = [*overrides, f"split.val_fold={number}", f"split.n_val_folds={cfg.search.folds}"]
    folder = run_dir(of_fold, words)
    if not folder.exists():
        folder = folder.with_name(f"{prefix}-fold{number}-{folder.name.rpartition('-')[2]}")
    result = train(of_fold, folder=folder, overrides=words)
    return Fold(result.folder.name, result.card["metrics"]["val"]["clip"]["accuracy"])


def _locked(folder: Path) -> FileLock:
    lock = FileLock(folder / ".search.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise GtzanError(f"{folder}: another process runs this search. Wait for it, or stop it first.") from None
    return lock


def _trial_reader(folder: Path) -> Callable[[FrozenTrial], Trial]:
    """A function that adds the folds to a trial of Optuna, from the records that the jobs have written to a folder."""
    from gtzan_lightning.sweeps.optuna_study import DRAW, overrides_of

    records = [
        Trial.from_json(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob(f"*/{RECORD}"))
    ]
    by_overrides = {frozenset(record.overrides): record for record in records}

    def read(stored: FrozenTrial) -> Trial:
        overrides = overrides_of(stored)
        record = by_overrides.get(frozenset(overrides))
        value = float(stored.value or 0)
        if record is None or record.accuracy != value:  # its folder was deleted, or its runs were repeated
            record = Trial(overrides, (Fold("", value),))
        return replace(record, number=stored.system_attrs[DRAW], params=tuple(stored.params.items()))

    return read
