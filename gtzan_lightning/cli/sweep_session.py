"""A multirun from its plan to its last job, over as many passes of Hydra as it takes."""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout
from omegaconf import DictConfig
from rich.console import Console

from gtzan_lightning.cli.disk import disk_trouble
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.sweep_live import SweepDisplay
from gtzan_lightning.report.sweep_plan import SYNTHETIC, print_plan, print_repeated
from gtzan_lightning.runs.folder import RunFolder
from gtzan_lightning.runs.job_states import FOLDER_VARIABLE, SETTLED, JobBoard, JobState
from gtzan_lightning.runs.sweep_progress import RUNNING, Expectation, finished
from gtzan_lightning.sweeping.plan import Plan, is_grid, plan_of

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
