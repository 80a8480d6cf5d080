"""Checkpoints: tensors and plain data, sufficient to classify a new file, and to resume a run."""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import nn

from gtzan_lightning.config.identity import WITHOUT_EFFECT, flat
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS
from gtzan_lightning.runs.run_card import versions
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.utils.files import refuse_pipe, write_bytes

SCHEMA = 1  # of the contents; increased when older checkpoints can no longer be read
NEEDED = ("config", "genres", "columns", "shape", "mean", "scale", "quantiles")
LIGHTNING_VERSION = "pytorch-lightning_version"  # key in all checkpoints of Lightning


def with_versions(contents: Mapping[str, Any]) -> dict[str, Any]:
    """Adds the schema and the package versions to the contents of a checkpoint."""
    return {**contents, "schema": SCHEMA, "versions": versions()}


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint without running code from it.

    Returns:
        The checkpoint of Lightning, with configuration, genres, columns and normalisation under `CONTENTS`.
        Early checkpoints lack `schema` and `versions` there.

    Raises:
        GtzanError: the file is missing, damaged, contains code, or was written by another program or schema.
    """
    refuse_pipe(path)
    if not path.is_file():
        raise GtzanError(f"{path}: there is no such checkpoint.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # arbitrary bytes can raise any error of the unpickler
        raise GtzanError(f"{path}: {_objection(error)}") from error
    if not isinstance(checkpoint, Mapping) or CONTENTS not in checkpoint or "state_dict" not in checkpoint:
        raise GtzanError(f"{path}: not a checkpoint of gtzan-lightning, but {_nature(checkpoint)}.")
    _check_contents(path, checkpoint)
    _check_tensors(path, {**checkpoint["state_dict"], **checkpoint[CONTENTS]})
    return dict(checkpoint)


def add_contents(path: Path, entries: Mapping[str, Any]) -> None:
    """Adds tensors or plain data to the contents of a checkpoint, and replaces the file atomically.

    Raises:
        GtzanError: as `load_checkpoint`.
    """
    checkpoint = load_checkpoint(path)
    checkpoint[CONTENTS] = {**checkpoint[CONTENTS], **entries}
    _save(checkpoint, path)


def resumable(run: RunFolder, config: Mapping[str, Any]) -> Path | None:
    """The checkpoint from which a run resumes; None if there is none.

    Args:
        run: the folder of the run.
        config: its whole configuration as nested plain values.

    Raises:
        GtzanError: the checkpoint is damaged or belongs to another run.
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
            "Delete it to start again from the first epoch, or repeat the run with rerun=true."
        )
    return path


def load_initial_weights(model: nn.Module, path: Path) -> None:
    """Loads the weights of a checkpoint, of a run or of another program with Lightning, into a new model.

    Raises:
        GtzanError: the file is missing, damaged or contains code, or its weights do not fit.
    """
    refuse_pipe(path)
    if not path.is_file():
        raise GtzanError(f"ckpt_path={path}: there is no such file.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        weights = checkpoint.get("state_dict", checkpoint)
        model.load_state_dict(weights)
    except RuntimeError as error:
        raise GtzanError(f"ckpt_path={path}: its weights do not fit the model: {error}") from error
    except Exception as error:  # arbitrary bytes can raise any error of the unpickler
        raise GtzanError(f"ckpt_path={path}: {_objection(error)}") from error


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints atomically.

    Lightning writes to the temporary folder of the system and moves the file. If that folder is on another disk, the
    move is a copy, and a killed process leaves a truncated checkpoint.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Writes a checkpoint; there are no `storage_options`."""
        del storage_options
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        _save(checkpoint, Path(path))


def _save(checkpoint: Mapping[str, Any], path: Path) -> None:
    content = io.BytesIO()  # writing to a file directly, torch would replace the error of the disk by its own
    torch.save(checkpoint, content)
    write_bytes(path, content.getvalue())


def _check_contents(path: Path, checkpoint: Mapping[str, Any]) -> None:
    """Refuses contents with another schema or missing entries."""
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


def _check_tensors(path: Path, tensors: Mapping[str, Any]) -> None:
    """Refuses tensors that claim more elements than they hold: copying them could fill the memory."""
    for name, tensor in tensors.items():
        if not isinstance(tensor, torch.Tensor) or tensor.layout != torch.strided:
            continue
        size = tensor.numel() * tensor.element_size()
        if size > tensor.untyped_storage().nbytes():
            raise GtzanError(f"{path}: {name} has the size {size:,} bytes and holds less. The checkpoint was modified.")


def _maker(checkpoint: Mapping[str, Any]) -> str:
    """The versions that wrote a checkpoint, as far as they are recorded."""
    contents = checkpoint[CONTENTS]
    made = contents.get("versions") if isinstance(contents, Mapping) else None
    if isinstance(made, Mapping):
        return ", ".join(f"{name} {made[name]}" for name in ("gtzan-lightning", "torch", "lightning") if name in made)
    return f"an early gtzan-lightning with lightning {checkpoint.get(LIGHTNING_VERSION, '(unknown)')}"


def _nature(checkpoint: Any) -> str:
    """Describes a file that is not a checkpoint of this package."""
    if not isinstance(checkpoint, Mapping):
        return f"a bare {type(checkpoint).__name__}"
    if LIGHTNING_VERSION in checkpoint:
        return f"one of another program that uses Lightning {checkpoint[LIGHTNING_VERSION]}"
    if checkpoint and all(isinstance(value, torch.Tensor) for value in checkpoint.values()):
        return f"the bare weights of some model ({len(checkpoint)} tensors)"
    return f"a dictionary with {', '.join(map(repr, list(checkpoint)[:5])) or 'nothing in it'}"


def _objection(error: Exception) -> str:
    """Why PyTorch refused a file; the name of a pickled object often identifies the program that wrote it."""
    wanted = re.search(r"GLOBAL ([\w.]+)", str(error))
    if isinstance(error, pickle.UnpicklingError) and "Unsupported operand" not in str(error):
        name = f" ({wanted[1]})" if wanted else ""
        return (
            f"holds more than tensors and plain data{name}, and is not loaded: it could run code.\n"
            "Checkpoints of gtzan-lightning contain no code: this one was written by another program or modified."
        )
    message = str(error).rpartition("WeightsUnpickler error: ")[2].strip().partition("\n")[0].partition(". ")[0]
    return f"damaged or no checkpoint ({message}). Repeat the run with rerun=true."
