"""The config hash, and the name of a run folder that ends in it: the same configuration has the same folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gtzan_lightning.utils.code_hash import code_hashes, combined

ENGINE = 1  # increased when the same configuration gives other results
SCHEMA = 1  # of the run folder and run.json

WITHOUT_EFFECT = frozenset({
    "outputs", "rerun", "reuse", "cache_dir", "data.kind", "data.root", "data.source",
    "data.metadata", "data.name", "data.min_tracks", "features.path", "data.n_jobs", "data.max_skipped_share",
    "trainer.accelerator", "trainer.devices",
    "trainer.strategy", "trainer.threads", "trainer.save_every_s", "trainer.progress", "trainer.log_every_n_steps",
    "trainer.profiler", "trainer.enable_progress_bar", "trainer.enable_model_summary", "tags", "task_name",
})  # fmt: skip
"""Keys without an effect on results: paths, logging, threads, devices.

The data behind a path and the number of training processes do have one; the hash contains them separately."""

ANALYSIS = ("study", "sweep", "logger")
"""Sections without an effect on the results of a run: the analysis and execution of its sweep, and logs."""

WATCHING = frozenset({
    "LearningRateMonitor", "DeviceStatsMonitor", "RichProgressBar", "TQDMProgressBar", "ModelSummary",
    "RichModelSummary",
})  # fmt: skip
"""Callbacks of Lightning that only watch; every other one may change the training."""

HASH_LENGTH = 8

PACKAGE = "gtzan_lightning"
RESULT_PACKAGES = ("corpus", "features", "datamodule", "models", "evaluation", "training")
WITHOUT_RESULT = (f"{PACKAGE}.evaluation.figures", f"{PACKAGE}.training.tensorboard_logging")
DEPENDENCIES = ("torch", "torchaudio", "lightning", "sklearn", "numpy")  # recorded by their versions


def config_hash(config: Mapping[str, Any], corpus_sha256: str, *, world_size: int = 1) -> str:
    """The first 8 hexadecimal digits of a SHA-256 over everything that determines the results of a run.

    Args:
        config: the whole configuration as nested plain values.
        corpus_sha256: hash of the corpus, which replaces the path to it.
        world_size: number of training processes.
    """
    values = {
        key: _plain_number(value)
        for key, value in flat(config).items()
        if key not in WITHOUT_EFFECT and key.partition(".")[0] not in ANALYSIS
    }
    for name, callback in (config.get("callbacks") or {}).items():
        if str(callback.get("_target_")).rpartition(".")[2] in WATCHING:
            values = {key: value for key, value in values.items() if not key.startswith(f"callbacks.{name}.")}
    for key in [key for key in values if key.startswith("split.manifest") or key == "ckpt_path"]:
        name = None if values[key] is None else str(values[key]).replace("{fold}", str(values["split.fold"]))
        if name is not None and not name.startswith("column:"):
            values[key] = _content_sha256(Path(name).expanduser())
    hashed = {
        "config": values,
        "corpus": corpus_sha256,
        "world_size": world_size,
        "engine": ENGINE,
        "schema": SCHEMA,
    }
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:HASH_LENGTH]


def code_files(config: Mapping[str, Any]) -> dict[str, str]:
    """Hash of each source file that can change the results of a run: of this package, and of the user's modules.

    Args:
        config: the whole configuration as nested plain values.
    """
    values = flat(config)
    targets = [
        str(value).rpartition(".")[0]
        for key, value in values.items()
        if key.endswith("_target_") and key.partition(".")[0] not in ANALYSIS
    ]
    by_name = [
        f"{PACKAGE}.features.kinds.{values.get('features.name')}",
        f"{PACKAGE}.datamodule.split_rules.{values.get('split.name')}",
    ]
    modules = [f"{PACKAGE}.training.train", *by_name, *targets]
    return code_hashes([each for each in modules if each.partition(".")[0] not in DEPENDENCIES], _changes_results)


def result_code() -> str:
    """One hash of all sources of this package that can change results, as `docs/results/` records it."""
    folder = Path(__file__).parents[1]
    modules = [
        ".".join((PACKAGE, *file.relative_to(folder).with_suffix("").parts))
        for package in RESULT_PACKAGES
        for file in sorted((folder / package).rglob("*.py"))
        if file.stem != "__init__"
    ]
    return combined(code_hashes(modules, _changes_results))[:HASH_LENGTH]


def _changes_results(module: str) -> bool:
    """Whether a module of this package can change scores; every other module can."""
    package, _, inside = module.partition(".")
    return package != PACKAGE or (inside.partition(".")[0] in RESULT_PACKAGES and module not in WITHOUT_RESULT)


def run_name(config: Mapping[str, Any], overrides: Sequence[str], config_hash: str, model: str | None = None) -> str:
    """`<slug>-<config_hash>`; the slug contains model, slice, split and the other overrides.

    A trial of a search is `<model>-trial-<config_hash>`.

    Args:
        config: the whole configuration as nested plain values.
        overrides: the command line.
        config_hash: hash of the configuration.
        model: the selected member of the group `model`; None uses the name of its class.
    """
    name = model or str(config["model"]["_target_"]).rpartition(".")[2].lower()
    if (config.get("search") or {}).get("folds"):
        return f"{_slug([name, 'trial'])}-{config_hash}"
    words = [
        name,
        f"{_plain_number(config['slice']['seconds'])}s",
        "manifest" if config["split"]["manifest"] else str(config["split"]["name"]),
    ]
    words += [word for override in sorted(overrides) if (word := _word(override)) and word not in words]
    return f"{_slug(words)}-{config_hash}"


def existing_runs(runs_dir: Path) -> dict[str, str]:
    """Names of the run folders by config hash, whatever overrides they were made with; the first one of several."""
    names = [entry.name for entry in os.scandir(runs_dir) if entry.is_dir()] if runs_dir.is_dir() else []
    return {name.rpartition("-")[2]: name for name in sorted(names, reverse=True)}


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flattens nested mappings to one with dotted keys."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result


def _slug(words: Sequence[str]) -> str:
    return re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(words)).strip("-.")[:100]


def _word(override: str) -> str | None:
    """`regularization=none` is `none-regularization`, `split.fold=2` is `fold2`; None where the slug has it already."""
    key, _, value = override.lstrip("+").partition("=")
    if value.startswith("$"):  # the value of another key; Hydra writes $\{key\} in a sweep
        return None
    if key in WITHOUT_EFFECT or key in ("model", "slice", "split", "split.manifest") or key.startswith(("hydra", "~")):
        return None
    if key in ("logger", "callbacks") or key.startswith("logger.") or (key == "trainer" and value != "ddp"):
        return None  # no effect on the result, whatever device
    last = key.rpartition(".")[2]
    if "." in key or key == "seed":
        return f"{last}{value}"
    return value if key in ("features", "experiment", "data", "ablation") else f"{value}-{last}"


def _plain_number(value: Any) -> Any:
    """6.0 as 6, so that both spellings have the same hash."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _content_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else f"missing:{path}"
