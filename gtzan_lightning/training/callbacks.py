"""Callbacks of the training loop: checkpoints, history and progress."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import lightning as L
import pandas as pd
from lightning.pytorch.callbacks import Callback, Checkpoint, ModelCheckpoint
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from gtzan_lightning.runs.job_board import JobReport
from gtzan_lightning.utils.files import write_text
from gtzan_lightning.utils.terminal import is_live


class BestCheckpoint(ModelCheckpoint):
    """Keeps the weights of the best epoch, also in a run that resumes in another folder than it began in.

    `ModelCheckpoint` forgets the best score if its folder has another path, and would overwrite better weights.
    """

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        paths = {
            key: here(state_dict.get(key, "")) for key in ("best_model_path", "kth_best_model_path", "last_model_path")
        }
        best = {here(path): score for path, score in state_dict.get("best_k_models", {}).items()}
        super().load_state_dict({**state_dict, **paths, "best_k_models": best, "dirpath": self.dirpath})


class LastCheckpoint(Checkpoint):
    """Writes the checkpoint from which a run resumes, at the end of an epoch.

    A `Checkpoint`, because Lightning calls these after the callbacks whose state the file contains.

    Args:
        path: the file.
        every_s: minimum time between two writes; the last epoch is always written.
    """

    def __init__(self, path: Path, every_s: float) -> None:
        super().__init__()
        self.path, self.every_s = path, every_s
        self.written = time.monotonic()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        due = time.monotonic() - self.written >= self.every_s or trainer.should_stop or _is_last_epoch(trainer)
        if trainer.strategy.broadcast(due):  # all processes must save together, and their clocks differ
            trainer.save_checkpoint(self.path)
            self.written = time.monotonic()


class History(Checkpoint):
    """Losses and scores of every epoch; part of the checkpoint, so that a resumed run has the whole curve.

    A `Checkpoint`, because Lightning calls these after the model has logged the training scores of the epoch.
    """

    def __init__(self) -> None:
        self.epochs: list[dict[str, float]] = []

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        scores = {name: float(value) for name, value in trainer.callback_metrics.items() if "/" in name}
        self.epochs.append({"epoch": trainer.current_epoch + 1} | scores)

    def state_dict(self) -> dict[str, Any]:
        return {"epochs": self.epochs}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epochs = list(state_dict["epochs"])

    def write(self, path: Path) -> None:
        """Writes a CSV file with one row per epoch."""
        write_text(path, pd.DataFrame(self.epochs).to_csv(index=False, lineterminator="\n"))

    def best_epoch(self, monitor: str, mode: str) -> int:
        """The first epoch, from 1, with the best value, which is the one that `ModelCheckpoint` keeps."""
        sign = 1 if mode == "max" else -1
        return int(
            max(self.epochs, key=lambda row: (sign * row.get(monitor, -math.inf * sign), -row["epoch"]))["epoch"]
        )


class EpochProgress(Callback):
    """A progress bar over epochs with the validation accuracy of windows; a few plain lines in a log file."""

    LINES_IN_LOG = 5

    def __init__(self, label: str) -> None:
        self.label = label
        self.console = Console()
        self.progress: Progress | None = None
        self.task: TaskID | None = None

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero or not is_live(self.console):
            return
        # Without the label, which was printed above and can be long: the numbers fit into 40 columns.
        texts = TextColumn("epoch {task.completed}/{task.total}"), TextColumn("{task.description}")
        columns = (*texts, BarColumn(bar_width=None), TimeRemainingColumn())
        self.progress = Progress(*columns, console=self.console, transient=True)
        self.task = self.progress.add_task("", total=trainer.max_epochs, completed=trainer.current_epoch)
        self.progress.start()

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if not trainer.is_global_zero:
            return
        done, total = trainer.current_epoch + 1, trainer.max_epochs or 1
        scores = trainer.callback_metrics
        accuracy = float(scores.get("val/window_accuracy", math.nan))
        if self.progress is not None and self.task is not None:
            self.progress.update(self.task, completed=done, description=f"val {accuracy:.3f}")
        elif done % max(1, total // self.LINES_IN_LOG) == 0:
            print(f"{self.label}  val window accuracy {accuracy:.3f}  epoch {done}/{total}", flush=True)

    def teardown(self, trainer: L.Trainer, pl_module: L.LightningModule, stage: str) -> None:
        if self.progress is not None:
            self.progress.stop()
            self.progress = None


class ReportedEpochs(Callback):
    """Reports the progress of a job of a sweep."""

    def __init__(self, report: JobReport) -> None:
        self.report = report

    def on_fit_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero:
            self.report.update(status="running", max_epochs=trainer.max_epochs or 0)

    def on_train_start(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero:  # not known earlier in a resumed run
            done = trainer.current_epoch
            self.report.update(first_epoch=done, epoch=done, training_since=time.time())

    def on_train_epoch_end(self, trainer: L.Trainer, pl_module: L.LightningModule) -> None:
        if trainer.is_global_zero:
            accuracy = trainer.callback_metrics.get("val/window_accuracy")
            shown = None if accuracy is None else float(accuracy)
            last = _is_last_epoch(trainer)
            self.report.update(at_once=last, epoch=trainer.current_epoch + 1, val_accuracy=shown)


def _is_last_epoch(trainer: L.Trainer) -> bool:
    return trainer.max_epochs is not None and trainer.current_epoch + 1 >= trainer.max_epochs
