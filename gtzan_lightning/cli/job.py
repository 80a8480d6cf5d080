"""One job as Hydra calls it: keeps a mistake from Hydra, so that the next job of a multirun begins."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.cli.disk import disk_trouble
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.folder import RunFolder
from gtzan_lightning.runs.job_states import SETTLED, JobBoard, JobReport, JobState, inherited_board, reporting
from gtzan_lightning.sweeping.plan import is_grid

Job = Callable[[DictConfig], Any]


class Outcome:
    """The job with what became of it. It travels to the processes of a launcher, so it holds plain values alone."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.mistake: GtzanError | None = None  # of a single run
        self.waits = False  # for runs that another process is on; else they are left for a second pass

    def __call__(self, cfg: DictConfig) -> Any:
        """Runs one job; in a multirun, a failure is told on the board instead of being raised."""
        board = inherited_board()
        if HydraConfig.get().mode == RunMode.MULTIRUN and board is not None:
            leave_after_parent()
            with _busy:
                return self._one_of_several(cfg, board)
        try:
            return self.job(cfg)
        except GtzanError as error:
            self.mistake = error
        except OSError as error:
            told = disk_trouble(error)
            if told is None:
                raise
            self.mistake = GtzanError(told)
        return None

    def _one_of_several(self, cfg: DictConfig, board: JobBoard) -> Any:
        hydra = HydraConfig.get()
        run = RunFolder(Path(hydra.runtime.output_dir))
        num = int(hydra.job.num)
        before = board.state(num)
        if before is not None and before.status in SETTLED:  # in an earlier pass of this very multirun
            return None
        claim: Any = OmegaConf.to_container(cfg.claim) if cfg.claim else None
        report = JobReport(board, JobState(num, tuple(hydra.overrides.task), str(run.path), claim=claim))
        if board.stopped:
            report.update(status="not started")
            with suppress(OSError):
                run.path.rmdir()  # Hydra has made the folder; one that holds something stays
            return None
        if not self.waits and is_grid(hydra) and run.is_held():
            report.update(status="elsewhere")
            return None
        return self._reported(cfg, report)

    def _reported(self, cfg: DictConfig, report: JobReport) -> Any:
        """Runs the job; what it prints goes to its log."""
        log = report.board.log(report.state.num)
        try:
            with (
                log.open("a", encoding="utf-8") as file,
                redirect_stdout(file),
                redirect_stderr(file),
                reporting(report),
            ):
                result = self.job(cfg)
        except Exception as error:
            told = str(error) if isinstance(error, GtzanError) else disk_trouble(error) or traceback.format_exc()
            if cfg.sweep.on_error == "stop":
                report.board.stop()
            report.update(status="failed", error=told)
            return None
        except BaseException:  # Ctrl-C, or a scheduler's signal
            report.update(status="interrupted")
            raise
        report.update(status="done" if report.state.max_epochs else "reused")
        return result


_busy = threading.Lock()  # held while a job runs in this process


@lru_cache(maxsize=1)
def leave_after_parent() -> None:
    """Ends a launcher's process whose first process was killed, once its job is done; joblib's would wait forever."""
    if multiprocessing.parent_process() is None:  # the first process itself
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        with _busy:
            os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()
