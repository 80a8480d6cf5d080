"""Starts a Hydra job so that a user's mistake ends in a sentence instead of a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool

import hydra
from hydra.errors import HydraException
from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException

from gtzan_lightning.cli.disk import disk_trouble
from gtzan_lightning.cli.job import Job, Outcome
from gtzan_lightning.cli.multirun import refuse_shared_jobs
from gtzan_lightning.cli.overrides import check_overrides
from gtzan_lightning.cli.sweep import Refusal, SweepTable
from gtzan_lightning.combination import check_combination
from gtzan_lightning.composition import CONFIG_NAME, VERSION_BASE, composed, conf_dir
from gtzan_lightning.config import checked
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.job_states import FINISHED

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
        told = _told(cause)
        if told is None:
            raise cause from None
        print(f"\n{told}", file=sys.stderr)
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
    check_overrides(overrides, composed(), conf_dir())
    if {"-m", "--multirun"} & set(arguments):
        refuse_shared_jobs(overrides)
    else:
        cfg = composed(overrides)
        check_combination(checked(cfg, overrides, dict(cfg.hydra.runtime.choices)))


def _told(error: BaseException) -> str | None:
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
