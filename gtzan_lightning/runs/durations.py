"""How long a job takes, judged by finished runs of the same kind."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from omegaconf import OmegaConf

from gtzan_lightning.runs.identity import flat

Kind = tuple[str, ...]
"""What decides how long a run takes; two runs of one kind differ in seed, split or regularisation."""

DECISIVE = (
    "model._target_", "model.hidden_size", "model.num_layers", "features.name", "slice.seconds", "slice.step_s",
    "slice.hop_s", "data.kind", "data.root", "data.source", "data.batch_size", "split.train_tracks",
    "augmentation.renditions", "trainer.accelerator", "trainer.devices", "trainer.max_epochs", "trainer.limit_batches",
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
