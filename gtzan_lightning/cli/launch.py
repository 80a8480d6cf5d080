"""Starts a Hydra job so that a user's mistake ends in a sentence instead of a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from hydra.types import RunMode
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, OmegaConfBaseException

from gtzan_lightning.cli.overrides import check_overrides
from gtzan_lightning.cli.sweep import SweepTable
from gtzan_lightning.combination import check_combination
from gtzan_lightning.composition import CONFIG_NAME, VERSION_BASE, composed, conf_dir
from gtzan_lightning.config import checked
from gtzan_lightning.errors import GtzanError

USER_ERROR = 2
FAILED = 1
INTERRUPTED = 130

Job = Callable[[DictConfig], Any]


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
        hydra.main(version_base=VERSION_BASE, config_path=str(conf_dir()), config_name=CONFIG_NAME)(outcome)()
    except GtzanError as error:
        print(f"\n{error}", file=sys.stderr)
        return USER_ERROR
    except (HydraException, OmegaConfBaseException) as error:
        print(f"\n{_told(error)}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("\nInterrupted. The same command goes on from the last checkpoint.", file=sys.stderr)
        return INTERRUPTED
    if outcome.mistake:
        print(f"\n{outcome.mistake}", file=sys.stderr)
        return USER_ERROR
    return FAILED if SweepTable.failures else 0


class Outcome:
    """The job as Hydra calls it: keeps a user's mistake from Hydra, and in a multirun starts the next job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.mistake: GtzanError | None = None  # of a single run

    def __call__(self, cfg: DictConfig) -> Any:
        """Runs one job."""
        several = HydraConfig.get().mode == RunMode.MULTIRUN
        try:
            return self.job(cfg)
        except GtzanError as error:
            if not several:
                self.mistake = error
                return None
            told = str(error)
        except Exception:
            if not several:
                raise
            told = traceback.format_exc()
        print(f"\n{' '.join(HydraConfig.get().overrides.task)} failed:\n{told}", file=sys.stderr)
        return None


def _asks_only(arguments: Sequence[str]) -> bool:
    """Whether Hydra is only asked to show something."""
    shows = ("--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--info", "-i", "--shell-completion", "-sc")
    return any(argument.split("=")[0] in shows for argument in arguments)


def _look_over(arguments: Sequence[str]) -> None:
    overrides = [argument for argument in arguments if not argument.startswith("-")]
    check_overrides(overrides, composed(), conf_dir())
    if not {"-m", "--multirun"} & set(arguments):
        cfg = composed(overrides)
        check_combination(checked(cfg, overrides, dict(cfg.hydra.runtime.choices)))


def _told(error: BaseException) -> str:
    """Hydra's own refusal, in one sentence."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, ConfigAttributeError):
        return (
            f"{error.full_key}: the chosen member of the group has no such key. Leave it out, or choose another member."
        )
    return str(error)
