"""Which question a run answers: the same question has the same name, whenever and wherever it is asked."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ENGINE = 1  # raise it when the same configuration gives other numbers
SCHEMA = 1  # of the run folder and run.json

WITHOUT_EFFECT = frozenset({
    "outputs", "rerun", "cache_dir", "data.kind", "data.root", "data.source", "data.n_jobs", "data.max_skipped_share",
    "trainer.accelerator", "trainer.devices",
    "trainer.strategy", "trainer.threads", "trainer.save_every_s", "trainer.progress",
})  # fmt: skip
"""Keys that cannot change a result: paths, claims, logging, threads, devices. What data a path leads to can, and the
corpus's fingerprint tells it; so can the number of processes that train together."""

ANALYSIS = ("study", "sweep")
"""Sections that say what a run is made for and how a sweep is executed; they cannot change a result."""

HASH_LENGTH = 8


def config_hash(config: Mapping[str, Any], corpus_sha256: str, *, world_size: int = 1) -> str:
    """The run's 8 hexadecimal config_hash.

    Args:
        config: the whole configuration as nested plain values.
        corpus_sha256: the corpus's fingerprint, which stands in for the path to it.
        world_size: processes that train together.
    """
    values = {
        key: _plain_number(value)
        for key, value in flat(config).items()
        if key not in WITHOUT_EFFECT and key.partition(".")[0] not in ANALYSIS
    }
    manifest = values.get("split.manifest")
    if manifest is not None:
        values["split.manifest"] = _content_sha256(Path(manifest))
    hashed = {
        "config": values,
        "corpus": corpus_sha256,
        "world_size": world_size,
        "engine": ENGINE,
        "schema": SCHEMA,
    }
    return hashlib.sha256(json.dumps(hashed, sort_keys=True).encode()).hexdigest()[:HASH_LENGTH]


def run_name(config: Mapping[str, Any], overrides: Sequence[str], config_hash: str, model: str | None = None) -> str:
    """`<slug>-<config_hash>`; the slug says model, slice and split, and what else was set on the command line.

    Args:
        config: the whole configuration as nested plain values.
        overrides: the command line.
        config_hash: the run's identity.
        model: the chosen member of the group `model`; None takes the name of its class.
    """
    words = [
        model or str(config["model"]["_target_"]).rpartition(".")[2].lower(),
        f"{_plain_number(config['slice']['seconds'])}s",
        "manifest" if config["split"]["manifest"] else str(config["split"]["name"]),
    ]
    words += [word for override in sorted(overrides) if (word := _word(override)) and word not in words]
    slug = re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(words)).strip("-.")
    return f"{slug[:100]}-{config_hash}"


def existing_run(runs_dir: Path, config_hash: str) -> str | None:
    """Name of the folder that holds this question's run already, however the command was spelled."""
    found = sorted(path.name for path in runs_dir.glob(f"*-{config_hash}") if path.is_dir())
    return found[0] if found else None


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted keys."""
    result: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[f"{prefix}{key}"] = value
    return result


def _word(override: str) -> str | None:
    """`regularization=none` is `none-regularization`, `split.fold=2` is `fold2`; None for what the slug says anyway."""
    key, _, value = override.lstrip("+").partition("=")
    if value.startswith("$"):  # says the same as the key that it refers to; Hydra writes $\{key\} in a sweep
        return None
    if key in WITHOUT_EFFECT or key in ("model", "slice", "split", "split.manifest") or key.startswith(("hydra", "~")):
        return None
    last = key.rpartition(".")[2]
    if "." in key or key == "seed":
        return f"{last}{value}"
    return value if key in ("features", "experiment", "data", "ablation") else f"{value}-{last}"


def _plain_number(value: Any) -> Any:
    """6.0 as 6: a question does not change with the spelling of a number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _content_sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else f"missing:{path}"
