"""A trained run, taken from its folder or from its checkpoint alone: what classifies music that it has never seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from gtzan_lightning.config import Config
from gtzan_lightning.datamodule.genre_datamodule import EVALUATION_BATCH
from gtzan_lightning.datamodule.standardisation import Standardisation
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.familiarity import Familiarity
from gtzan_lightning.models.base import CONTENTS, GenreModule
from gtzan_lightning.prediction.rebuilding import rebuilt_model
from gtzan_lightning.runs.browser import best_run, named_run
from gtzan_lightning.runs.checkpoint import load_checkpoint
from gtzan_lightning.runs.folder import Card, RunFolder

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
    familiarity: Familiarity | None  # what the training music is like; None in runs of before it was kept
    temperature: float | None  # fitted on validation; None where the run had none
    card: Card | None  # of the run, where its folder is at hand

    @property
    def name(self) -> str:
        """The run's name, or that of a checkpoint without a run."""
        return str(self.card["run_id"]) if self.card and "run_id" in self.card else self.path.name

    def probabilities(self, x: NDArray[np.floating], *, calibrated: bool = True) -> NDArray[np.float32]:
        """Genre probabilities `(slices, genres)` of raw features `(slices, steps, features)`.

        Args:
            x: in the features' own units, as `step_table` gives them.
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
        familiarity = Familiarity.from_plain(contents["familiarity"]) if "familiarity" in contents else None
        temperature = contents.get("temperature")
        temperature = None if temperature is None else float(temperature)
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # a ValidationError is a ValueError
        raise GtzanError(f"{path}: its contents are not those of a run of this version: {_told(error)}.") from error
    if len(columns) != features or len(genres) < 2:
        raise GtzanError(f"{path}: {len(genres)} genres and {len(columns)} names for {features} features do not fit.")
    model = rebuilt_model(path, config, (steps, features), len(genres), checkpoint["state_dict"])
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
        familiarity=familiarity,
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


def _told(error: Exception) -> str:
    """What is wrong, in one line."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)
        )
    return f"no entry {error}" if isinstance(error, KeyError) else str(error)
