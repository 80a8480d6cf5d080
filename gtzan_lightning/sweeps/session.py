"""The end of a multirun: one table of all its jobs, and what its experiment asks for.

MERGED: A multirun from its plan to its last job, over as many passes of Hydra as it takes.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from filelock import FileLock, Timeout
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.job_board import FOLDER_VARIABLE, RUNNING, SETTLED, Expectation, JobBoard, JobState, finished
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.sweeps.display import SYNTHETIC, SweepDisplay, print_plan, print_repeated
from gtzan_lightning.sweeps.plan import Plan, is_grid, plan_of
from gtzan_lightning.utils.files import disk_trouble

if TYPE_CHECKING:
    from gtzan_lightning.runs.job_board import JobState


PATIENCE_S = 5.0  # with processes that are just ending


class SweepSession:
    """What the first process of a multirun holds: the plan, the board, and what shows them.

    Raises:
        GtzanError: there is not one job, a value is wrong, or the folder of the sweep cannot be written.
    """

    def __init__(self, config: DictConfig) -> None:
        self.on_error = str(config.sweep.on_error)
        if self.on_error not in ("continue", "stop"):
            raise GtzanError(f"sweep.on_error = {self.on_error}: should be continue or stop.")
        self.plan = plan_of(config) if is_grid(config.hydra) else None
        self.lock, self.board = _claimed(Path(str(config.hydra.sweep.dir)).absolute())
        os.environ[FOLDER_VARIABLE] = str(self.board.folder)
        if self.plan is not None:
            _print(self.plan)
        self.display = SweepDisplay(self.board, _expectation(self.plan), progress=bool(config.trainer.progress))
        self.waits = False  # whether this is the pass that waits for other processes
        self.finished_at_last_loss = -1
        for launcher in ("hydra", "hydra_plugins"):  # they list the jobs once more
            logging.getLogger(launcher).setLevel(logging.WARNING)
        self.display.start()

    def jobs(self) -> list[JobState]:
        """Every job, by number; those of a grid that have not begun too."""
        planned = {job.num: job.waiting() for job in self.plan.jobs} if self.plan else {}
        states = planned | self.board.states()
        return [states[num] for num in sorted(states)]

    def wants_another_pass(self) -> bool:
        """Whether jobs were left out because another process was on their runs, and are still to be waited for."""
        if self.plan is None or self.waits:
            return False
        return any(state.status not in (*SETTLED, "not started") for state in self.board.states().values())

    def after_lost_worker(self) -> bool:
        """Whether another pass may help after a worker was killed: one that brought nothing new is not repeated."""
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
        """Ends the display; the next start of the same sweep may have the board."""
        self.display.stop()
        os.environ.pop(FOLDER_VARIABLE, None)
        self.lock.release()


def _claimed(folder: Path) -> tuple[FileLock, JobBoard]:
    """A board of its own for each copy of a sweep; that of a dead copy is taken over."""
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


def _print(plan: Plan) -> None:
    if plan.synthetic:
        Console().print(SYNTHETIC, style="bold yellow", soft_wrap=True)
    distinct = {job.folder: job for job in plan.jobs}.values()
    standings, expected = [job.standing for job in distinct], [job.expected_s for job in distinct]
    print_plan(standings, plan.varied, expected, plan.parallel)
    for jobs in plan.repeated.values():
        print_repeated([job.overrides for job in jobs])


class Refusal(BaseException):
    """Carries an error (its cause) out of a callback: Hydra only warns of ordinary exceptions there, and goes on."""


class SweepTable(Callback):
    """Tells the plan of a multirun, and prints the table of all jobs when they have ended."""

    failures: ClassVar[int] = 0  # jobs of this process's last multirun that are not done
    session: ClassVar[SweepSession | None] = None  # of this process, from the first pass of Hydra to the last

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:

        try:
            SweepTable.session = SweepTable.session or SweepSession(config)
        except Exception as error:
            raise Refusal from error

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        if SweepTable.session is not None:  # the job ran in this process
            SweepTable.session.display.refresh()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        from gtzan_lightning.studies.base import report_studies

        session = SweepTable.session
        if session is None or session.wants_another_pass():
            return
        jobs = SweepTable.end(session.jobs())
        folder = Path(config.hydra.sweep.dir)
        _sum_up(jobs, folder)
        report_studies([card for _, card in jobs], folder)

    @staticmethod
    def end(states: Sequence[JobState]) -> list[tuple[Path, dict[str, Any]]]:
        """Ends the display and prints the table of some jobs; returns their run folders and cards."""
        from gtzan_lightning.report.console import print_sweep

        if SweepTable.session is not None:
            SweepTable.session.display.stop()
        first: dict[Path, JobState] = {}
        for state in states:
            first.setdefault(Path(state.folder), state)  # one question asked twice is one run
        jobs = [(folder, _card(folder, state)) for folder, state in first.items()]
        SweepTable.failures = sum(card.get("status") != "done" for _, card in jobs)
        print_sweep(jobs)
        return jobs

    @staticmethod
    def close() -> None:
        """Lets go of the multirun, however it ended."""
        if SweepTable.session is not None:
            SweepTable.session.close()
            SweepTable.session = None


def _card(folder: Path, state: JobState) -> dict[str, Any]:
    """The job's card, with the words of this sweep: a run that was finished before may have been asked for in others.

    A damaged card is one row of the table, not the end of it.
    """
    from gtzan_lightning.runs.run_folder import RunFolder

    try:
        card = RunFolder(folder).card()
    except GtzanError as error:
        card = {"status": "damaged", "error": str(error)}
    if state.status in ("waiting", "not started") and card.get("status") != "done":
        card["status"] = "not started"
    return card | {"overrides": list(state.overrides), "study": state.study}


def _sum_up(jobs: Sequence[tuple[Path, dict[str, Any]]], folder: Path) -> None:
    """Prints means over seeds and folds where there are several; leaves the report of all jobs."""
    from gtzan_lightning.report.report_folder import report_sweep
    from gtzan_lightning.report.sweep_summary import print_summary, summed_up

    print_summary(summed_up([card for _, card in jobs if card.get("status") == "done"]))
    report_sweep(jobs, folder)
