"""A multirun while it runs: one live table on a terminal, plain lines in a log file.

MERGED: Lengths of time in words. | What a multirun is going to do, told before it starts.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
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


def format_duration(seconds: float) -> str:
    """`41 s`, `14 min`, `2 h 10 min`."""
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d} min"


STANDINGS = {
    "done": "finished before",
    "interrupted": "interrupted, to be continued",
    "failed": "failed before, to be tried again",
    "running": "on with another process",
    "damaged": "with a damaged record",
}
SYNTHETIC = "No data folder: all jobs train on the SYNTHETIC corpus. Their scores say nothing about real music."


def print_plan(
    standings: Sequence[str],
    values: Mapping[str, Sequence[str]],
    expected_s: Sequence[float | None],
    parallel: int | None,
    console: Console | None = None,
) -> None:
    """How many jobs, what varies, what is there already, how long the rest may take.

    Args:
        standings: what became of each job's run before; empty for a new one.
        values: the keys that are swept over, with their values.
        expected_s: how long each job takes; None where no run like it was measured.
        parallel: jobs that run at the same time; None where that is not known.
        console: where to print.
    """
    console = console or Console()
    times = " x ".join(str(len(some)) for some in values.values())
    total = len(standings)
    lines = [f"Sweep of {total} {'job' if total == 1 else 'jobs'}{f' = {times}' if len(values) > 1 else ''}"]
    lines += [f"  {key}: {', '.join(some)}" for key, some in values.items()]
    counts = Counter(standings)
    lines += [f"  {counts[standing]} {words}" for standing, words in STANDINGS.items() if counts[standing]]
    left = [seconds for standing, seconds in zip(standings, expected_s, strict=True) if standing != "done"]
    lines.append(f"  {_estimate(left, parallel)}")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def print_repeated(jobs: Sequence[Sequence[str]], console: Console | None = None) -> None:
    """Names jobs of one sweep that ask one question."""
    names = " | ".join(" ".join(job) for job in dict.fromkeys(map(tuple, jobs)))
    text = f"The same question {len(jobs)} times, answered once: {names}"
    (console or Console()).print(text, style="yellow", highlight=False, markup=False, soft_wrap=True)


def job_names(jobs: Sequence[Sequence[str]]) -> list[str]:
    """What of each job's command line the others do not share."""
    return varied([{"overrides": list(job)} for job in jobs])


def _estimate(left: Sequence[float | None], parallel: int | None) -> str:
    """How long the jobs that are left may take, as far as there are runs to judge by."""
    if not left:
        return "nothing is left to train"
    known = [seconds for seconds in left if seconds is not None]
    if not known:
        return f"{len(left)} to train; no run like these yet: the first jobs will tell how long they take"
    total = format_duration(max(sum(known) / (parallel or 1), max(known)))
    unknown = len(left) - len(known)
    which = f"for {len(known)} of them; no run like the other {unknown} yet" if unknown else "as runs like these took"
    pace = "one after another" if parallel is None else f"{parallel} at a time"
    return f"{len(left)} to train: about {total}, {pace}, {which}"


LOOKS_EVERY_S = 1.0
PROGRESS_LINE_EVERY_S = 60.0
NEXT_SHOWN = 3
ROWS_SHOWN = 12


class SweepDisplay:
    """Looks at the board once a second and shows what is new.

    It holds the streams as they are when it is made, since those of a job that runs in this process go to its log.
    """

    def __init__(self, board: JobBoard, expectation: Expectation, *, progress: bool) -> None:
        self.board, self.expectation = board, expectation
        self.console = Console(file=sys.stdout)
        terminal = self.console.is_terminal and progress
        self.errors = self.console if terminal else Console(file=sys.stderr)
        self.live = Live(console=self.console, auto_refresh=False, transient=True) if terminal else None
        self.every_s = PROGRESS_LINE_EVERY_S if progress else float("inf")
        self.message: dict[int, str] = {}  # the status of each job that was told last
        self.line_at = time.time()
        names = job_names([state.overrides for state in expectation.waiting])
        self.names = {state.num: name for state, name in zip(expectation.waiting, names, strict=True)}
        self.turn = threading.Lock()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._watch, name="sweep display", daemon=True)

    def start(self) -> None:
        """Begins to show."""
        if self.live is not None:
            self.live.start()
        self.thread.start()

    def stop(self) -> None:
        """Shows the last news, and ends."""
        if not self.ended.is_set():
            self.ended.set()
            self.thread.join()
            self.refresh()
            if self.live is not None:
                self.live.stop()

    def refresh(self) -> None:
        """Shows what is new."""
        with self.turn:
            progress = progress_of(self.board.states(), self.expectation, time.time())
            for state in progress.states:
                self._tell(state, len(progress.states))
            if self.live is not None:
                self.live.update(self._table(progress), refresh=True)
            elif time.time() - self.line_at >= self.every_s and progress.having(*RUNNING):
                self._say(self._summary(progress))
                self.line_at = time.time()

    def _watch(self) -> None:
        while not self.ended.wait(LOOKS_EVERY_S):
            self.refresh()

    def _tell(self, state: JobState, total: int) -> None:
        """A line for a job that has started or ended; on a terminal, the table shows what has started."""
        if state.status in ("starting", self.message.get(state.num, "waiting")):
            return  # one that starts may have been finished before, and says so in a moment
        self.message[state.num] = state.status
        if state.status in ENDED or self.live is None:
            shown = f"{total}" if self.expectation.waiting else "?"
            self._say(f"[{state.num + 1}/{shown}] {self._name(state)}: {_news(state)}")
        if state.status == "failed":
            self.errors.print(f"\n{' '.join(state.overrides)} failed:\n{state.error}", markup=False, highlight=False,
                              soft_wrap=True)  # fmt: skip

    def _say(self, line: str) -> None:
        self.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def _name(self, state: JobState) -> str:
        return self.names.get(state.num) or " ".join(map(short_override, state.overrides))

    def _summary(self, progress: SweepProgress) -> str:
        on = ", ".join(f"{self._name(state)} {_epochs(state)}" for state in progress.having(*RUNNING)[:ROWS_SHOWN])
        return f"{counts(progress)} | {on}"

    def _table(self, progress: SweepProgress) -> Group:
        """Running jobs, the next ones, and the counts."""
        table = Table(box=SIMPLE_HEAD, pad_edge=False)
        table.add_column("job", justify="right")
        table.add_column("", overflow="ellipsis", no_wrap=True)
        for name in ("epoch", "val accuracy", "time left"):
            table.add_column(name, justify="right", no_wrap=True)
        for state in [*progress.having(*RUNNING)[:ROWS_SHOWN], *progress.having("waiting")[:NEXT_SHOWN]]:
            left_s = progress.left_s.get(state.num)
            on = state.status in RUNNING
            accuracy = "" if state.val_accuracy is None else f"{state.val_accuracy:.3f}"
            cells = (_epochs(state), accuracy, format_duration(left_s) if on and left_s is not None else "")
            table.add_row(str(state.num + 1), Text(self._name(state)), *cells, style=None if on else "dim")
        return Group(table, Text(counts(progress)))


def counts(progress: SweepProgress) -> str:
    """`12 of 72 done (5 finished before), 1 failed, 2 running, 57 waiting, about 14 min left`."""
    before, failed = progress.count("reused"), progress.count("failed")
    words = [f"{progress.count(*FINISHED)} of {len(progress.states)} done"]
    words[0] += f" ({before} finished before)" if before else ""
    words += [f"{failed} failed"] if failed else []
    others = {"running": RUNNING, "on with another process": ("elsewhere",), "waiting": ("waiting",)}
    words += [f"{number} {name}" for name, some in others.items() if (number := progress.count(*some))]
    if progress.total_left_s:
        words.append(f"about {format_duration(progress.total_left_s)} left")
    return ", ".join(words)


def _epochs(state: JobState) -> str:
    if not state.max_epochs:
        return "waiting" if state.status == "waiting" else "starting"
    return f"{state.epoch}/{state.max_epochs}"


def _news(state: JobState) -> str:
    if state.status in FINISHED:
        when = "finished before" if state.status == "reused" else f"done in {format_duration(state.took_s)}"
        resumed = f" (continued from epoch {state.first_epoch})" if state.first_epoch else ""
        return f"{when}{resumed}, test accuracy {_scores(state)}"
    words = {
        "running": f"continued from epoch {state.first_epoch}" if state.first_epoch else "started",
        "elsewhere": "another process is on it",
        "failed": f"failed after {format_duration(state.took_s)}: {_reason(state.error or '')}",
    }
    return words.get(state.status, state.status)


def _reason(error: str) -> str:
    """The one line of an error that says most: the first of a sentence, the last of a traceback."""
    lines = error.strip().splitlines() or [""]
    return lines[-1] if lines[0].startswith("Traceback") else lines[0]


def _scores(state: JobState) -> str:
    try:
        test = RunFolder(Path(state.folder)).card()["metrics"]["test"]
        return ", ".join(f"{level} {test[level]['accuracy']:.3f}" for level in ("window", "clip"))
    except (GtzanError, KeyError):
        return "unknown: its record is damaged"
