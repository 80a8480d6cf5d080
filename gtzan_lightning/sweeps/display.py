"""Console output of a multirun: its plan, then a live table on a terminal or plain lines in a log file."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.console import short_override, varied
from gtzan_lightning.runs.job_board import (
    ENDED,
    FINISHED,
    RUNNING,
    Expectation,
    JobBoard,
    JobState,
    SweepProgress,
    progress_of,
)
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.sweeps.plan import Plan
from gtzan_lightning.utils.terminal import is_live

SYNTHETIC = "SYNTHETIC corpus in all jobs: their scores say nothing about real music."
PREVIOUS = {
    "done": "finished before",
    "other code": "finished before, will be repeated as their code has changed",
    "interrupted": "interrupted, will be resumed",
    "failed": "failed before, will be tried again",
    "running": "running in another process",
    "damaged": "with a damaged record",
}
REFRESH_S = 1.0
PROGRESS_LINE_S = 60.0  # interval between progress lines in a log file
NEXT_SHOWN = 3  # waiting jobs in the live table
ROWS_SHOWN = 12  # running jobs in the live table


def print_plan(plan: Plan, console: Console | None = None) -> None:
    """Prints the number of jobs, the swept values, the status of earlier runs, and the expected duration.

    Jobs with the same config hash count once.
    """
    console = console or Console()
    if plan.synthetic:
        console.print(SYNTHETIC, style="bold yellow", soft_wrap=True)
    jobs = {job.folder: job for job in plan.jobs}.values()
    sizes = " x ".join(str(len(values)) for values in plan.varied.values())
    lines = [
        f"Sweep of {len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}{f' = {sizes}' if len(plan.varied) > 1 else ''}"
    ]
    lines += [f"  {key}: {', '.join(values)}" for key, values in plan.varied.items()]
    counts = Counter(job.previous_status for job in jobs)
    lines += [f"  {counts[status]} {text}" for status, text in PREVIOUS.items() if counts[status]]
    lines.append(f"  {_estimate([job.expected_s for job in jobs if job.previous_status != 'done'], plan.parallel)}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    for repeated in plan.repeated.values():
        names = " | ".join(dict.fromkeys(" ".join(job.overrides) for job in repeated))
        text = f"{len(repeated)} jobs have the same configuration and are run once: {names}"
        console.print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)


def format_duration(seconds: float) -> str:
    """`41 s`, `14 min`, `2 h 10 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


def _estimate(expected_s: Sequence[float | None], parallel: int | None) -> str:
    """The expected duration of the jobs to train."""
    if not expected_s:
        return "nothing is left to train"
    known = [seconds for seconds in expected_s if seconds is not None]
    if not known:
        return f"{len(expected_s)} to train; the duration is not known until the first jobs are done"
    total = format_duration(max(sum(known) / (parallel or 1), max(known)))
    unknown = len(expected_s) - len(known)
    basis = f"for {len(known)} of them; no similar run for the other {unknown}" if unknown else "as similar runs took"
    pace = "one after another" if parallel is None else f"{parallel} at a time"
    return f"{len(expected_s)} to train: about {total}, {pace}, {basis}"


class SweepDisplay:
    """Reads the job board once a second and prints what has changed.

    It keeps the output streams of its creation, since those of a job in this process are redirected to its log.
    """

    def __init__(self, board: JobBoard, expectation: Expectation, *, progress: bool) -> None:
        self.board, self.expectation = board, expectation
        self.console = Console(file=sys.stdout)
        terminal = is_live(self.console) and progress
        self.errors = self.console if terminal else Console(file=sys.stderr)
        self.live = Live(console=self.console, auto_refresh=False, transient=True) if terminal else None
        self.every_s = PROGRESS_LINE_S if progress else float("inf")
        self.reported: dict[int, str] = {}  # the status of each job that was printed last
        self.line_at = time.time()
        self.names = _job_names(expectation.waiting)
        self.turn = threading.Lock()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="sweep display", daemon=True)

    def start(self) -> None:
        """Starts the display."""
        if self.live is not None:
            self.live.start()
        self.thread.start()

    def stop(self) -> None:
        """Prints the last changes and stops the display."""
        if not self.ended.is_set():
            self.ended.set()
            self.thread.join()
            self.refresh()
            if self.live is not None:
                self.live.stop()

    def refresh(self) -> None:
        """Prints what has changed."""
        with self.turn:
            progress = progress_of(self.board.states(), self.expectation, time.time())
            for state in progress.states:
                self._print_change(state, len(progress.states))
            if self.live is not None:
                self.live.update(self._table(progress), refresh=True)
            elif time.time() - self.line_at >= self.every_s and progress.having(*RUNNING):
                self._print(self._summary(progress))
                self.line_at = time.time()

    def _watch(self) -> None:
        while not self.ended.wait(REFRESH_S):
            self.refresh()

    def _print_change(self, state: JobState, total: int) -> None:
        """Prints a line for a job that has started or ended; on a terminal, the table shows those that have started."""
        if state.status in ("starting", self.reported.get(state.num, "waiting")):
            return  # a starting job may turn out to be finished
        self.reported[state.num] = state.status
        if state.status in ENDED or self.live is None:
            shown = f"{total}" if self.expectation.waiting else "?"
            self._print(f"[{state.num + 1}/{shown}] {self._name(state)}: {_event(state)}")
        if state.status == "failed":
            message = f"\n{' '.join(state.overrides)} failed:\n{state.error}"
            self.errors.print(message, markup=False, highlight=False, soft_wrap=True)

    def _print(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _name(self, state: JobState) -> str:
        return self.names.get(state.num) or " ".join(map(short_override, state.overrides))

    def _summary(self, progress: SweepProgress) -> str:
        running = progress.having(*RUNNING)[:ROWS_SHOWN]
        return f"{_counts(progress)} | {', '.join(f'{self._name(state)} {_epochs(state)}' for state in running)}"

    def _table(self, progress: SweepProgress) -> Group:
        """The running jobs, the next ones, and the counts."""
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("job", justify="right")
        table.add_column("", overflow="ellipsis", no_wrap=True)
        for name in ("epoch", "val\naccuracy", "time\nleft"):  # in two lines: the job fits into 40 columns too
            table.add_column(name, justify="right", no_wrap=True)
        for state in [*progress.having(*RUNNING)[:ROWS_SHOWN], *progress.having("waiting")[:NEXT_SHOWN]]:
            left_s = progress.left_s.get(state.num)
            running = state.status in RUNNING
            accuracy = "" if state.val_accuracy is None else f"{state.val_accuracy:.3f}"
            cells = (_epochs(state), accuracy, format_duration(left_s) if running and left_s is not None else "")
            table.add_row(str(state.num + 1), Text(self._name(state)), *cells, style=None if running else "dim")
        return Group(table, Text(_counts(progress)))


def _job_names(states: Sequence[JobState]) -> dict[int, str]:
    """The overrides of each job that not all jobs share, by number."""
    names = varied([{"overrides": list(state.overrides)} for state in states])
    return {state.num: name for state, name in zip(states, names, strict=True)}


def _counts(progress: SweepProgress) -> str:
    """`12 of 72 done (5 finished before), 1 failed, 2 running, 57 waiting, about 14 min left`."""
    before, failed = progress.count("reused"), progress.count("failed")
    texts = [f"{progress.count(*FINISHED)} of {len(progress.states)} done"]
    texts[0] += f" ({before} finished before)" if before else ""
    texts += [f"{failed} failed"] if failed else []
    others = {"running": RUNNING, "running in another process": ("elsewhere",), "waiting": ("waiting",)}
    texts += [f"{number} {name}" for name, statuses in others.items() if (number := progress.count(*statuses))]
    if progress.total_left_s:
        texts.append(f"about {format_duration(progress.total_left_s)} left")
    return ", ".join(texts)


def _epochs(state: JobState) -> str:
    if not state.max_epochs:
        return "waiting" if state.status == "waiting" else "starting"
    return f"{state.epoch}/{state.max_epochs}"


def _event(state: JobState) -> str:
    """The status of a job that has started or ended, as a phrase."""
    if state.status in FINISHED:
        when = "finished before" if state.status == "reused" else f"done in {format_duration(state.took_s)}"
        resumed = f" (resumed from epoch {state.first_epoch})" if state.first_epoch else ""
        return f"{when}{resumed}, test accuracy {_scores(state)}"
    texts = {
        "running": f"resumed from epoch {state.first_epoch}" if state.first_epoch else "started",
        "elsewhere": "running in another process",
        "failed": f"failed after {format_duration(state.took_s)}: {_reason(state.error or '')}",
    }
    return texts.get(state.status, state.status)


def _reason(error: str) -> str:
    """The last line of a traceback, otherwise the first line of the message."""
    lines = error.strip().splitlines() or [""]
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _scores(state: JobState) -> str:
    try:
        test = RunFolder(Path(state.folder)).card()["metrics"]["test"]
        return ", ".join(f"{level} {test[level]['accuracy']:.3f}" for level in ("window", "clip"))
    except (GtzanError, KeyError):
        return "unknown: its record is damaged"
