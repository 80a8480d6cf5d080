"""Runs as reports and comparisons read them: card, settings, test predictions and clusters."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtzan_lightning.config.identity import WITHOUT_EFFECT
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.metrics import Level
from gtzan_lightning.evaluation.predictions import PARTS, Predictions, read_predictions, stored_table
from gtzan_lightning.evaluation.run_comparison import Entrant, Hits
from gtzan_lightning.evaluation.run_comparison import compare as compare_entrants
from gtzan_lightning.runs.browser import card_of, find_runs, matching, named_run
from gtzan_lightning.runs.run_folder import REMEDY, Card, RunFolder
from gtzan_lightning.utils.files import text_of_cell

if TYPE_CHECKING:
    import pandas as pd

JOBS = "jobs*/[0-9]*"  # one file for each job, in one folder for each copy of the sweep
KEPT = 64  # test parts in memory, about 0.5 MB each

Settings = dict[str, Any]
"""Configuration with dotted keys, without those that cannot change a result."""


def compare(runs: Sequence[str | Path], *, level: Level = "clip", outputs: str | Path = "outputs") -> pd.DataFrame:
    """Compares the test accuracy of each pair of finished runs on the same split.

    Args:
        runs: two or more runs, by path, name, or a part of the name that no other run has.
        level: `window`, `clip` or `clip_vote`.
        outputs: folder that holds `runs/`.

    Returns:
        One row for each pair, as `gtzan_lightning.evaluation.run_comparison.compare` returns them.

    Raises:
        GtzanError: a run is missing or unfinished, or the runs do not share their test part.

    Examples:
        >>> from gtzan_lightning import compare, compose, train
        >>> commands = [[f"model={name}", "trainer.max_epochs=1", "trainer.progress=false"] for name in ("mlp", "lstm")]
        >>> runs = [train(compose(overrides)).folder for overrides in commands]  # doctest: +ELLIPSIS
        Run mlp-3s-grouped-...
        >>> compare(runs)[["low", "difference", "high"]].columns.tolist()
        ['low', 'difference', 'high']
    """
    found = [named_run(str(run), Path(outputs)) for run in runs]
    entrants = [Entrant(run.path.name, whole_predictions(run), run.done_card()["split"]["sha256"]) for run in found]
    return compare_entrants(entrants, read_clusters(found[0]), level)


@dataclass(frozen=True, eq=False)
class Record:
    """One run: its folder, card and settings."""

    run: RunFolder
    card: Card
    settings: Settings
    whole: bool = False  # its predictions were checked

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.run.path.name

    @property
    def done(self) -> bool:
        """Whether the run has scores."""
        return self.card.get("status") == "done"

    @property
    def requested(self) -> str:
        """The overrides that can change a result; the folder's name if there are none."""
        words = [word for word in self.card.get("overrides", []) if word.partition("=")[0] not in WITHOUT_EFFECT]
        return " ".join(words) or self.name

    @property
    def repetition(self) -> tuple[int | None, int | None]:
        """Split seed and fold, which determine the draw of the split."""
        return self.card["split"]["seed"], self.card["split"]["fold"]

    def accuracy(self, level: str) -> float:
        """Accuracy on the test part."""
        return float(self.card["metrics"]["test"][level]["accuracy"])


def read_record(run: RunFolder, overrides: Sequence[str] | None = None) -> Record:
    """Reads card and configuration; a run that cannot be read has the status `damaged` and an error message.

    Args:
        run: The folder.
        overrides: The overrides of a sweep's job, which may be spelled differently from those of the run.
    """
    try:
        card = _usable_card(run)
        settings = {key: value for key, value in run.config().items() if key not in WITHOUT_EFFECT}
    except GtzanError as error:
        card, settings = {"status": "damaged", "error": str(error)}, {}
    return Record(run, card if overrides is None else card | {"overrides": list(overrides)}, settings)


def _usable_card(run: RunFolder) -> Card:
    """The card with its actual status.

    Raises:
        GtzanError: The record is damaged.
    """
    card = card_of(run)
    if card.get("status") == "damaged":
        raise GtzanError(card["error"])
    if card.get("status") == "done" and not run.predictions.is_file():
        raise GtzanError(f"{run.predictions}: missing. {REMEDY}")
    return card


def whole_predictions(run: RunFolder) -> Predictions:
    """The predictions of a finished run.

    Raises:
        GtzanError: The table is damaged, or has not as many rows as the scores on the run card were computed from.
    """
    predictions = read_predictions(run.predictions)
    _check_rows(run, run.done_card(), {part: int((predictions.part == part).sum()) for part in PARTS})
    return predictions


def check_predictions(record: Record) -> None:
    """Checks that the predictions of a finished run are whole; their binary copy states its rows.

    Raises:
        GtzanError: as `whole_predictions`.
    """
    stored = None if record.whole else stored_table(record.run.predictions)
    if stored is not None:
        _check_rows(record.run, record.card, {part: stored.rows(part) for part in PARTS})
    elif not record.whole:
        whole_predictions(record.run)


def _check_rows(run: RunFolder, card: Card, rows: Mapping[str, int]) -> None:
    for part, levels in card["metrics"].items():
        expected, found = levels["window"]["n"], rows[part]
        if found != expected:
            raise GtzanError(f"{run.predictions}: {found:,} of {expected:,} rows of the part {part}. {REMEDY}")


def reason(record: Record) -> str:
    """Why a run has no scores, in one line."""
    if record.card.get("error"):
        return str(record.card["error"]).partition("\n")[0]
    return "the same command resumes from the last checkpoint" if record.card.get("status") else "never started"


def chosen_records(words: Sequence[str], outputs: Path) -> list[Record]:
    """Records of all runs that the arguments select, finished or not, each run once.

    Args:
        words: Runs, sweep folders, and filters `key=value`; filters alone apply to all runs.
        outputs: Folder that contains `runs/`.

    Raises:
        GtzanError: A name matches no run or several, or nothing was found.
    """
    filters = [word for word in words if "=" in word and not Path(word).exists()]
    overrides: dict[RunFolder, list[str] | None] = {}
    for word in words:
        if word not in filters:
            overrides |= _sweep_runs(Path(word)) if _is_sweep(Path(word)) else {named_run(word, outputs): None}
    if len(filters) == len(words):
        overrides = dict.fromkeys(find_runs(outputs))
    kept = matching(filter(_is_readable, overrides), filters) if filters else list(overrides)
    if not kept:
        raise GtzanError(f"{' '.join(words) or outputs / 'runs'}: no run found. `gtzan runs ls` lists them.")
    return [read_record(run, overrides[run]) for run in kept]


def report_folder(words: Sequence[str], outputs: Path) -> Path:
    """Folder of the report: that of the sweep if `words` is a single sweep, else `<outputs>/reports`."""
    return Path(words[0]) if len(words) == 1 and _is_sweep(Path(words[0])) else outputs / "reports"


def _is_sweep(path: Path) -> bool:
    return next(path.glob(JOBS), None) is not None


def _sweep_runs(folder: Path) -> dict[RunFolder, list[str]]:
    """The runs of a sweep with the overrides of their jobs, in order; jobs with the same run count once."""
    found: dict[RunFolder, list[str]] = {}
    for file in sorted(folder.glob(JOBS)):
        if file.suffix in ("", ".json") and file.stem.isdigit():
            try:
                job = json.loads(file.read_text(encoding="utf-8"))
                found.setdefault(_folder_of_job(Path(job["folder"]), folder), list(job["overrides"]))
            except (ValueError, KeyError, TypeError) as error:
                raise GtzanError(f"{file}: damaged ({error}). Start the sweep again to resume it.") from error
    return found


def _folder_of_job(recorded: Path, sweep: Path) -> RunFolder:
    """The run folder of a job; below the present `outputs` if that was moved after the sweep."""
    moved = sweep.absolute().parents[1] / recorded.parent.name / recorded.name
    return RunFolder(moved if moved.is_dir() and not recorded.is_dir() else recorded)


def _is_readable(run: RunFolder) -> bool:
    try:
        return bool(run.card())
    except GtzanError:
        return False


@dataclass(frozen=True, eq=False)
class TestPart:
    """Predictions of the test part of a run, and the cluster of each track."""

    predictions: Predictions
    clusters: dict[str, str]  # by track; empty for old runs, which did not record them


class TestParts:
    """Reads and caches test parts, `TestParts().of(run)`, and their correct rows by level, `.hits(run)`.

    Raises:
        GtzanError: In `of` and `hits`, if predictions.csv is damaged.
    """

    def __init__(self) -> None:
        self.of = lru_cache(maxsize=KEPT)(_read_test_part)
        self.hits = lru_cache(maxsize=None)(self._hits)

    def _hits(self, run: RunFolder) -> dict[Level, Hits]:
        part = self.of(run)
        return Hits.by_level(part.predictions, part.clusters, ("window", "clip"))


def _read_test_part(run: RunFolder) -> TestPart:
    try:
        clusters = read_clusters(run)
    except GtzanError:
        clusters = {}
    return TestPart(whole_predictions(run).only("test"), clusters)


def checked(record: Record) -> Record:
    """The record; with the status `damaged` and the reason if the predictions or evaluations of a run are damaged."""
    if not record.done:
        return record
    try:
        check_predictions(record)
        record.run.evaluations()
    except (GtzanError, ValueError) as error:
        return replace(record, card=record.card | {"status": "damaged", "error": str(error)})
    return replace(record, whole=True)


def read_clusters(run: RunFolder) -> dict[str, str]:
    """The cluster of each track, as the run recorded it.

    Raises:
        GtzanError: The run has no such record, or it is damaged.
    """
    if not run.clusters.is_file():
        raise GtzanError(f"{run.clusters}: missing. {REMEDY}")
    try:
        with run.clusters.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            found = {text_of_cell(row["track_id"]): text_of_cell(row["cluster"]) for row in rows}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, csv.Error) as error:
        raise GtzanError(f"{run.clusters}: damaged ({error}). {REMEDY}") from error
    if not found:
        raise GtzanError(f"{run.clusters}: damaged (no rows). {REMEDY}")
    return found
