"""Composition of configurations with Hydra, and the run folder of a configuration."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import hydra
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.core.config_search_path import SearchPathQuery
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.config.identity import HASH_LENGTH, config_hash, existing_runs, run_name
from gtzan_lightning.corpus.location import TABLE, DataOptions, DataSource, TableOptions, find_source
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.caching import cache_dir

CONFIG_NAME = "train"
VERSION_BASE = "1.3"
LONGEST_SLUG = 60


def conf_dir() -> Path:
    """The folder of the config groups: in the installed package, or beside it in a checkout."""
    packaged = Path(__file__).parents[1] / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "conf"


TRAINER_ARGUMENTS = (
    "accumulate_grad_batches", "barebones", "benchmark", "check_val_every_n_epoch", "detect_anomaly", "deterministic",
    "enable_model_summary", "enable_progress_bar", "fast_dev_run", "gradient_clip_algorithm", "inference_mode",
    "limit_predict_batches", "limit_train_batches", "limit_val_batches", "log_every_n_steps",
    "max_steps", "max_time", "min_epochs", "min_steps", "num_nodes", "num_sanity_val_steps", "overfit_batches",
    "profiler", "reload_dataloaders_every_n_epochs", "sync_batchnorm", "val_check_interval",
)  # fmt: skip
"""Arguments of Lightning's `Trainer` that conf/trainer/_base.yaml does not list; importing Lightning takes seconds."""


OPEN_SECTIONS = ("features.columns", "data.genres.aliases", "split.manifest")
"""Sections whose keys the groups do not list; the schema checks them."""


def with_plus(override: str) -> str:
    """`trainer.min_epochs=3` as `++trainer.min_epochs=3`, as Hydra wants it for a key that the groups do not list."""
    section, _, name = override.partition("=")[0].rpartition(".")
    is_open = section in OPEN_SECTIONS or (section == "trainer" and name in TRAINER_ARGUMENTS)
    return f"++{override}" if is_open else override


PATH_KEYS = (
    "outputs", "cache_dir", "data.root", "data.metadata", "split.manifest", "features.path", "ckpt_path",
    "study.other_corpus",
)  # fmt: skip


def with_plain_paths(arguments: Sequence[str]) -> list[str]:
    """The arguments with `~` expanded, and numbers quoted, in the values of keys that are paths: `outputs=2024`."""
    made = []
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if key.lstrip("+") in PATH_KEYS and equals:
            value = os.path.expanduser(value) if value.startswith("~") else value
            value = f"'{value}'" if re.fullmatch(r"[0-9][0-9_.eE+-]*", value) else value
        made.append(f"{key}{equals}{value}")
    return made


@dataclass(frozen=True)
class ConfigSources:
    """Where a configuration comes from besides this package: Hydra's options `--config-dir` and `--config-name`."""

    config_dir: str | None = None  # searched before the package
    config_name: str = CONFIG_NAME

    @contextmanager
    def loader(self) -> Iterator[ConfigLoaderImpl]:
        """Hydra's loader of the package and of the own folder.

        Raises:
            GtzanError: there is no such folder.
        """
        with hydra.initialize_config_dir(str(conf_dir()), version_base=VERSION_BASE):
            loader = cast("ConfigLoaderImpl", GlobalHydra.instance().config_loader())
            if self.config_dir is not None:
                folder = Path(self.config_dir).absolute()
                if not folder.is_dir():
                    raise GtzanError(f"--config-dir {self.config_dir}: there is no such folder.")
                path = loader.get_search_path()
                path.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
                loader.repository.initialize_sources(path)
            yield loader

    def compose(self, overrides: Sequence[str] = ()) -> DictConfig:
        """Composes the configuration of a command line, including Hydra's own section."""
        with self.loader():
            found = [with_plus(override) for override in with_plain_paths(overrides)]
            return hydra.compose(self.config_name, overrides=found, return_hydra_config=True)


def compose(
    overrides: Sequence[str] = (), *, config_dir: str | Path | None = None, config_name: str = CONFIG_NAME
) -> DictConfig:
    """Composes the configuration of a command line, including Hydra's own section.

    Args:
        overrides: as on the command line of `train.py`, for example `["model=lstm", "slice=6s"]`.
        config_dir: a folder with own members of the groups, as `model/mine.yaml`.
        config_name: the primary configuration, `train.yaml` of the package unless `config_dir` has another.

    Examples:
        >>> from gtzan_lightning import compose
        >>> compose(["model=lstm", "slice=6s"]).slice.seconds
        6
    """
    return ConfigSources(None if config_dir is None else str(config_dir), config_name).compose(overrides)


def plain_config(cfg: DictConfig) -> dict[str, Any]:
    """Converts a configuration to nested plain values, without Hydra's section."""
    sections = {str(key): value for key, value in cfg.items() if key != "hydra"}
    return {
        key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        for key, value in sections.items()
    }


def configured_source(data: Mapping[str, Any], features: Mapping[str, Any], cache: str | None = None) -> DataSource:
    """Locates the data of the config sections `data` and `features`; `cache` is the key `cache_dir`.

    Raises:
        GtzanError: there are no usable data.
    """
    path = features.get("path") or ()
    aliases = (data.get("genres") or {}).get("aliases") or {}
    is_table = features["name"] == TABLE
    reading = TableOptions(
        columns=tuple((features.get("columns") or {}).items()),
        drop=tuple(features.get("drop") or ()) if is_table else (),
        window_s=features["window_s"] if is_table else None,
        needs_length=features.get("pooling") is None,
        sample_rate_hz=features["sample_rate_hz"],
        aliases=tuple((str(name), str(genre)) for name, genre in aliases.items()),
        max_skipped_share=data["max_skipped_share"],
    )
    options = DataOptions(
        table=(path,) if isinstance(path, str) else tuple(path),
        metadata=data.get("metadata"),
        name=data.get("name"),
        min_tracks=data.get("min_tracks") or 0,
        reading=reading,
    )
    return find_source(data["kind"], data["root"], data["source"], features["name"], cache_dir(cache), options)


def run_dir(cfg: DictConfig, overrides: Sequence[str] = (), source: DataSource | None = None) -> Path:
    """The run folder of a configuration; `source` is the location of its data, if it is known already."""
    return Path(cfg.outputs) / "runs" / RunNames(source).of(cfg, overrides)


class RunNames:
    """Names the runs of configurations, and locates each corpus only once.

    Args:
        source: location of the data of all configurations, if it is known already.
    """

    def __init__(self, source: DataSource | None = None) -> None:
        self._given = source
        self._sources: dict[str, DataSource] = {}
        self._existing: dict[str, dict[str, str]] = {}  # by folder of outputs

    @property
    def synthetic(self) -> bool:
        """Whether a configuration used the synthetic corpus."""
        return any(source.location is None for source in self._sources.values())

    def of(self, cfg: DictConfig, overrides: Sequence[str]) -> str:
        """The name of a run.

        An invalid configuration has one too, for the run card that records its failure.
        """
        return self.named(plain_config(cfg), overrides, OmegaConf.select(cfg, "hydra.runtime.choices.model"))

    def named(self, config: Mapping[str, Any], overrides: Sequence[str], model: str | None) -> str:
        """The name of a run with this configuration as plain values and this member of the group `model`."""
        try:
            sha256 = self._source(config["data"], config["features"], config["cache_dir"]).sha256
            run_hash = config_hash(config, sha256, world_size=config["trainer"]["devices"])
        except Exception as error:  # raised again and reported when the run starts
            run_hash = hashlib.sha256(f"{sorted(overrides)} {error}".encode()).hexdigest()[:HASH_LENGTH]
        folder = str(config["outputs"])
        if folder not in self._existing:
            self._existing[folder] = existing_runs(Path(folder) / "runs")
        return self._existing[folder].get(run_hash) or run_name(config, overrides, run_hash, model)

    def _source(self, data: Mapping[str, Any], features: Mapping[str, Any], cache: str | None) -> DataSource:
        requested = f"{data} {features}"
        if requested not in self._sources:
            self._sources[requested] = self._given or configured_source(data, features, cache)
        return self._sources[requested]


def _run_name(*, _root_: DictConfig) -> str:
    return RunNames().of(_root_, list(_root_.hydra.overrides.task))


def _sweep_folder(jobs: str = "runs", *, _root_: DictConfig) -> str:
    """The folder, below `outputs`, of the jobs of a multirun: `runs` (`trials` for a search).

    The sweep itself has a folder named by the keys that it varies and a hash of its overrides, so that different sweeps
    do not share one.
    """
    if not OmegaConf.is_missing(_root_.hydra.job, "num"):
        return jobs
    words = sorted(_root_.hydra.overrides.task)
    return f"sweeps/{_varied(words)}-{hashlib.sha256(' '.join(words).encode()).hexdigest()[:HASH_LENGTH]}"


def _varied(overrides: Sequence[str]) -> str:
    """The experiment, and the last part of each key with several values: `model-split-seed`; "sweep" without any."""
    pairs = [word.partition("=")[::2] for word in overrides]
    chosen = [value for key, value in pairs if key == "experiment" and "," not in value]
    keys = [key.rpartition(".")[2] for key, value in pairs if "," in value or "(" in value]
    return re.sub(r"[^A-Za-z0-9_]+", "-", "-".join([*chosen, *keys]))[:LONGEST_SLUG].strip("-") or "sweep"


# On import, so that the worker processes of a launcher can resolve `${run_name:}` and `${sweep_folder:}` too.
OmegaConf.register_new_resolver("run_name", _run_name, replace=True)
OmegaConf.register_new_resolver("sweep_folder", _sweep_folder, replace=True)
