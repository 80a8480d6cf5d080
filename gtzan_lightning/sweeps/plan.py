"""The plan of a multirun: its jobs, the status of their runs, and how long each may take."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.conf import HydraConf
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.config.composition import RunNames, plain_config
from gtzan_lightning.config.identity import code_files, flat
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.job_board import JobState
from gtzan_lightning.runs.run_folder import RunFolder, changed_code

GRID = f"{BasicSweeper.__module__}.{BasicSweeper.__qualname__}"

Kind = tuple[str, ...]
"""Values of `DURATION_KEYS`; runs with the same ones take about the same time."""

Choices = tuple[str, ...]
"""Overrides, or the keys that lead to a value."""

DURATION_KEYS = (
    "model._target_", "model.hidden_size", "model.num_layers", "features.name", "slice.seconds", "slice.step_s",
    "slice.hop_s", "data.kind", "data.root", "data.source", "data.batch_size", "split.train_tracks",
    "augmentation.copies", "trainer.accelerator", "trainer.devices", "trainer.max_epochs", "trainer.limit_batches",
)  # fmt: skip
NEWEST = 5  # number of finished runs per model and slice whose durations are read


@dataclass(frozen=True)
class PlannedJob:
    """One job of a grid."""

    num: int
    overrides: tuple[str, ...]
    folder: Path  # of its run
    previous_status: str  # of its run before the sweep; empty if there was none
    expected_s: float | None  # duration; None if no run of its kind was measured

    def waiting(self) -> JobState:
        """The state of the job before its start."""
        return JobState(self.num, self.overrides, str(self.folder), "waiting")


@dataclass(frozen=True)
class Plan:
    """All jobs of a grid."""

    jobs: tuple[PlannedJob, ...]
    varied: dict[str, tuple[str, ...]]  # swept keys with their values
    parallel: int | None  # number of jobs at a time; None if the launcher does not define it
    synthetic: bool  # the jobs use the synthetic corpus

    @property
    def repeated(self) -> dict[Path, list[PlannedJob]]:
        """Jobs with the same config hash, by run folder."""
        several = {folder for folder, times in Counter(job.folder for job in self.jobs).items() if times > 1}
        return {folder: [job for job in self.jobs if job.folder == folder] for folder in several}


def is_grid(hydra: HydraConf | DictConfig) -> bool:
    """Whether all jobs are known in advance; a search selects them while it runs."""
    return str(hydra.sweeper["_target_"]) == GRID


def plan_of(config: DictConfig) -> Plan:
    """Expands the grid of a multirun and looks up the runs of its jobs.

    Args:
        config: the configuration of the multirun, with Hydra's section.

    Raises:
        GtzanError: the grid is empty.
        HydraException: a job cannot be composed.
    """
    arguments = _sweep_overrides(config)
    overrides = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(arguments)
    grid = BasicSweeper.split_arguments(overrides, None)[0]
    if not grid:
        empty = [
            text
            for text, each in zip(arguments, overrides, strict=True)
            if each.is_sweep_override() and not _values(each)
        ]
        raise GtzanError(f"The sweep is empty: {', '.join(empty)} names no value, so there are no jobs.")
    names = RunNames()
    composed = _Composer(config)
    runs = Path(str(config.outputs)).absolute() / "runs"
    found: list[tuple[Sequence[str], Path, Kind, str]] = []
    folders: dict[str, Path] = {}  # by config hash: different overrides can describe the same run
    for job in grid:
        values, model = composed(job)
        name = names.named(values, job, model)
        folder = folders.setdefault(name.rpartition("-")[2], runs / name)
        found.append((job, folder, kind_of(values), _status(folder, values)))
    expected = measured_s(runs, [folder.name for _, folder, _, _ in found])
    return Plan(
        tuple(
            PlannedJob(num, tuple(job), folder, status, expected.get(kind))
            for num, (job, folder, kind, status) in enumerate(found)
        ),
        {each.get_key_element(): tuple(_values(each)) for each in overrides if each.is_sweep_override()},
        parallel_jobs(config.hydra.launcher),
        names.synthetic,
    )


def parallel_jobs(launcher: DictConfig) -> int | None:
    """Number of jobs that a launcher runs at a time; None if its configuration does not define it."""
    if str(launcher._target_).endswith(".BasicLauncher"):
        return 1
    number = launcher.get("n_jobs")
    if not isinstance(number, int):
        return None
    return number if number > 0 else max(1, (os.cpu_count() or 1) + 1 + number)  # joblib: -1 is all cores


def kind_of(config: Mapping[str, Any]) -> Kind:
    """The kind of a run, from its whole configuration as nested plain values."""
    values = flat(config)
    return tuple(f"{values.get(key)!s}".removesuffix(".0") for key in DURATION_KEYS)


def measured_s(runs_dir: Path, names: Iterable[str]) -> dict[Kind, float]:
    """Median duration of finished runs in seconds, by kind.

    Args:
        runs_dir: the folder of the run folders.
        names: names of planned runs; only runs with the same model and slice in their names are read.
    """
    found: dict[Kind, list[float]] = {}
    for prefix in sorted({"-".join(name.split("-")[:2]) for name in names}):
        cards = sorted(runs_dir.glob(f"{prefix}-*/run.json"), key=lambda path: -path.stat().st_mtime_ns)
        for card in cards[:NEWEST]:
            seconds = _duration_s(card)
            if seconds is not None:
                found.setdefault(_kind_of_run(card.parent), []).append(seconds)
    return {kind: median(values) for kind, values in found.items()}


def _duration_s(card_file: Path) -> float | None:
    """Duration of a run; None if it was not finished in one go, or its card is damaged."""
    try:
        card = json.loads(card_file.read_text(encoding="utf-8"))
        if card["status"] != "done" or card["training"].get("resumed"):
            return None
        span = datetime.fromisoformat(card["finished"]) - datetime.fromisoformat(card["started"])
        return max(span.total_seconds(), float(card["training"]["seconds"]))  # the card's times are whole seconds
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _kind_of_run(folder: Path) -> Kind:
    try:
        return kind_of(OmegaConf.to_container(OmegaConf.load(folder / "config.yaml")))  # type: ignore[arg-type]
    except Exception:  # damaged
        return ()


def _sweep_overrides(config: DictConfig) -> list[str]:
    """The overrides as Hydra's sweeper reads them: its own parameters, then the command line."""
    params = config.hydra.sweeper.params or {}
    return [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]


def _values(override: Override) -> list[str]:
    """The values of a sweep."""
    return list(override.sweep_string_iterator())


def _status(folder: Path, config: Mapping[str, Any]) -> str:
    """Status of a run before the sweep; `other code` if it is finished and will be repeated for that reason."""
    try:
        status = RunFolder(folder).standing()
        if status == "done" and config.get("reuse") == "same_code":
            return "other code" if changed_code(RunFolder(folder).card(), code_files(config)) else status
        return status
    except GtzanError:
        return "damaged"


class _Composer:
    """Composes many jobs fast, as plain values.

    Hydra composes each selection of group members once, and each value is set in a copy of that once. A job has the
    keys that its values have changed, which are their own and those that interpolate them. Values that change the same
    key are set together.
    """

    def __init__(self, config: DictConfig) -> None:
        self.config = config
        self.loader = GlobalHydra.instance().config_loader()
        self.parser = OverridesParser.create()
        self.parsed: dict[str, Override] = {}
        self.groups: dict[str, bool] = {}
        self.bases: dict[Choices, tuple[DictConfig, str | None]] = {}
        self.composed: dict[tuple[Choices, Choices], dict[str, Any]] = {}  # by group members and values

    def __call__(self, job: Sequence[str]) -> tuple[dict[str, Any], str | None]:
        """The configuration of a job, and the selected member of the group `model`."""
        for text in job:
            if text not in self.parsed:
                self.parsed[text] = self.parser.parse_override(text)
        values = tuple(text for text in job if self._is_plain_value(self.parsed[text]))
        choices = tuple(text for text in job if text not in values)
        if choices not in self.bases:
            cfg = self.loader.load_sweep_config(self.config, list(choices))
            model = OmegaConf.select(cfg, "hydra.runtime.choices.model")
            self.bases[choices] = OmegaConf.masked_copy(cfg, [str(key) for key in cfg if key != "hydra"]), model
        base = self._with_values(choices, ())
        changes = [_changes(base, self._with_values(choices, (text,))) for text in values]
        paths = [path for each in changes if each is not None for path in each]
        if None in changes or len(set(paths)) < len(paths):
            return self._with_values(choices, values), self.bases[choices][1]
        return _changed(base, [leaf for each in changes for leaf in (each or {}).items()]), self.bases[choices][1]

    def _with_values(self, choices: Choices, values: Choices) -> dict[str, Any]:
        """Plain values of a selection of group members with some values."""
        if (choices, values) not in self.composed:
            cfg = self.bases[choices][0].copy()
            for text in values:
                override = self.parsed[text]
                OmegaConf.update(cfg, override.key_or_group, override.value(), merge=True)
            self.composed[choices, values] = plain_config(cfg)
        return self.composed[choices, values]

    def _is_plain_value(self, override: Override) -> bool:
        """Whether it sets the value of an existing key outside Hydra's section, and selects no group member."""
        name = override.key_or_group
        special = override.is_add() or override.is_delete() or override.is_sweep_override() or "@" in name
        return not special and not name.startswith("hydra") and not self._is_group(name)

    def _is_group(self, name: str) -> bool:
        if name not in self.groups:
            self.groups[name] = bool(self.loader.get_group_options(name))
        return self.groups[name]


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[Choices, Any] | None:
    """The values that differ, by the keys that lead to them; None if a key is no longer there."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    return (
        {path: value for path, value in new.items() if old.get(path, ...) != value}
        if old.keys() <= new.keys()
        else None
    )


def _leaves(node: Any, path: Choices = ()) -> Iterator[tuple[Choices, Any]]:
    if isinstance(node, Mapping) and node:
        for key, value in node.items():
            yield from _leaves(value, (*path, key))
    else:
        yield path, node


def _changed(config: Mapping[str, Any], leaves: Iterable[tuple[Choices, Any]]) -> dict[str, Any]:
    """A copy with other values."""
    changed = dict(config)
    for path, value in leaves:
        node = changed
        for key in path[:-1]:
            node[key] = dict(node.get(key) or {})
            node = node[key]
        node[path[-1]] = value
    return changed
