"""What a multirun is going to do, told before it starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Console

from gtzan_lightning.report.console import varied
from gtzan_lightning.report.durations import told_s

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
    total = told_s(max(sum(known) / (parallel or 1), max(known)))
    unknown = len(left) - len(known)
    which = f"for {len(known)} of them; no run like the other {unknown} yet" if unknown else "as runs like these took"
    pace = "one after another" if parallel is None else f"{parallel} at a time"
    return f"{len(left)} to train: about {total}, {pace}, {which}"
