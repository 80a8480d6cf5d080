"""A search by Optuna from its start to its table; takes the place of the sweep's own callback."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from filelock import FileLock, Timeout
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, open_dict, read_write

from gtzan_lightning.atomic import write_text
from gtzan_lightning.cli.sweep import Refusal
from gtzan_lightning.combination import check_combination
from gtzan_lightning.config import checked
from gtzan_lightning.errors import GtzanError

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from gtzan_lightning.report.trials import Trial


class SearchReport(Callback):
    """Goes on with the trials that are stored, and tells all of them at the end."""

    lock: ClassVar[FileLock | None] = None  # of this process's search; the object itself travels to job processes

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:  # noqa: ARG002, Hydra's signature
        """Looks the command over, and leaves the sweeper as many trials as are missing."""
        from gtzan_lightning.sweeping.study import completed, opened  # slow to import

        try:
            check_combination(checked(config, list(config.hydra.overrides.task)))
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
        from gtzan_lightning.report.trials import print_trials, tidy_trials, trials_markdown
        from gtzan_lightning.sweeping.study import completed, failed_draws, opened

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
    from gtzan_lightning.report.trials import Fold, Trial
    from gtzan_lightning.sweeping.searching import RECORD, read_trial
    from gtzan_lightning.sweeping.study import DRAW

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
