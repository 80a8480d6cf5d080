"""Checkpoints that a killed process cannot spoil, and the one from which a run goes on."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from gtzan_lightning.atomic import write_bytes
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS
from gtzan_lightning.runs.checkpoint import load_checkpoint
from gtzan_lightning.runs.folder import RunFolder
from gtzan_lightning.runs.identity import WITHOUT_EFFECT, flat


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
