"""Progress of a sweep: a file with the state of each job, and an estimate of the remaining time."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from gtzan_lightning.utils.files import replacing

FOLDER_VARIABLE = "GTZAN_SWEEP_FOLDER"  # inherited by the processes that a launcher starts
BETWEEN_WRITES_S = 0.5

RUNNING = ("starting", "running")
FINISHED = ("done", "reused")
SETTLED = (*FINISHED, "failed")
ENDED = (*SETTLED, "interrupted", "elsewhere", "not started")


@dataclass(frozen=True)
class JobState:
    """One job; its status is `waiting`, one of `RUNNING`, or one of `ENDED` (`elsewhere`: run by another sweep)."""

    num: int
    overrides: tuple[str, ...]
    folder: str
    status: str = "starting"
    first_epoch: int = 0  # of this attempt: not 0 in a resumed run
    epoch: int = 0  # epochs done
    max_epochs: int = 0  # 0 until the training begins
    val_accuracy: float | None = None
    started: float = 0.0  # this and the next two: seconds since 1970, as time.time() returns them
    training_since: float = 0.0
    updated: float = 0.0
    error: str | None = None
    study: dict[str, Any] | None = None  # of this job; the run's own differs if another study has trained it before

    @property
    def took_s(self) -> float:
        """Seconds from the start to the last update."""
        return self.updated - self.started


@dataclass(frozen=True)
class JobBoard:
    """The folder with the job states of a sweep; files are replaced atomically."""

    folder: Path

    def write(self, state: JobState) -> None:
        """Writes a job's state; errors of the file system, such as a full disk, are ignored."""
        with suppress(OSError), replacing(self._file(state.num), sync=False) as temporary:
            temporary.write_text(json.dumps(asdict(state)), encoding="utf-8")

    def state(self, num: int) -> JobState | None:
        """The state of one job; None if it has not begun."""
        return _read(self._file(num))

    def states(self) -> dict[int, JobState]:
        """The states of all jobs that have begun, by number."""
        found = (_read(path) for path in sorted(self.folder.glob("[0-9]*.json")))
        return {state.num: state for state in found if state is not None}

    def log(self, num: int) -> Path:
        """The file for the output of a job."""
        return self.folder / f"{num:05d}.log"

    def clear(self) -> None:
        """Deletes the files of an earlier start of the sweep."""
        for path in self.folder.iterdir():
            path.unlink()

    def stop(self) -> None:
        """Prevents further jobs from starting."""
        (self.folder / "stop").touch()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called, in any process."""
        return (self.folder / "stop").exists()

    def _file(self, num: int) -> Path:
        return self.folder / f"{num:05d}.json"


def _read(path: Path) -> JobState | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return JobState(**values | {"overrides": tuple(values["overrides"])})
    except (OSError, ValueError, TypeError, KeyError):  # missing, or not written by `JobBoard.write`
        return None


def inherited_board() -> JobBoard | None:
    """The board of the sweep that started this process; None outside a sweep."""
    folder = os.environ.get(FOLDER_VARIABLE)
    return JobBoard(Path(folder)) if folder else None


class JobReport:
    """Writes the state of one job to the board."""

    def __init__(self, board: JobBoard, state: JobState) -> None:
        self.board, self.state = board, replace(state, started=time.time(), updated=time.time())
        board.write(self.state)

    def update(self, *, at_once: bool = True, **changes: Any) -> None:
        """Changes the state; with `at_once=False` at most every `BETWEEN_WRITES_S`, other changes are dropped."""
        now = time.time()
        if at_once or now - self.state.updated > BETWEEN_WRITES_S:
            self.state = replace(self.state, updated=now, **changes)
            self.board.write(self.state)


_current: ContextVar[JobReport | None] = ContextVar("job_report", default=None)


def current_report() -> JobReport | None:
    """The report of the job that this process runs; None outside a sweep."""
    return _current.get()


@contextmanager
def reporting(report: JobReport) -> Iterator[None]:
    """Makes `report` the current report inside the block."""
    token = _current.set(report)
    try:
        yield
    finally:
        _current.reset(token)


@dataclass(frozen=True)
class Expectation:
    """What is known of a sweep before it starts; the defaults for a search, whose jobs are not known."""

    waiting: Sequence[JobState] = ()  # all jobs, in the state `waiting`
    expected_s: Mapping[int, float | None] | None = None  # expected duration of each job, by number
    parallel: int | None = None  # jobs that run at the same time


@dataclass(frozen=True)
class SweepProgress:
    """All jobs in the order of their numbers, and the expected remaining time."""

    states: tuple[JobState, ...]
    left_s: Mapping[int, float | None]  # of each job that has not ended, by number; None if unknown
    total_left_s: float | None

    def having(self, *statuses: str) -> list[JobState]:
        """Jobs with one of these statuses."""
        return [state for state in self.states if state.status in statuses]

    def count(self, *statuses: str) -> int:
        """Number of jobs with one of these statuses."""
        return len(self.having(*statuses))


def progress_of(known: Mapping[int, JobState], expectation: Expectation, now: float) -> SweepProgress:
    """Estimates the remaining time of a sweep.

    Args:
        known: States of the jobs that have begun, by number.
        expectation: All jobs with their expected durations; a job without one is expected to take as long as the
            jobs of this sweep that were trained, on average.
        now: Seconds since 1970.
    """
    states = {state.num: state for state in expectation.waiting} | dict(known)
    ordered = tuple(states[num] for num in sorted(states))
    trained_s = [state.took_s for state in ordered if state.status == "done"]
    mean_s = sum(trained_s) / len(trained_s) if trained_s else None
    measured_s = {num: seconds for num, seconds in (expectation.expected_s or {}).items() if seconds is not None}
    expected_s = dict.fromkeys(states, mean_s) | measured_s
    left_s = {state.num: _left_s(state, expected_s[state.num], now) for state in ordered if state.status not in ENDED}
    running = sum(state.status in RUNNING for state in ordered)
    return SweepProgress(ordered, left_s, _total_s(list(left_s.values()), expectation.parallel or max(1, running)))


def _left_s(state: JobState, expected_s: float | None, now: float) -> float | None:
    """Remaining time of one job: from its mean time per epoch, or from its expected duration before the first one."""
    if state.status == "waiting":
        return expected_s
    trained = state.epoch - state.first_epoch
    if trained > 0:
        epoch_s = (state.updated - state.training_since) / trained
        return max(0.0, epoch_s * (state.max_epochs - state.epoch) - (now - state.updated))
    return None if expected_s is None else max(0.0, expected_s - (now - state.started))


def _total_s(left_s: Sequence[float | None], parallel: int) -> float | None:
    """Lower bound of the remaining time of all jobs; None if that of any job is unknown."""
    known = [seconds for seconds in left_s if seconds is not None]
    if len(known) < len(left_s):
        return None
    return max([sum(known) / parallel, *known[:parallel]], default=0.0)


def finished(states: Mapping[int, JobState]) -> int:
    """Number of jobs with a result."""
    return sum(state.status in FINISHED for state in states.values())
