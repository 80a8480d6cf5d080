"""Loads a trained run from its folder or from its checkpoint alone.

Checkpoints may be untrusted: no class that one names is called before it is checked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hydra.utils import get_class
from numpy.typing import NDArray
from pydantic import ValidationError
from sklearn.base import ClassifierMixin

from gtzan_lightning.config.schema import MODEL_FOLDER, Config
from gtzan_lightning.datamodule.genre_datamodule import EVALUATION_BATCH
from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.calibration import TEMPERATURES
from gtzan_lightning.evaluation.ood import OodScore
from gtzan_lightning.models.base import CONTENTS, GenreModule
from gtzan_lightning.models.embedding import representations
from gtzan_lightning.models.estimators import Estimator, Pickled
from gtzan_lightning.runs.browser import best_run, model_name, named_run
from gtzan_lightning.runs.run_folder import Card, RunFolder
from gtzan_lightning.training.checkpoints import load_checkpoint
from gtzan_lightning.training.construction import make_model

PLAIN = (bool, int, float, type(None))
NAMES = ("pooling",)  # keys of this package's models whose values are names
TARGET = "_target_"
SKLEARN = "sklearn"
BEST = "best"
LARGEST_EXAMPLE = 10**8  # numbers; 0.4 GB
MARGIN = 1.01  # beyond the range in which temperatures are fitted, for rounding


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A model with its preprocessing and the meaning of its output."""

    path: Path  # the checkpoint
    model: GenreModule  # in evaluation mode, on the CPU
    config: Config  # of the training
    genres: tuple[str, ...]  # in the order of the model's output
    columns: tuple[str, ...]  # name of each feature
    shape: tuple[int, int]  # of one example: (steps, features)
    standardisation: Standardisation
    ood: OodScore | None  # None in runs of older versions
    temperature: float | None  # fitted on validation; None in older runs
    card: Card | None  # of the run; None for a checkpoint without its folder
    clip_s: float | None = None  # longest clip of the corpus, where each is one row of statistics

    @property
    def name(self) -> str:
        """Name of the run, or of the checkpoint file without a run."""
        return str(self.card["run_id"]) if self.card and "run_id" in self.card else self.path.name

    @property
    def description(self) -> str:
        """Model, slice, features, seed and name, for captions of figures; only the name without a run card."""
        if self.card is None:
            return self.name
        seconds, features, seed = self.config.slice.seconds, self.card["features"]["name"], self.card["seed"]
        return f"{model_name(self.card)} · slices of {seconds:g} s · {features} · seed {seed} · {self.name}"

    def probabilities(self, x: NDArray[np.floating], *, calibrated: bool = True) -> NDArray[np.float32]:
        """Genre probabilities `(slices, genres)` of raw features `(slices, steps, features)`.

        Args:
            x: in the units of the features, as from `step_table`.
            calibrated: whether to apply the run's temperature, if it has one (Guo et al. 2017); False gives the
                probabilities of `predictions.csv`.

        Raises:
            ValueError: the examples have another shape.
        """
        if x.shape[1:] != self.shape:
            raise ValueError(f"examples of {x.shape[1:]} steps and features, but the model reads {self.shape}")
        inputs = torch.from_numpy(self.standardisation.apply(x))
        with torch.inference_mode():
            logits = torch.cat([self.model(batch) for batch in inputs.split(EVALUATION_BATCH)])
            temperature = self.temperature if calibrated and self.temperature else 1.0
            return (logits / temperature).softmax(dim=1).numpy()

    def representations(self, x: NDArray[np.floating]) -> NDArray[np.float32]:
        """Input of the last layer `(slices, columns)` for raw features `(slices, steps, features)`."""
        inputs = torch.from_numpy(self.standardisation.apply(x))
        return representations(self.model, inputs.split(EVALUATION_BATCH))


def load_run(run: str | Path, *, outputs: str | Path = "outputs", trust: Collection[str] = ()) -> TrainedRun:
    """Loads the best epoch of a run.

    Args:
        run: a run folder, a checkpoint file, a unique part of a run's name, or `best`: the finished grouped run with
            the highest validation clip accuracy.
        outputs: the folder in which runs are found by name.
        trust: packages or modules whose classes a checkpoint may name as its model, such as `["mypkg"]`.

    Raises:
        GtzanError: there is no such run, it has not finished, or its checkpoint cannot be used.

    Examples:
        >>> from gtzan_lightning import compose, load_run, train
        >>> overrides = ["model=mlp", "trainer.max_epochs=1", "trainer.progress=false"]
        >>> run = load_run(train(compose(overrides)).folder)  # doctest: +ELLIPSIS
        Run mlp-3s-grouped-...
        >>> len(run.columns)
        55
    """
    if Path(run).is_file():
        return _load(Path(run), RunFolder(Path(run).parent), trust)
    folder = best_run(Path(outputs)) if str(run) == BEST else named_run(str(run), Path(outputs))
    folder.done_card()  # raises if the run has not finished
    return _load(folder.best_checkpoint, folder, trust)


def load_trained(folder: Path) -> TrainedRun:
    """Loads a run that this sweep has trained, with the package of its model, which the sweep named.

    Raises:
        GtzanError: as `load_run`.
    """
    package = str(RunFolder(folder).config()["model._target_"]).partition(".")[0]
    return load_run(folder, trust=() if package == MODEL_FOLDER.partition(".")[0] else [package])


def _load(path: Path, folder: RunFolder, trust: Collection[str]) -> TrainedRun:
    checkpoint = load_checkpoint(path)
    contents = checkpoint[CONTENTS]
    try:
        config = Config.model_validate(contents["config"])
        genres, columns = (tuple(map(str, contents[key])) for key in ("genres", "columns"))
        steps, features = (int(length) for length in contents["shape"])
        standardisation = _standardisation(contents, features)
        ood = OodScore.from_plain(contents["ood"]) if "rows" in contents.get("ood", {}) else None
        temperature = contents.get("temperature")
        temperature = None if temperature is None else _plausible_temperature(float(temperature))
        clip_s = None if contents.get("clip_s") is None else float(contents["clip_s"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:  # a ValidationError is a ValueError
        raise GtzanError(
            f"{path}: its contents are not those of a run of this version: {_format_error(error)}."
        ) from error
    if len(columns) != features or len(genres) < 2:
        raise GtzanError(f"{path}: {len(genres)} genres and {len(columns)} names for {features} features do not fit.")
    model = safely_loaded_model(path, config, (steps, features), len(genres), checkpoint["state_dict"], trust)
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
        clip_s=clip_s,
        card=card or None,
    )


def safely_loaded_model(
    path: Path,
    config: Config,
    shape: tuple[int, int],
    n_genres: int,
    weights: Mapping[str, Any],
    trust: Collection[str] = (),
) -> GenreModule:
    """The model of a checkpoint with its weights, in evaluation mode.

    Args:
        path: of the checkpoint, for error messages.
        config: of the checkpoint.
        shape: of an example, (steps, features).
        n_genres: number of classes.
        weights: the `state_dict` of the checkpoint.
        trust: packages or modules, besides this one and scikit-learn, whose classes may be called.

    Raises:
        GtzanError: the class is not trusted, its options could run code, or the weights do not fit.
    """
    config = config.model_copy(update={"optimizer": None, "scheduler": None})  # only for training; their code would run
    options = config.model.model_dump(by_alias=True)
    refuse_code(path, options, trust)
    _refuse_size(path, options, shape, len(weights))
    with torch.device("meta"):  # without memory, which a wrong size in the checkpoint could exhaust
        planned = make_model(config, shape, n_genres)
    fitted = isinstance(planned, Estimator)  # its tensors have shapes that depend on the data
    if isinstance(planned, Estimator) and planned.is_code and SKLEARN not in trust:
        raise GtzanError(_needs_trust(path, f"model is {config.model.target} as a pickle", SKLEARN))
    if not fitted:
        _refuse_misfits(path, config.model.target, planned.state_dict(), weights)
        broken = [name for name, tensor in weights.items() if not torch.isfinite(tensor).all()]
        if broken:
            raise GtzanError(f"{path}: {broken[0]} has values that are no numbers; the model predicts nothing.")
    model = make_model(config, shape, n_genres)
    try:
        model.load_state_dict(weights)
        if isinstance(model, Estimator) and isinstance(model.classifier, Pickled):
            model.classifier.trusted = True
        if fitted and model(torch.zeros(2, *shape)).shape != (2, n_genres):
            raise ValueError(f"not {n_genres} genres")
    except (RuntimeError, IndexError, ValueError) as error:
        raise GtzanError(f"{path}: its tensors do not fit {config.model.target}: {error}") from error
    return model.eval()


def refuse_code(path: Path, options: Mapping[str, Any], trust: Collection[str]) -> None:
    """Checks that only a trusted class is called: its options must be plain values.

    A model of this package, an estimator of scikit-learn (whose constructors only store their arguments), or a class
    of a package that the user names.

    Args:
        path: of the checkpoint or run, for messages.
        options: the section `model` of its configuration, with `_target_`.
        trust: packages or modules whose classes may be called.

    Raises:
        GtzanError: the class is not trusted, or an option is not plain.
    """
    target = str(options[TARGET])
    trusted = _trusted_by(target, trust)
    is_own = target.startswith(MODEL_FOLDER)
    for key, value in options.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        plain = (*PLAIN, str) if not is_own or key in NAMES else PLAIN
        if key != TARGET and (key.startswith("_") or not all(isinstance(item, plain) for item in values)):
            raise GtzanError(f"{path}: model.{key} is no plain number, and is not used: it could run code.")
    if trusted and trusted != SKLEARN:
        return
    if not is_own and not target.startswith(f"{SKLEARN}."):
        raise GtzanError(_needs_trust(path, f"model is {target}", target.partition(".")[0]))
    try:
        is_model = issubclass(get_class(target), GenreModule if is_own else ClassifierMixin)
    except Exception as error:  # an import may raise anything
        raise GtzanError(f"{path}: its model {target} is not in this version of gtzan-lightning.") from error
    if not is_model:
        raise GtzanError(f"{path}: {target} is no model of gtzan-lightning, and is not called.")


def refuse_training_code(path: Path, config: Config, trust: Collection[str]) -> None:
    """Checks that training with the configuration of a run calls only trusted classes; arguments as in `refuse_code`.

    Raises:
        GtzanError: the class of the model, the optimizer or the schedule is not trusted.
    """
    refuse_code(path, config.model.model_dump(by_alias=True), trust)
    for key, section in (("optimizer", config.optimizer), ("scheduler", config.scheduler)):
        if section and not section.target.startswith("torch.optim.") and not _trusted_by(section.target, trust):
            raise GtzanError(_needs_trust(path, f"{key} is {section.target}", section.target.partition(".")[0]))


def _trusted_by(target: str, trust: Collection[str]) -> str | None:
    """The trusted package or module that a class is from; None if there is none."""
    return next((name for name in trust if target == name or target.startswith(f"{name}.")), None)


def _needs_trust(path: Path, what: str, package: str) -> str:
    return (
        f"{path}: its {what}, whose code would run. If you trust the checkpoint and the package, "
        f'add --trust {package} (in Python: load_run(..., trust=["{package}"])).'
    )


def _refuse_size(path: Path, options: Mapping[str, Any], shape: tuple[int, int], n_weights: int) -> None:
    """Refuses more layers than the checkpoint has tensors, and examples that would fill the memory."""
    for key, value in options.items():
        if "layer" in key and isinstance(value, int) and value > max(n_weights, 1):
            raise GtzanError(f"{path}: model.{key}={value}, but the checkpoint has {n_weights} tensors only.")
    if min(shape) < 1 or shape[0] * shape[1] > LARGEST_EXAMPLE:
        raise GtzanError(f"{path}: examples of {shape[0]} steps of {shape[1]} features cannot be used.")


def _plausible_temperature(value: float) -> float:
    low, high = TEMPERATURES
    if not low / MARGIN <= value <= high * MARGIN:
        raise ValueError(f"a temperature of {value:g}, which is not from {low:g} to {high:g}")
    return value


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


def _standardisation(contents: Mapping[str, Any], n_features: int) -> Standardisation:
    mean, scale, quantiles = (contents[key].numpy() for key in ("mean", "scale", "quantiles"))
    if mean.shape != (n_features,) or scale.shape != mean.shape:
        raise ValueError(f"a scale of {mean.shape[-1:]} for {n_features} features")
    if len(quantiles) and quantiles.shape[1:] != mean.shape:
        raise ValueError(f"quantiles of {quantiles.shape[1:]} for {n_features} features")
    if not all(np.isfinite(values).all() for values in (mean, scale, quantiles)) or (scale <= 0).any():
        raise ValueError("a scale with values that are not finite and positive")
    return Standardisation(mean, scale, quantiles)


def _format_error(error: Exception) -> str:
    """The error in one line."""
    if isinstance(error, ValidationError):
        return "; ".join(
            f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors(include_url=False)
        )
    return f"no entry {error}" if isinstance(error, KeyError) else str(error)
