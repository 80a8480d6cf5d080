"""What a multirun is going to do, before it starts: its jobs, what is done already, how long the rest may take.

MERGED: How long a job takes, judged by finished runs of the same kind.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
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
from gtzan_lightning.config.identity import flat
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.job_board import JobState
from gtzan_lightning.runs.run_folder import RunFolder

Kind = tuple[str, ...]
"""What decides how long a run takes; two runs of one kind differ in seed, split or regularisation."""

DECISIVE = (
    "model._target_", "model.hidden_size", "model.num_layers", "features.name", "slice.seconds", "slice.step_s",
    "slice.hop_s", "data.kind", "data.root", "data.source", "data.batch_size", "split.train_tracks",
    "augmentation.copies", "trainer.accelerator", "trainer.devices", "trainer.max_epochs", "trainer.limit_batches",
)  # fmt: skip
NEWEST = 5  # runs of one beginning of the name that are looked at


def kind_of(config: Mapping[str, Any]) -> Kind:
    """The kind of a whole configuration, given as nested plain values."""
    values = flat(config)
    return tuple(f"{values.get(key)!s}".removesuffix(".0") for key in DECISIVE)


def measured_s(runs_dir: Path, names: Iterable[str]) -> dict[Kind, float]:
    """Median seconds of finished runs from start to end, by kind.

    Args:
        runs_dir: the folder of the run folders.
        names: names of the runs in question; only runs whose names begin with the same model and slice are looked at.
    """
    found: dict[Kind, list[float]] = {}
    for beginning in sorted({"-".join(name.split("-")[:2]) for name in names}):
        cards = sorted(runs_dir.glob(f"{beginning}-*/run.json"), key=lambda path: -path.stat().st_mtime_ns)
        for card in cards[:NEWEST]:
            seconds = _seconds(card)
            if seconds is not None:
                found.setdefault(_kind_of_run(card.parent), []).append(seconds)
    return {kind: median(values) for kind, values in found.items()}


def _seconds(card_file: Path) -> float | None:
    """From the run's start to its end; None for one that did not finish, or not in one go."""
    try:
        card = json.loads(card_file.read_text(encoding="utf-8"))
        if card["status"] != "done" or card["training"].get("resumed"):
            return None
        span = datetime.fromisoformat(card["finished"]) - datetime.fromisoformat(card["started"])
        return max(span.total_seconds(), float(card["training"]["seconds"]))  # the span knows whole seconds only
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # a damaged card says nothing
        return None


def _kind_of_run(folder: Path) -> Kind:
    try:
        return kind_of(OmegaConf.to_container(OmegaConf.load(folder / "config.yaml")))  # type: ignore[arg-type]
    except Exception:  # damaged: of no kind
        return ()


GRID = f"{BasicSweeper.__module__}.{BasicSweeper.__qualname__}"


@dataclass(frozen=True)
class PlannedJob:
    """One job of a grid."""

    num: int
    overrides: tuple[str, ...]
    folder: Path  # of its run
    standing: str  # the status of that run; empty where there is none yet
    expected_s: float | None  # from its start to its end; None where no run like it was measured

    def waiting(self) -> JobState:
        """Its state before it has begun."""
        return JobState(self.num, self.overrides, str(self.folder), "waiting")


@dataclass(frozen=True)
class Plan:
    """All jobs of a grid."""

    jobs: tuple[PlannedJob, ...]
    varied: dict[str, tuple[str, ...]]  # what is swept over, with its values
    parallel: int | None  # jobs that run at the same time; None where the launcher does not say
    synthetic: bool  # there is no real data

    @property
    def repeated(self) -> dict[Path, list[PlannedJob]]:
        """Jobs that ask the same question, by run."""
        several = {folder for folder, times in Counter(job.folder for job in self.jobs).items() if times > 1}
        return {folder: [job for job in self.jobs if job.folder == folder] for folder in several}


def is_grid(hydra: HydraConf | DictConfig) -> bool:
    """Whether all jobs are known beforehand; a search chooses them as it goes."""
    return str(hydra.sweeper["_target_"]) == GRID


def plan_of(config: DictConfig) -> Plan:
    """Expands the grid of a multirun and looks for the runs of its jobs.

    Args:
        config: the multirun's own configuration, with Hydra's part.

    Raises:
        GtzanError: there is not one job.
        HydraException: a job cannot be composed.
    """
    words = _sweep_words(config)
    overrides = OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(words)
    grid = BasicSweeper.split_arguments(overrides, None)[0]
    if not grid:
        empty = [text for text, override in zip(words, overrides, strict=True) if not _values(override)]
        raise GtzanError(f"The sweep is empty: {', '.join(empty)} names no value, so there is not one job.")
    names = RunNames()
    composed = _Composer(config)
    runs = Path(str(config.outputs)).absolute() / "runs"
    found: list[tuple[Sequence[str], Path, Kind]] = []
    folders: dict[str, Path] = {}  # by identity: the same question has one folder, though its words may differ
    for job in grid:
        cfg = composed(job)
        name = names.of(cfg, job)
        folder = folders.setdefault(name.rpartition("-")[2], runs / name)
        found.append((job, folder, kind_of(plain_config(cfg))))
    expected = measured_s(runs, [folder.name for _, folder, _ in found])
    return Plan(
        tuple(
            PlannedJob(num, tuple(job), folder, _standing(folder), expected.get(kind))
            for num, (job, folder, kind) in enumerate(found)
        ),
        {
            override.get_key_element(): tuple(_values(override))
            for override in overrides
            if override.is_sweep_override()
        },
        parallel_jobs(config.hydra.launcher),
        names.synthetic,
    )


def parallel_jobs(launcher: DictConfig) -> int | None:
    """How many jobs a launcher runs at the same time, from its configuration."""
    if str(launcher._target_).endswith(".BasicLauncher"):
        return 1
    number = launcher.get("n_jobs")
    if not isinstance(number, int):
        return None
    return number if number > 0 else max(1, (os.cpu_count() or 1) + 1 + number)  # joblib counts -1 as all cores


def _sweep_words(config: DictConfig) -> list[str]:
    """The sweep as Hydra's sweeper reads it: its own parameters, then the command line."""
    params = config.hydra.sweeper.params or {}
    return [*(f"{key}={value}" for key, value in params.items()), *config.hydra.overrides.task]


def _values(override: Override) -> list[str]:
    return list(override.sweep_string_iterator()) if override.is_sweep_override() else ["one"]


def _standing(folder: Path) -> str:
    try:
        return RunFolder(folder).standing()
    except GtzanError:
        return "damaged"


class _Composer:
    """Composes many jobs quickly: once for each choice of members; plain values are set in a copy of that."""

    def __init__(self, config: DictConfig) -> None:
        self.config = config
        self.loader = GlobalHydra.instance().config_loader()
        self.parser = OverridesParser.create()
        self.bases: dict[tuple[str, ...], DictConfig] = {}

    def __call__(self, job: Sequence[str]) -> DictConfig:
        overrides = {text: self.parser.parse_override(text) for text in job}
        values = [text for text, override in overrides.items() if self._is_plain_value(override)]
        choices = tuple(text for text in job if text not in values)
        if choices not in self.bases:
            self.bases[choices] = self.loader.load_sweep_config(self.config, list(choices))
        cfg = self.bases[choices].copy()
        for text in values:
            OmegaConf.update(cfg, overrides[text].key_or_group, overrides[text].value(), merge=True)
        return cfg

    def _is_plain_value(self, override: Override) -> bool:
        """Whether it sets one value: no member of a group, nothing new, nothing removed, and nothing of Hydra's."""
        name = override.key_or_group
        special = override.is_add() or override.is_delete() or override.is_sweep_override() or "@" in name
        return not special and not name.startswith("hydra") and not self.loader.get_group_options(name)
