"""Starts a Hydra job so that a user's mistake ends in a sentence instead of a traceback.

MERGED: One job as Hydra calls it: keeps a mistake from Hydra, so that the next job of a multirun begins.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException

from gtzan_lightning.config.compatibility import prepare
from gtzan_lightning.config.composition import CONFIG_NAME, VERSION_BASE, compose, conf_dir
from gtzan_lightning.config.overrides import check_overrides, refuse_shared_jobs
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.job_board import FINISHED, SETTLED, JobBoard, JobReport, JobState, inherited_board, reporting
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.sweeps.plan import is_grid
from gtzan_lightning.sweeps.session import Refusal, SweepTable
from gtzan_lightning.utils.files import disk_trouble

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
            message = disk_trouble(error)
            if message is None:
                raise
            self.mistake = GtzanError(message)
        return None

    def _one_of_several(self, cfg: DictConfig, board: JobBoard) -> Any:
        hydra = HydraConfig.get()
        run = RunFolder(Path(hydra.runtime.output_dir))
        num = int(hydra.job.num)
        before = board.state(num)
        if before is not None and before.status in SETTLED:  # in an earlier pass of this very multirun
            return None
        study: Any = OmegaConf.to_container(cfg.study, resolve=True) if cfg.study else None
        report = JobReport(board, JobState(num, tuple(hydra.overrides.task), str(run.path), study=study))
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
            message = str(error) if isinstance(error, GtzanError) else disk_trouble(error) or traceback.format_exc()
            if cfg.sweep.on_error == "stop":
                report.board.stop()
            report.update(status="failed", error=message)
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


USER_ERROR = 2
FAILED = 1
INTERRUPTED = 130
NO_TRIALS = ("No trials are completed yet.", "Record does not exist.")  # how Optuna ends a search without a score


def launch(job: Job, arguments: Sequence[str] | None = None) -> int:
    """Runs `job` once, or once for each combination with -m; returns the exit status.

    The command line is looked over first, so that a typo costs a second and leaves no folder.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come here instead of being printed by Hydra
    SweepTable.failures = 0
    outcome = Outcome(job)
    try:
        if not _asks_only(arguments):
            _look_over(arguments)
        sys.argv = [sys.argv[0], *arguments]
        _run(outcome)
    except KeyboardInterrupt:
        _show_interrupted_sweep()
        print("\nInterrupted. The same command goes on from the last checkpoint.", file=sys.stderr)
        return INTERRUPTED
    except (Refusal, Exception) as error:
        cause = error.__cause__ if isinstance(error, Refusal) and error.__cause__ else error
        message = _format_error(cause)
        if message is None:
            raise cause from None
        print(f"\n{message}", file=sys.stderr)
        return USER_ERROR
    finally:
        SweepTable.close()
    if outcome.mistake:
        print(f"\n{outcome.mistake}", file=sys.stderr)
        return USER_ERROR
    return FAILED if SweepTable.failures else 0


def _run(outcome: Outcome) -> None:
    """Calls Hydra; a multirun again for what other processes were on, or what went down with a killed worker."""
    start = hydra.main(version_base=VERSION_BASE, config_path=str(conf_dir()), config_name=CONFIG_NAME)(outcome)
    while True:
        try:
            start()
        except BrokenProcessPool:
            session = SweepTable.session
            if session is None:
                raise
            print("\nA process of the launcher was killed (was the memory enough?).", file=sys.stderr, flush=True)
            if not session.after_lost_worker():
                SweepTable.end(session.jobs())
                print("\nThe same command goes on from the last checkpoints.", file=sys.stderr)
                return
        else:
            if SweepTable.session is None or not SweepTable.session.wants_another_pass():
                return
            outcome.waits = SweepTable.session.waits = True


def _show_interrupted_sweep() -> None:
    """The table of the jobs that have begun."""
    session = SweepTable.session
    if session is not None:
        session.mark_interrupted()
        jobs = session.jobs()
        SweepTable.end([state for state in jobs if state.status not in ("waiting", "not started")])
        done = sum(state.status in FINISHED for state in jobs)
        print(f"\n{done} of {len(jobs)} jobs are done.", file=sys.stderr)


def _asks_only(arguments: Sequence[str]) -> bool:
    """Whether Hydra is only asked to show something."""
    shows = ("--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--info", "-i", "--shell-completion", "-sc")
    return any(argument.split("=")[0] in shows for argument in arguments)


def _look_over(arguments: Sequence[str]) -> None:
    overrides = [argument for argument in arguments if not argument.startswith("-")]
    check_overrides(overrides, compose(), conf_dir())
    if {"-m", "--multirun"} & set(arguments):
        refuse_shared_jobs(overrides)
    else:
        prepare(compose(overrides), overrides)


def _format_error(error: BaseException) -> str | None:
    """The error in a sentence or two; None for one that only a traceback explains."""
    if isinstance(error, GtzanError):
        return str(error)
    if isinstance(error, ValueError) and str(error) in NO_TRIALS:
        return "No trial of the search has a score; above it is told why each failed."
    if not isinstance(error, (HydraException, OmegaConfBaseException)):
        return disk_trouble(error) if isinstance(error, OSError) else None
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, ConfigAttributeError):
        return (
            f"{error.full_key}: the chosen member of the group has no such key. Leave it out, or choose another member."
        )
    return str(error)
