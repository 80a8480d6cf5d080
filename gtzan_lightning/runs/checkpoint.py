"""Checkpoints: tensors and plain data, enough by themselves to classify a new file."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gtzan_lightning.atomic import replacing
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS
from gtzan_lightning.runs.card import versions

SCHEMA = 1  # of the contents; raise it when what is written can no longer be read as before
NEEDED = ("config", "genres", "columns", "shape", "mean", "scale", "quantiles")
LIGHTNING_VERSION = "pytorch-lightning_version"  # Lightning's own key, in the checkpoints of all its users


def stamped(contents: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint's contents with what a later reader must know: their schema, and what made them."""
    return {**contents, "schema": SCHEMA, "versions": versions()}


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint without running any code in it.

    Returns:
        What Lightning saved, and under `CONTENTS` the run's own contents (config, genres, columns, normalisation).
        Those of the first runs have no `schema` and no `versions`, and are otherwise the same.

    Raises:
        GtzanError: no checkpoint, a damaged one, one that wants to run code, one of another program, or one of
            another version that cannot be read.
    """
    if not path.is_file():
        raise GtzanError(f"{path}: there is no such checkpoint.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # bytes that are no checkpoint raise whatever they happen to spell
        raise GtzanError(f"{path}: {_objection(error)}") from error
    if not isinstance(checkpoint, Mapping) or CONTENTS not in checkpoint or "state_dict" not in checkpoint:
        raise GtzanError(f"{path}: not a checkpoint of gtzan-lightning, but {_nature(checkpoint)}.")
    _check_contents(path, checkpoint)
    return dict(checkpoint)


def _check_contents(path: Path, checkpoint: Mapping[str, Any]) -> None:
    """Refuses contents of another schema, and contents that lack something."""
    contents = checkpoint[CONTENTS]
    maker = _maker(checkpoint)
    schema = contents.get("schema", SCHEMA) if isinstance(contents, Mapping) else None
    if schema != SCHEMA:
        newer = isinstance(schema, int) and schema > SCHEMA
        remedy = "Install a newer gtzan-lightning" if newer else "Repeat the run with rerun=true"
        raise GtzanError(
            f"{path}: its contents have schema {schema}, and this is gtzan-lightning {versions()['gtzan-lightning']}, "
            f"which reads schema {SCHEMA}. It was made by {maker}. {remedy}."
        )
    missing = [name for name in NEEDED if name not in contents]
    if missing:
        raise GtzanError(f"{path}: lacks {', '.join(missing)}. It was made by {maker}. Repeat the run with rerun=true.")


def add_contents(path: Path, entries: Mapping[str, Any]) -> None:
    """Adds tensors or plain data to the contents of a checkpoint; a reader sees the old file or the new one.

    Raises:
        GtzanError: as `load_checkpoint`.
    """
    checkpoint = load_checkpoint(path)
    checkpoint[CONTENTS] = {**checkpoint[CONTENTS], **entries}
    with replacing(path) as temporary:
        torch.save(checkpoint, temporary)


def _maker(checkpoint: Mapping[str, Any]) -> str:
    """What made a checkpoint, as far as it says so."""
    contents = checkpoint[CONTENTS]
    made = contents.get("versions") if isinstance(contents, Mapping) else None
    if isinstance(made, Mapping):
        return ", ".join(f"{name} {made[name]}" for name in ("gtzan-lightning", "torch", "lightning") if name in made)
    return f"an early gtzan-lightning with lightning {checkpoint.get(LIGHTNING_VERSION, '(unknown)')}"


def _nature(checkpoint: Any) -> str:
    """What a file of plain data is instead."""
    if not isinstance(checkpoint, Mapping):
        return f"a bare {type(checkpoint).__name__}"
    if LIGHTNING_VERSION in checkpoint:
        return f"one of another program that uses Lightning {checkpoint[LIGHTNING_VERSION]}"
    if checkpoint and all(isinstance(value, torch.Tensor) for value in checkpoint.values()):
        return f"the bare weights of some model ({len(checkpoint)} tensors)"
    return f"a dictionary with {', '.join(map(repr, list(checkpoint)[:5])) or 'nothing in it'}"


def _objection(error: Exception) -> str:
    """Why PyTorch did not read a file. The name that a pickle asked for often tells which program made it."""
    wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
    if isinstance(error, pickle.UnpicklingError) and "Unsupported operand" not in str(error):
        name = f" ({wanted[1]})" if wanted else ""
        return (
            f"holds more than tensors and plain data{name}, and is not loaded: it could run code.\n"
            "Checkpoints of gtzan-lightning hold nothing of the kind: this one is another program's, or was changed."
        )
    told = str(error).rpartition("WeightsUnpickler error: ")[2].strip().partition("\n")[0].partition(". ")[0]
    return f"damaged or no checkpoint ({told}). Repeat the run with rerun=true."
