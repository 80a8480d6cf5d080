"""Starts the jobs of a command line: checks it first, and prints errors of the user as short messages."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
import traceback
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import redirect_stderr, redirect_stdout, suppress
from functools import cache
from pathlib import Path
from typing import Any

import hydra
from hydra._internal.utils import get_args_parser
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from gtzan_lightning import __version__
from gtzan_lightning.config.compatibility import prepare
from gtzan_lightning.config.composition import (
    CONFIG_NAME,
    VERSION_BASE,
    ConfigSources,
    conf_dir,
    with_plain_paths,
    with_plus,
)
from gtzan_lightning.config.help_text import help_text
from gtzan_lightning.config.overrides import (
    check_multirun,
    check_options,
    check_overrides,
    checked_composition,
    error_message,
)
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.job_board import FINISHED, SETTLED, JobBoard, JobReport, JobState, inherited_board, reporting
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.sweeps.plan import is_grid
from gtzan_lightning.sweeps.session import Refusal, SweepTable
from gtzan_lightning.utils.files import disk_trouble
from gtzan_lightning.utils.memory import without_collection
from gtzan_lightning.utils.terminal import quiet_workers, tolerant_output

Job = Callable[[DictConfig], Any]

USER_ERROR, FAILED, INTERRUPTED = 2, 1, 130  # exit statuses
NO_TRIALS = (
    "No trials are completed yet.",
    "Record does not exist.",
)  # errors of Optuna after a search without a score


@tolerant_output()
@quiet_workers()
def launch(job: Job, arguments: Sequence[str] | None = None) -> int:
    """Runs a job once, or with `-m` once for each combination of the swept values.

    The command line is checked first, so that a mistake is reported within a second and leaves no folder.

    Args:
        job: takes the composed configuration; a search maximises its result.
        arguments: the command line; None is `sys.argv`.

    Returns:
        The exit status: 0, 1 if jobs of a multirun failed, 2 for an error of the user, 130 after Ctrl-C.
    """
    arguments = with_plain_paths(sys.argv[1:] if arguments is None else arguments)
    if "--version" in arguments:
        print(f"gtzan-lightning {__version__}")
        return 0
    try:
        check_options(arguments)
    except GtzanError as error:
        print(error, file=sys.stderr)
        return USER_ERROR
    options = get_args_parser().parse_intermixed_args(arguments)
    overrides, sources = options.overrides, _sources(options)
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises errors instead of printing them
    SweepTable.failures = 0
    hydra_job = HydraJob(job)
    try:
        hydra_arguments = _for_hydra(arguments, options)
        if options.help:
            print(help_text(overrides, sources))
            return 0
        if not (options.hydra_help or options.cfg or options.info or options.shell_completion):  # Hydra runs no job
            _check(overrides, sources, multirun=options.multirun)
        sys.argv = [sys.argv[0], *hydra_arguments]
        _run(hydra_job)
    except KeyboardInterrupt:
        _print_interrupted_sweep()
        print("\nInterrupted. Run the same command again to resume from the last checkpoint.", file=sys.stderr)
        return INTERRUPTED
    except (Refusal, Exception) as error:
        cause = error.__cause__ if isinstance(error, Refusal) and error.__cause__ else error
        message = _user_message(cause)
        if message is None:
            raise cause from None
        print(f"\n{message}", file=sys.stderr)
        return USER_ERROR
    finally:
        SweepTable.close()
    if hydra_job.error:
        print(f"\n{hydra_job.error}", file=sys.stderr)
        return USER_ERROR
    return FAILED if SweepTable.failures else 0


class HydraJob:
    """A job as Hydra calls it; keeps errors from Hydra, which would end the multirun.

    A launcher pickles it for its worker processes.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.error: GtzanError | None = None  # of a single run
        self.waits = False  # for runs that another process holds; otherwise they are left to a second pass

    def __call__(self, cfg: DictConfig) -> Any:
        """Runs the job; the failure of a job of a multirun is reported on the job board instead of raised."""
        os.chdir(HydraConfig.get().runtime.cwd)  # with hydra.job.chdir=true, relative paths would lead elsewhere
        board = inherited_board()
        if HydraConfig.get().mode == RunMode.MULTIRUN and board is not None:
            _exit_after_parent()
            with _busy:
                return self._multirun_job(cfg, board)
        try:
            return self.job(cfg)
        except GtzanError as error:
            self.error = error
        except Exception as error:  # some packages replace the error of the disk by their own
            message = disk_trouble(error)
            if message is None:
                raise
            self.error = GtzanError(message)
        return None

    def _multirun_job(self, cfg: DictConfig, board: JobBoard) -> Any:
        hydra = HydraConfig.get()
        run = RunFolder(Path(hydra.runtime.output_dir))
        num = int(hydra.job.num)
        before = board.state(num)
        if before is not None and before.status in SETTLED:  # in an earlier pass of this multirun
            return None
        study: Any = OmegaConf.to_container(cfg.study, resolve=True) if cfg.study else None
        report = JobReport(board, JobState(num, tuple(hydra.overrides.task), str(run.path), study=study))
        if board.stopped:
            report.update(status="not started")
            with suppress(OSError):
                run.path.rmdir()  # created by Hydra; kept if it is not empty
            return None
        if not self.waits and is_grid(hydra) and run.is_held():
            report.update(status="elsewhere")
            return None
        return self._reported(cfg, report)

    def _reported(self, cfg: DictConfig, report: JobReport) -> Any:
        """Runs the job with its output redirected to its log, and reports how it ended."""
        log = report.board.log(report.state.num)
        try:
            with (
                log.open("a", encoding="utf-8", errors="backslashreplace") as file,
                redirect_stdout(file),
                redirect_stderr(file),
                reporting(report),
            ):
                _check_study(report.state.study)
                result = self.job(cfg)
        except Exception as error:
            message = str(error) if isinstance(error, GtzanError) else disk_trouble(error) or traceback.format_exc()
            if cfg.sweep.on_error == "stop":
                report.board.stop()
            report.update(status="failed", error=message)
            return None
        except BaseException:  # Ctrl-C or a signal of a scheduler
            report.update(status="interrupted")
            raise
        report.update(status="done" if report.state.max_epochs else "reused")
        return result


_busy = threading.Lock()  # held while a job of a multirun runs in this process


@cache
def _exit_after_parent() -> None:
    """Makes a worker process exit after its job if its parent was killed; workers of joblib would wait forever."""
    if multiprocessing.parent_process() is None:  # not a worker
        return
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        with _busy:
            os._exit(1)

    threading.Thread(target=watch, name="parent watch", daemon=True).start()


def _sources(options: Namespace) -> ConfigSources:
    """The sources of a command line. `--config-path` adds a folder, as `--config-dir`: the groups are here."""
    return ConfigSources(options.config_dir or options.config_path, options.config_name or CONFIG_NAME)


def _for_hydra(arguments: Sequence[str], options: Namespace) -> list[str]:
    """The command line with the options first, as Hydra needs them, and `--config-path` as `--config-dir`.

    Raises:
        GtzanError: both options are given.
    """
    if options.config_path is not None and options.config_dir is not None:
        raise GtzanError("--config-dir and --config-path: give one of them; hydra.searchpath=[file://DIR] adds others.")
    names = {"--config-path": "--config-dir", "-cp": "-cd"}
    first, overrides = [], list(options.overrides)
    for argument in arguments:
        if overrides and argument == overrides[0]:
            overrides.pop(0)
        else:
            name, equals, value = argument.partition("=")
            first.append(names.get(name, name) + equals + value)
    return [*first, *map(with_plus, options.overrides)]


@without_collection()  # of the many objects of torch
def _check(overrides: Sequence[str], sources: ConfigSources, *, multirun: bool) -> None:
    """Checks a command line; of a multirun only what does not depend on the job."""
    if multirun:
        check_overrides(overrides, sources, multirun=True)
        check_multirun(overrides, sources)
        return
    config = prepare(checked_composition(overrides, sources), overrides).config
    _check_study(config.study.model_dump(by_alias=True) if config.study else None)
    from gtzan_lightning.training.construction import check_objects  # imports torch, only after the other checks

    check_objects(config, overrides)


def _check_study(settings: object) -> None:
    """Checks the class and the settings of `study`; the validation of the run refuses other values."""
    if isinstance(settings, Mapping) and "_target_" in settings:
        from gtzan_lightning.studies.study import study_class  # imports matplotlib

        study_class(settings)


def _run(hydra_job: HydraJob) -> None:
    """Calls Hydra, and again for jobs that other processes held or that were lost with a killed worker process."""
    start = hydra.main(version_base=VERSION_BASE, config_path=str(conf_dir()), config_name=CONFIG_NAME)(hydra_job)
    while True:
        try:
            start()
        except BrokenProcessPool:
            session = SweepTable.session
            if session is None:
                raise
            print("\nA worker process was killed, perhaps for lack of memory.", file=sys.stderr, flush=True)
            if not session.continues_after_lost_worker():
                SweepTable.end(session.jobs())
                print("\nRun the same command again to resume from the last checkpoints.", file=sys.stderr)
                return
        else:
            if SweepTable.session is None or not SweepTable.session.needs_another_pass():
                return
            hydra_job.waits = SweepTable.session.waits = True


def _print_interrupted_sweep() -> None:
    """Prints the table of the jobs that had begun."""
    session = SweepTable.session
    if session is not None:
        session.mark_interrupted()
        jobs = session.jobs()
        SweepTable.end([state for state in jobs if state.status not in ("waiting", "not started")])
        done = sum(state.status in FINISHED for state in jobs)
        print(f"\n{done} of {len(jobs)} jobs are done.", file=sys.stderr)


def _user_message(error: BaseException) -> str | None:
    """The message of an error of the user; None for an error that needs its traceback."""
    if isinstance(error, ValueError) and str(error) in NO_TRIALS:
        return "No trial of the search has a score; the reasons are printed above."
    message = error_message(error)
    return disk_trouble(error) if message is None and isinstance(error, OSError) else message
