"""A trained run, taken from its folder or from its checkpoint alone: what classifies music that it has never seen.

MERGED: The model of a checkpoint, which may come from a stranger: nothing that it names is called before it is checked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.utils import get_class
from numpy.typing import NDArray
from pydantic import ValidationError

from gtzan_lightning.config.schema import MODEL_FOLDER, Config
from gtzan_lightning.datamodule.genre_datamodule import EVALUATION_BATCH
from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.ood import OodScore
from gtzan_lightning.models.base import CONTENTS, GenreModule
from gtzan_lightning.runs.browser import best_run, named_run
from gtzan_lightning.runs.run_folder import Card, RunFolder
from gtzan_lightning.training.checkpoints import load_checkpoint
from gtzan_lightning.training.construction import make_model

PLAIN = (bool, int, float, type(None))
TARGET = "_target_"


def safely_loaded_model(
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


BEST = "best"


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A model with all that belongs to it: how music becomes its input, and what its output means."""

    path: Path  # the checkpoint
    model: GenreModule  # in evaluation mode, on the CPU
    config: Config  # of the training
    genres: tuple[str, ...]  # in the order of the model's output
    columns: tuple[str, ...]  # name of each feature
    shape: tuple[int, int]  # of one example: (steps, features)
    standardisation: Standardisation
    ood: OodScore | None  # what the training music is like; None in runs of before it was kept
    temperature: float | None  # fitted on validation; None where the run had none
    card: Card | None  # of the run, where its folder is at hand

    @property
    def name(self) -> str:
        """The run's name, or that of a checkpoint without a run."""
        return str(self.card["run_id"]) if self.card and "run_id" in self.card else self.path.name

    def probabilities(self, x: NDArray[np.floating], *, calibrated: bool = True) -> NDArray[np.float32]:
        """Genre probabilities `(slices, genres)` of raw features `(slices, steps, features)`.

        Args:
            x: in the features' own clusters, as `step_table` gives them.
            calibrated: with the run's temperature, if it has one (Guo et al. 2017); False gives the model's own
                softmax, as `predictions.csv` has it.

        Raises:
            ValueError: examples of another shape.
        """
        if x.shape[1:] != self.shape:
            raise ValueError(f"examples of {x.shape[1:]} steps and features, but the model reads {self.shape}")
        inputs = torch.from_numpy(self.standardisation.apply(x))
        with torch.inference_mode():
            logits = torch.cat([self.model(batch) for batch in inputs.split(EVALUATION_BATCH)])
            temperature = self.temperature if calibrated and self.temperature else 1.0
            return (logits / temperature).softmax(dim=1).numpy()


def load_run(run: str | Path, *, outputs: str | Path = "outputs") -> TrainedRun:
    """The best epoch of a run, ready to classify.

    Args:
        run: a run folder, a checkpoint file, a part of a run's name that no other run has, or `best`: the finished
            grouped run with the highest validation clip accuracy.
        outputs: where runs are looked for by name.

    Raises:
        GtzanError: no such run, one that has not finished, or a checkpoint that cannot be used.
    """
    if Path(run).is_file():
        return _loaded(Path(run), RunFolder(Path(run).parent))
    folder = best_run(Path(outputs)) if str(run) == BEST else named_run(str(run), Path(outputs))
    folder.done_card()  # refuses a run that has not finished
    return _loaded(folder.best_checkpoint, folder)


def _loaded(path: Path, folder: RunFolder) -> TrainedRun:
    checkpoint = load_checkpoint(path)
    contents = checkpoint[CONTENTS]
    try:
        config = Config.model_validate(contents["config"])
        genres, columns = (tuple(map(str, contents[key])) for key in ("genres", "columns"))
        steps, features = (int(length) for length in contents["shape"])
        standardisation = _standardisation(contents, features)
        ood = OodScore.from_plain(contents["ood"]) if "ood" in contents else None
        temperature = contents.get("temperature")
        temperature = None if temperature is None else float(temperature)
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # a ValidationError is a ValueError
        raise GtzanError(
            f"{path}: its contents are not those of a run of this version: {_format_error(error)}."
        ) from error
    if len(columns) != features or len(genres) < 2:
        raise GtzanError(f"{path}: {len(genres)} genres and {len(columns)} names for {features} features do not fit.")
    model = safely_loaded_model(path, config, (steps, features), len(genres), checkpoint["state_dict"])
    card = folder.card() if path.name == folder.best_checkpoint.name else {}
    temperature = temperature or card.get("calibration", {}).get("temperature")
    return TrainedRun(
        path=path,
        model=model,
        config=config,
        genres=genres,
        columns=columns,
        shape=(steps, features),
        standardisation=standardisation,
        ood=ood,
        temperature=temperature,
        card=card or None,
    )


def _standardisation(contents: Mapping[str, Any], n_features: int) -> Standardisation:
    mean, scale, quantiles = (contents[key].numpy() for key in ("mean", "scale", "quantiles"))
    if mean.shape != (n_features,) or scale.shape != mean.shape:
        raise ValueError(f"a scale of {mean.shape[-1:]} for {n_features} features")
    if len(quantiles) and quantiles.shape[1:] != mean.shape:
        raise ValueError(f"quantiles of {quantiles.shape[1:]} for {n_features} features")
    return Standardisation(mean, scale, quantiles)


def _format_error(error: Exception) -> str:
    """What is wrong, in one line."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)
        )
    return f"no entry {error}" if isinstance(error, KeyError) else str(error)
