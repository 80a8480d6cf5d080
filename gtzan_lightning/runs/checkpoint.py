"""Checkpoints: tensors and plain data, enough by themselves to classify a new file."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS


def load_checkpoint(path: Path) -> dict[str, Any]:
    """Reads a checkpoint without running any code in it.

    Returns:
        What Lightning saved, and under `CONTENTS` the run's own contents (config, genres, columns, normalisation).

    Raises:
        GtzanError: no checkpoint, a damaged one, one that wants to run code, or one of another program.
    """
    if not path.is_file():
        raise GtzanError(f"{path}: there is no such checkpoint.")
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise GtzanError(
            f"{path}: holds more than tensors and plain data, and is not loaded: it could run code."
        ) from error
    except Exception as error:  # bytes that are no checkpoint raise whatever they happen to spell
        raise GtzanError(f"{path}: damaged or no checkpoint ({error}). Repeat the run with rerun=true.") from error
    if not isinstance(checkpoint, Mapping) or CONTENTS not in checkpoint or "state_dict" not in checkpoint:
        raise GtzanError(f"{path}: not a checkpoint of gtzan-lightning.")
    return dict(checkpoint)
