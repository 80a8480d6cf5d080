"""One trial of a search: one set of settings on every validation fold, judged by validation alone."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from omegaconf import DictConfig

from gtzan_lightning.atomic import write_text
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.trials import Fold, Trial
from gtzan_lightning.train import train

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
        told = str(error) if isinstance(error, GtzanError) else traceback.format_exc()
        print(f"\n{' '.join(overrides)} failed:\n{told}", file=sys.stderr)
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
