"""The model of a checkpoint, which may come from a stranger: nothing that it names is called before it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from hydra.utils import get_class

from gtzan_lightning.config import MODEL_FOLDER, Config
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.experiment import make_model
from gtzan_lightning.models.base import GenreModule

PLAIN = (bool, int, float, type(None))
TARGET = "_target_"


def rebuilt_model(
    path: Path, config: Config, shape: tuple[int, int], n_genres: int, weights: Mapping[str, Any]
) -> GenreModule:
    """The model with its weights, in evaluation mode.

    Args:
        path: the checkpoint, for messages.
        config: its configuration.
        shape: of an example, (steps, features).
        n_genres: classes.
        weights: its `state_dict`.

    Raises:
        GtzanError: what is named is no model of this package, its keys could lead to code, or weights do not fit.
    """
    _refuse_code(path, config.model.model_dump(by_alias=True))
    with torch.device("meta"):  # shapes without memory: a lie about a size must not fill it
        planned = make_model(config, shape, n_genres).state_dict()
    _refuse_misfits(path, config.model.target, planned, weights)
    model = make_model(config, shape, n_genres)
    model.load_state_dict(weights)
    return model.eval()


def _refuse_code(path: Path, options: Mapping[str, Any]) -> None:
    """Hydra calls whatever `_target_` names, in nested values as well: only a model with numbers for keys is let in."""
    target = str(options[TARGET])
    odd = [key for key, value in options.items() if key != TARGET and (key.startswith("_") or not _is_plain(value))]
    if odd:
        raise GtzanError(f"{path}: model.{odd[0]} is no plain number, and is not used: it could run code.")
    try:
        is_model = target.startswith(MODEL_FOLDER) and issubclass(get_class(target), GenreModule)
    except Exception as error:  # whatever the import of a name may raise
        raise GtzanError(f"{path}: its model {target} is not in this version of gtzan-lightning.") from error
    if not is_model:
        raise GtzanError(f"{path}: {target} is no model of gtzan-lightning, and is not called.")


def _is_plain(value: Any) -> bool:
    return all(isinstance(item, PLAIN) for item in (value if isinstance(value, (list, tuple)) else [value]))


def _refuse_misfits(path: Path, target: str, planned: Mapping[str, Any], weights: Mapping[str, Any]) -> None:
    expected, found = (
        {name: tuple(getattr(tensor, "shape", ())) for name, tensor in some.items()} for some in (planned, weights)
    )
    if expected == found:
        return
    name = next(name for name in {**expected, **found} if expected.get(name) != found.get(name))
    raise GtzanError(
        f"{path}: its weights do not fit its configuration: {target.rpartition('.')[2]} has {name} of shape "
        f"{expected.get(name, 'none')}, the checkpoint {found.get(name, 'none')}."
    )
