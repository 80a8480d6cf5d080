"""The runs that a report is asked for: by name, by sweep, by filter, or all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.records import Record, read_record
from gtzan_lightning.runs.browser import find_runs, matching, named_run
from gtzan_lightning.runs.folder import RunFolder

JOBS = "jobs*/[0-9]*"  # one file a job, in one folder for each copy of the sweep


def chosen_records(words: Sequence[str], outputs: Path) -> list[Record]:
    """Records of all that the words name, finished or not, each run once.

    Args:
        words: runs, sweep folders, and filters `key=value`; without runs and sweeps, all runs are taken.
        outputs: where runs are.

    Raises:
        GtzanError: a name that no run has, or several have; or nothing was found.
    """
    filters = [word for word in words if "=" in word and not Path(word).exists()]
    told: dict[RunFolder, list[str] | None] = {}
    for word in words:
        if word not in filters:
            told |= _named(word, outputs)
    if len(filters) == len(words):
        told = dict.fromkeys(find_runs(outputs))
    kept = matching(filter(_is_readable, told), filters) if filters else list(told)
    if not kept:
        raise GtzanError(f"{' '.join(words) or outputs / 'runs'}: no run found. `gtzan runs ls` lists them.")
    return [read_record(run, told[run]) for run in kept]


def report_folder(words: Sequence[str], outputs: Path) -> Path:
    """Where the report goes: beside the one sweep that it is about, else `<outputs>/reports`."""
    return Path(words[0]) if len(words) == 1 and _is_sweep(Path(words[0])) else outputs / "reports"


def _named(word: str, outputs: Path) -> dict[RunFolder, list[str] | None]:
    """The runs, and what a sweep called them."""
    return dict(_sweep_runs(Path(word))) if _is_sweep(Path(word)) else {named_run(word, outputs): None}


def _sweep_runs(folder: Path) -> dict[RunFolder, list[str]]:
    """The jobs of a sweep in their order: one question asked twice is one run."""
    found: dict[RunFolder, list[str]] = {}
    for file in sorted(folder.glob(JOBS)):
        if file.suffix in ("", ".json") and file.stem.isdigit():
            try:
                job = json.loads(file.read_text(encoding="utf-8"))
                found.setdefault(RunFolder(Path(job["folder"])), list(job["overrides"]))
            except (ValueError, KeyError, TypeError) as error:
                raise GtzanError(f"{file}: damaged ({error}). Start the sweep again: it goes on.") from error
    return found


def _is_sweep(path: Path) -> bool:
    return next(path.glob(JOBS), None) is not None


def _is_readable(run: RunFolder) -> bool:
    """Whether filters can be asked of it; a damaged run fits none."""
    try:
        return bool(run.card())
    except GtzanError:
        return False
