"""Checkpoints that a killed process cannot spoil, and the one from which a run goes on.

MERGED: Checkpoints: tensors and plain data, enough by themselves to classify a new file.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from gtzan_lightning.config.identity import WITHOUT_EFFECT, flat
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS
from gtzan_lightning.runs.run_card import versions
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.utils.files import replacing, write_bytes

SCHEMA = 1  # of the contents; raise it when what is written can no longer be read as before
NEEDED = ("config", "genres", "columns", "shape", "mean", "scale", "quantiles")
LIGHTNING_VERSION = "pytorch-lightning_version"  # Lightning's own key, in the checkpoints of all its users


def with_versions(contents: Mapping[str, Any]) -> dict[str, Any]:
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
    message = str(error).rpartition("WeightsUnpickler error: ")[2].strip().partition("\n")[0].partition(". ")[0]
    return f"damaged or no checkpoint ({message}). Repeat the run with rerun=true."


class WholeCheckpoints(TorchCheckpointIO):
    """Replaces a checkpoint as a whole.

    Lightning's own way writes to the system's temporary folder and moves the file from there, which is a copy where
    that folder is on another disk: a process that is killed meanwhile leaves half a checkpoint.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Writes `checkpoint` beside `path`, then puts it in place; there are no `storage_options`."""
        del storage_options
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        content = io.BytesIO()  # torch would hide what is wrong with the disk from who writes to it directly
        torch.save(checkpoint, content)
        write_bytes(Path(path), content.getvalue())


def resumable(run: RunFolder, config: Mapping[str, Any]) -> Path | None:
    """The checkpoint from which the run goes on; None where there is none.

    Args:
        run: the run's folder.
        config: the run's whole configuration as nested plain values.

    Raises:
        GtzanError: it is damaged, or the checkpoint of another run.
    """
    path = run.last_checkpoint
    if not path.is_file():
        return None
    there, here = flat(load_checkpoint(path)[CONTENTS]["config"]), flat(config)
    other = [key for key in there.keys() & here.keys() - WITHOUT_EFFECT if there[key] != here[key]]
    if other:
        key = min(other, key=lambda key: (key != "model._target_", key))
        raise GtzanError(
            f"{path}: the checkpoint of another run, with {key}={there[key]} and not {here[key]}.\n"
            "Delete it, and the run starts again from its first epoch; or repeat the run with rerun=true."
        )
    return path
