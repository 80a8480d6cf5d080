"""How far a multirun is, and how long the rest of it may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gtzan_lightning.runs.job_states import ENDED, FINISHED, JobState

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
