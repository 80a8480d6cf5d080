"""A multirun from its plan to the table of its jobs, over one or several passes of Hydra."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from filelock import FileLock, Timeout
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.job_board import FOLDER_VARIABLE, RUNNING, SETTLED, Expectation, JobBoard, JobState, finished
from gtzan_lightning.runs.run_folder import Card, RunFolder
from gtzan_lightning.sweeps.plan import Plan, is_grid, plan_of
from gtzan_lightning.utils.files import disk_trouble

PATIENCE_S = 5.0  # waiting time for processes that are about to exit


class Refusal(BaseException):
    """Carries an error, as its cause, out of a callback: Hydra only logs ordinary exceptions of callbacks."""


class SweepTable(Callback):
    """Prints the plan of a multirun at its start, and the table of its jobs and its studies at the end."""

    failures: ClassVar[int] = 0  # number of jobs of the last multirun of this process that are not done
    session: ClassVar[SweepSession | None] = None  # of this process, from the first pass of Hydra to the last

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Starts the session, or keeps that of an earlier pass."""
        try:
            SweepTable.session = SweepTable.session or SweepSession(config)
        except Exception as error:
            raise Refusal from error

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        """Refreshes the display after a job of this process."""
        if SweepTable.session is not None:
            SweepTable.session.display.refresh()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Prints the tables and writes the report, after the last pass."""
        from gtzan_lightning.report.report_folder import report_sweep  # slow to import
        from gtzan_lightning.studies.study import report_studies

        session = SweepTable.session
        if session is None or session.needs_another_pass():
            return
        jobs = SweepTable.end(session.jobs())
        folder = Path(config.hydra.sweep.dir)
        report_sweep(jobs, folder)
        report_studies([card | {"folder": str(run)} for run, card in jobs], folder)
        if SweepTable.failures:
            print("Next: the same command, which repeats the jobs that are not done")
        else:
            print("Next: gtzan compare RUN RUN, gtzan report for all runs")

    @staticmethod
    def end(states: Sequence[JobState]) -> list[tuple[Path, Card]]:
        """Stops the display and prints the table of some jobs; returns their run folders and cards."""
        from gtzan_lightning.report.console import print_sweep  # slow to import

        if SweepTable.session is not None:
            SweepTable.session.display.stop()
        first: dict[Path, JobState] = {}
        for state in states:
            first.setdefault(Path(state.folder), state)  # jobs with the same config hash share a run
        jobs = [(folder, _card(folder, state)) for folder, state in first.items()]
        SweepTable.failures = sum(card.get("status") != "done" for _, card in jobs)
        print_sweep(jobs)
        return jobs

    @staticmethod
    def close() -> None:
        """Closes the session, if there is one."""
        if SweepTable.session is not None:
            SweepTable.session.close()
            SweepTable.session = None


class SweepSession:
    """Plan, job board and display of a multirun, in its first process.

    Raises:
        GtzanError: the sweep is empty, a value is invalid, or the folder of the sweep cannot be written.
    """

    def __init__(self, config: DictConfig) -> None:
        from gtzan_lightning.sweeps.display import SweepDisplay, print_plan  # slow to import

        self.on_error = str(config.sweep.on_error)
        if self.on_error not in ("continue", "stop"):
            raise GtzanError(f"sweep.on_error = {self.on_error}: should be continue or stop.")
        self.plan = plan_of(config) if is_grid(config.hydra) else None
        self.lock, self.board = _locked_board(Path(str(config.hydra.sweep.dir)).absolute())
        os.environ[FOLDER_VARIABLE] = str(self.board.folder)
        if self.plan is not None:
            print_plan(self.plan)
        self.display = SweepDisplay(self.board, _expectation(self.plan), progress=bool(config.trainer.progress))
        self.waits = False  # whether this pass waits for runs that other processes hold
        self.finished_at_last_loss = -1
        for launcher in ("hydra", "hydra_plugins"):  # they would list the jobs again
            logging.getLogger(launcher).setLevel(logging.WARNING)
        self.display.start()

    def jobs(self) -> list[JobState]:
        """Every job by number; for a grid including those that have not begun."""
        planned = {job.num: job.waiting() for job in self.plan.jobs} if self.plan else {}
        states = planned | self.board.states()
        return [states[num] for num in sorted(states)]

    def needs_another_pass(self) -> bool:
        """Whether jobs were left out because another process held their runs."""
        if self.plan is None or self.waits:
            return False
        return any(state.status not in (*SETTLED, "not started") for state in self.board.states().values())

    def continues_after_lost_worker(self) -> bool:
        """Whether to start another pass after a worker was killed: only if jobs have finished since the last loss."""
        self.mark_interrupted()
        so_far, before = finished(self.board.states()), self.finished_at_last_loss
        self.finished_at_last_loss = so_far
        return self.plan is not None and self.on_error == "continue" and so_far > before

    def mark_interrupted(self) -> None:
        """Corrects the records of jobs whose processes were stopped."""
        for state in self.board.states().values():
            if state.status in RUNNING:
                RunFolder(Path(state.folder)).mark_interrupted(PATIENCE_S)
                self.board.write(replace(state, status="interrupted"))

    def close(self) -> None:
        """Stops the display and releases the job board."""
        self.display.stop()
        os.environ.pop(FOLDER_VARIABLE, None)
        self.lock.release()


def _locked_board(folder: Path) -> tuple[FileLock, JobBoard]:
    """An empty job board for this copy of the sweep: the first that no living process holds."""
    number = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            lock = FileLock(folder / f".jobs-{number}.lock")
            try:
                lock.acquire(timeout=0)
                break
            except Timeout:
                number += 1
        board = JobBoard(folder / f"jobs-{number}")
        board.folder.mkdir(exist_ok=True)
        board.clear()
    except OSError as error:
        raise GtzanError(disk_trouble(error) or f"{folder}: {error}") from error
    return lock, board


def _expectation(plan: Plan | None) -> Expectation:
    if plan is None:
        return Expectation()
    expected = {job.num: job.expected_s for job in plan.jobs}
    return Expectation([job.waiting() for job in plan.jobs], expected, plan.parallel)


def _card(folder: Path, state: JobState) -> Card:
    """The card of a job's run, with the overrides and the study of this sweep, which may reuse an older run.

    A job can fail before its run has a card, and the card can be damaged: both are rows of the table.
    """
    try:
        card = RunFolder(folder).card()
    except GtzanError as error:
        card = {"status": "damaged", "error": str(error)}
    if state.status in ("waiting", "not started") and card.get("status") != "done":
        card["status"] = "not started"
    if state.status == "failed" and card.get("status") in (None, "done"):
        card |= {"status": "failed", "error": state.error}
    return card | {"overrides": list(state.overrides), "study": state.study}
