"""Composing a configuration: where conf/ is, and the names that it asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.config.identity import HASH_LENGTH, config_hash, existing_run, run_name
from gtzan_lightning.corpus.location import choose_source, fingerprint, locate
from gtzan_lightning.corpus.synthesis import RENDERER_VERSION

CONFIG_NAME = "train"
VERSION_BASE = "1.3"
SYNTHETIC_FINGERPRINT = f"synthetic renderer {RENDERER_VERSION}"


def conf_dir() -> Path:
    """The folder of the config groups: inside the installed package, or beside it in a checkout."""
    packaged = Path(__file__).parents[1] / "conf"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "conf"


def composed(overrides: Sequence[str] = ()) -> DictConfig:
    """The configuration of a command line, Hydra's own part included."""
    with initialize_config_dir(str(conf_dir()), version_base=VERSION_BASE):
        return compose(CONFIG_NAME, overrides=list(overrides), return_hydra_config=True)


def run_dir(cfg: DictConfig, overrides: Sequence[str] = ()) -> Path:
    """The folder that belongs to a configuration, wherever it was composed."""
    return Path(cfg.outputs) / "runs" / RunNames().of(cfg, overrides)


def corpus_fingerprint(data: Mapping[str, Any], features: str) -> str:
    """Of the corpus that a configuration names, from a look at file names, sizes and times."""
    location = locate(data["kind"], data["root"])
    if location is None:
        return SYNTHETIC_FINGERPRINT
    return fingerprint(location, choose_source(location, data["source"], features))


def _run_name(*, _root_: DictConfig) -> str:
    return RunNames().of(_root_, list(_root_.hydra.overrides.task))


class RunNames:
    """Names of runs; looks at each corpus once, so that many names cost little."""

    def __init__(self) -> None:
        self._fingerprints: dict[str, str] = {}

    @property
    def synthetic(self) -> bool:
        """Whether any of them had no real data."""
        return SYNTHETIC_FINGERPRINT in self._fingerprints.values()

    def of(self, cfg: DictConfig, overrides: Sequence[str]) -> str:
        """The run's name; a configuration that will be refused gets one too, for the record of the refusal."""
        config = plain_config(cfg)
        model = OmegaConf.select(cfg, "hydra.runtime.choices.model")
        try:
            sha256 = self._fingerprint(config["data"], config["features"]["name"])
            run_hash = config_hash(config, sha256, world_size=config["trainer"]["devices"])
        except Exception as error:  # whatever is wrong is told in words when the run starts
            run_hash = hashlib.sha256(f"{sorted(overrides)} {error}".encode()).hexdigest()[:HASH_LENGTH]
        return existing_run(Path(config["outputs"]) / "runs", run_hash) or run_name(config, overrides, run_hash, model)

    def _fingerprint(self, data: Mapping[str, Any], features: str) -> str:
        requested = f"{data} {features}"
        if requested not in self._fingerprints:
            self._fingerprints[requested] = corpus_fingerprint(data, features)
        return self._fingerprints[requested]


def _sweep_folder(jobs: str = "runs", *, _root_: DictConfig) -> str:
    """Jobs go to runs/ (trials of a search to trials/).

    The sweep itself has a folder that is named by what varies, so that none overwrites another.
    """
    if not OmegaConf.is_missing(_root_.hydra.job, "num"):
        return jobs
    config_hash = " ".join(sorted(_root_.hydra.overrides.task))
    return f"sweeps/{hashlib.sha256(config_hash.encode()).hexdigest()[:HASH_LENGTH]}"


def plain_config(cfg: DictConfig) -> dict[str, Any]:
    """The configuration as nested plain values, without Hydra's part."""
    sections = {key: value for key, value in cfg.items() if key != "hydra"}
    plain = {key: OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
             for key, value in sections.items()}  # fmt: skip
    return {str(key): value for key, value in plain.items()}


# On import, so that a launcher's worker processes know `${run_name:}` and `${sweep_folder:}` too.
OmegaConf.register_new_resolver("run_name", _run_name, replace=True)
OmegaConf.register_new_resolver("sweep_folder", _sweep_folder, replace=True)
