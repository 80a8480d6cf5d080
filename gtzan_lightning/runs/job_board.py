"""How far a multirun is, and how long the rest of it may take.

MERGED: How far each job of a multirun is: one small file a job, written by whatever process runs it, read by the first.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

FOLDER_VARIABLE = "GTZAN_SWEEP_FOLDER"  # processes that a launcher starts inherit it
BETWEEN_WRITES_S = 0.5

FINISHED = ("done", "reused")
SETTLED = (*FINISHED, "failed")
ENDED = (*SETTLED, "interrupted", "elsewhere", "not started")


@dataclass(frozen=True)
class JobState:
    """One job: `starting`, `running`, or one of `ENDED`; `elsewhere` is on with another process of another sweep."""

    num: int
    overrides: tuple[str, ...]
    folder: str
    status: str = "starting"
    first_epoch: int = 0  # of this attempt: not 0 in a run that was continued
    epoch: int = 0  # epochs done
    max_epochs: int = 0  # 0 until the training begins
    val_accuracy: float | None = None
    started: float = 0.0  # this and the next two: seconds since 1970, as time.time() gives them
    training_since: float = 0.0
    updated: float = 0.0
    error: str | None = None
    study: dict[str, Any] | None = None  # that this job is made for; the run may be older and made for none

    @property
    def took_s(self) -> float:
        """Seconds from its beginning to the last news."""
        return self.updated - self.started


@dataclass(frozen=True)
class JobBoard:
    """The folder of a sweep's job states; each file is replaced as a whole."""

    folder: Path

    def write(self, state: JobState) -> None:
        """Puts up a job's state; a disk that is full must not stop the job for it."""
        temporary = self.folder / f".{state.num}.{os.getpid()}"
        with suppress(OSError):
            temporary.write_text(json.dumps(asdict(state)), encoding="utf-8")
            os.replace(temporary, self._file(state.num))

    def state(self, num: int) -> JobState | None:
        """The state of one job; None while nothing is known."""
        return _read(self._file(num))

    def states(self) -> dict[int, JobState]:
        """The states of all jobs that have begun, by number."""
        found = (_read(path) for path in sorted(self.folder.glob("[0-9]*.json")))
        return {state.num: state for state in found if state is not None}

    def log(self, num: int) -> Path:
        """Where what a job prints is kept."""
        return self.folder / f"{num:05d}.log"

    def clear(self) -> None:
        """Forgets an earlier start of the sweep."""
        for path in self.folder.iterdir():
            path.unlink()

    def stop(self) -> None:
        """Lets no further job begin."""
        (self.folder / "stop").touch()

    @property
    def stopped(self) -> bool:
        """Whether no further job may begin."""
        return (self.folder / "stop").exists()

    def _file(self, num: int) -> Path:
        return self.folder / f"{num:05d}.json"


def inherited_board() -> JobBoard | None:
    """The board of the sweep that this process works for."""
    folder = os.environ.get(FOLDER_VARIABLE)
    return JobBoard(Path(folder)) if folder else None


class JobReport:
    """A job's own hand on the board."""

    def __init__(self, board: JobBoard, state: JobState) -> None:
        self.board, self.state = board, replace(state, started=time.time(), updated=time.time())
        board.write(self.state)

    def update(self, *, at_once: bool = True, **changes: Any) -> None:
        """Changes the state; one that is not urgent is left out if the last is half a second old or less."""
        now = time.time()
        if at_once or now - self.state.updated > BETWEEN_WRITES_S:
            self.state = replace(self.state, updated=now, **changes)
            self.board.write(self.state)


_current: ContextVar[JobReport | None] = ContextVar("job_report", default=None)


def current_report() -> JobReport | None:
    """The report of the job that runs here; None in a single run."""
    return _current.get()


@contextmanager
def reporting(report: JobReport) -> Iterator[None]:
    """Makes it the current report."""
    token = _current.set(report)
    try:
        yield
    finally:
        _current.reset(token)


def _read(path: Path) -> JobState | None:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return JobState(**values | {"overrides": tuple(values["overrides"])})
    except (OSError, ValueError, TypeError, KeyError):  # not there yet, or not ours
        return None


RUNNING = ("starting", "running")


@dataclass(frozen=True)
class Expectation:
    """What is known of a sweep beforehand; nothing but the defaults for a search, which chooses its jobs as it goes."""

    waiting: Sequence[JobState] = ()  # every job, as it is before it has begun
    expected_s: Mapping[int, float | None] | None = None  # from a job's start to its end, by number
    parallel: int | None = None  # jobs that run at the same time


@dataclass(frozen=True)
class SweepProgress:
    """All jobs, by number, with the time that the unfinished ones may still take."""

    states: tuple[JobState, ...]
    left_s: Mapping[int, float | None]
    total_left_s: float | None

    def count(self, *statuses: str) -> int:
        """Jobs with one of these statuses."""
        return sum(state.status in statuses for state in self.states)

    def having(self, *statuses: str) -> list[JobState]:
        """Jobs with one of these statuses."""
        return [state for state in self.states if state.status in statuses]


def progress_of(known: Mapping[int, JobState], expectation: Expectation, now: float) -> SweepProgress:
    """Puts together what the jobs say and what was expected.

    Args:
        known: states of the jobs that have begun.
        expectation: what was known before.
        now: seconds since 1970.
    """
    states = {state.num: state for state in expectation.waiting} | dict(known)
    ordered = tuple(states[num] for num in sorted(states))
    expect = _expecting(ordered, expectation)
    left = {state.num: _left_s(state, expect(state.num), now) for state in ordered if state.status not in ENDED}
    running = sum(state.status in RUNNING for state in ordered)
    return SweepProgress(ordered, left, _total_s(list(left.values()), expectation.parallel or max(1, running)))


def _expecting(states: Sequence[JobState], expectation: Expectation) -> Callable[[int], float | None]:
    """What a job takes: as runs of its kind did, else as the jobs of this sweep that were trained."""
    trained = [state.took_s for state in states if state.status == "done"]
    mean = sum(trained) / len(trained) if trained else None
    measured = expectation.expected_s or {}

    def expected(num: int) -> float | None:
        of_its_kind = measured.get(num)
        return mean if of_its_kind is None else of_its_kind

    return expected


def _left_s(state: JobState, expected_s: float | None, now: float) -> float | None:
    """Of one job: from the pace of its epochs, else from what was expected."""
    if state.status == "waiting":
        return expected_s
    trained = state.epoch - state.first_epoch
    if trained > 0:
        pace_s = (state.updated - state.training_since) / trained
        return max(0.0, pace_s * (state.max_epochs - state.epoch) - (now - state.updated))
    return None if expected_s is None else max(0.0, expected_s - (now - state.started))


def _total_s(left_s: Sequence[float | None], parallel: int) -> float | None:
    known = [seconds for seconds in left_s if seconds is not None]
    if len(known) < len(left_s):
        return None
    return max([sum(known) / parallel, *known[:parallel]], default=0.0)


def finished(states: Mapping[int, JobState]) -> int:
    """Jobs with a result."""
    return sum(state.status in FINISHED for state in states.values())
