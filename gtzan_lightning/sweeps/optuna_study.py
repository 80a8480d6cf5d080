"""The stored study of a search, and a sampler that draws the same values after an interruption."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

DRAW = "draw"  # attribute of a trial: the number of its draw; a repeated trial is the same draw
STEP = 1_000_003  # distance of the seeds of two searches


def opened(storage: str, name: str) -> Study:
    """The stored study, or a new one; trials that a killed process left running are marked as failed."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(study_name=name, storage=storage, direction="maximize", load_if_exists=True)
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    return study


def completed(study: Study) -> list[FrozenTrial]:
    """Trials with a value, sorted by number."""
    return study.get_trials(states=(TrialState.COMPLETE,))


def failed_draws(study: Study) -> int:
    """Number of draws that were tried and have no value."""
    done = {trial.system_attrs.get(DRAW) for trial in completed(study)}
    return len({trial.system_attrs.get(DRAW) for trial in study.trials} - done)


def overrides_of(trial: FrozenTrial) -> tuple[str, ...]:
    """The command line of a trial: the overrides that all trials share, then the values that the search has chosen."""
    return tuple(f"{name}={value}" for name, value in {**trial.user_attrs, **trial.params}.items())


def running_draw(storage: str, name: str, overrides: Sequence[str]) -> int | None:
    """The number of the draw of the running trial with these overrides; None if there is none."""
    study = optuna.load_study(study_name=name, storage=storage)
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if frozenset(overrides_of(trial)) == frozenset(overrides):
            return trial.system_attrs[DRAW]
    return None


class RepeatableTPE(BaseSampler):
    """Optuna's TPE sampler with a separate random state for each draw.

    A draw depends only on the seed, its number and the trials before it. Therefore a search that was killed and
    started again tries the same values as an uninterrupted one, and failed draws are repeated.

    Args:
        seed: seed of the search.
        options: arguments of `optuna.samplers.TPESampler`.
    """

    def __init__(self, seed: int, **options: Any) -> None:
        self._seed, self._options = seed, options
        self._first: int | None = None  # number of the first trial of this process
        self._current: tuple[int, TPESampler] | None = None

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """As TPE; starts a draw."""
        return self._of(study, trial).infer_relative_search_space(study, trial)

    def sample_relative(self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]) -> Any:
        """As TPE."""
        return self._of(study, trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """As TPE."""
        return self._of(study, trial).sample_independent(study, trial, param_name, param_distribution)

    def _of(self, study: Study, trial: FrozenTrial) -> TPESampler:
        if self._current is None or self._current[0] != trial.number:
            draw = self._next_draw(study, trial)
            study._storage.set_trial_system_attr(trial._trial_id, DRAW, draw)  # as Optuna's own samplers do
            self._current = trial.number, TPESampler(seed=self._seed * STEP + draw, **self._options)
        return self._current[1]

    def _next_draw(self, study: Study, trial: FrozenTrial) -> int:
        """The lowest number that no completed trial and no trial of this process has."""
        self._first = trial.number if self._first is None else self._first
        taken = {
            other.system_attrs.get(DRAW)
            for other in study.get_trials(deepcopy=False)
            if other.state == TrialState.COMPLETE or self._first <= other.number < trial.number
        }
        return next(draw for draw in range(len(taken) + 1) if draw not in taken)
