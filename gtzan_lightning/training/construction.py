"""Builds the objects of a run from its configuration: augmented copies, DataModule, model and trainer."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from torch import nn

from gtzan_lightning.config.schema import Config, OptimizerConfig, SchedulerConfig
from gtzan_lightning.datamodule.augmentation import AugmentedSlices, Masking, copies_per_track
from gtzan_lightning.datamodule.examples import scale_examples
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_request import AugmentedCopy, Waveform
from gtzan_lightning.models.base import GenreModule, Network
from gtzan_lightning.models.optimization import Optimization
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.training.checkpoints import WholeCheckpoints
from gtzan_lightning.training.split_data import SplitData, configured_slices, load_configured_features
from gtzan_lightning.training.tensorboard_logging import EventLogger, event_logger

SIZES = ("n_steps", "n_features", "n_genres")  # arguments of every model
OFFERED = {
    "hidden_size", "num_layers", "lr", "dropout", "weight_decay", "label_smoothing", "mixup", "feature_noise",
    "pooling",
}  # fmt: skip
"""Keys that all neural networks of the group `model` have: a class gets those that it takes."""


OF_THE_RUN = {
    "callbacks", "plugins", "logger", "enable_checkpointing", "use_distributed_sampler", "default_root_dir",
    "limit_test_batches",  # the test scores are computed from the predictions
}  # fmt: skip
"""Arguments of Lightning's `Trainer` that the run sets itself."""


def make_augmented_copies(config: Config, data: SplitData) -> list[AugmentedSlices]:
    """The augmented copies of the training tracks, from the cache or computed."""
    options, tracks = config.augmentation, data.corpus.tracks
    waveform = Waveform(**options.model_dump(include={each.name for each in fields(Waveform)}))
    wanted = copies_per_track(data.corpus, data.slices, data.parts, options.copies, options.factors)
    made = []
    for number in range(1, wanted.max(initial=0) + 1):
        chosen = np.flatnonzero(wanted >= number).astype(np.int32)
        some = replace(data.corpus, tracks=tuple(tracks[index] for index in chosen))
        features = load_configured_features(config, some, AugmentedCopy(number, options.copy_seed, waveform))
        features = replace(features, track_index=chosen[features.track_index])
        made.append(AugmentedSlices(features, configured_slices(config, features)))
    return made


def make_masking(config: Config, genres: Sequence[str]) -> Masking:
    """The configured masks, with the strength of each genre."""
    options = config.augmentation
    shared = options.model_dump(include={each.name for each in fields(Masking)} - {"genre_strength"})
    strength = tuple(options.factors.get(genre, 1.0) for genre in genres) if options.factors else ()
    return Masking(**shared, genre_strength=strength)


def make_datamodule(config: Config, data: SplitData) -> SliceDataModule:
    """The DataModule with scaled examples and augmented copies."""
    scaling = config.features.scaling, config.features.scaling_fitted_on
    if scaling not in data.prepared:
        data.prepared[scaling] = scale_examples(data.corpus, data.features, data.slices, data.parts, *scaling)
    return SliceDataModule(
        data.corpus,
        data.features,
        data.slices,
        data.parts,
        batch_size=config.data.batch_size,
        seed=config.seed,
        scaling=config.features.scaling,
        scaling_fitted_on=config.features.scaling_fitted_on,
        best_epoch_on=config.trainer.best_epoch_on,
        augment=make_masking(config, data.corpus.genres),
        prepared=data.prepared[scaling],
        augmented_copies=make_augmented_copies(config, data),
    )


def make_model(config: Config, shape: tuple[int, int], n_genres: int) -> GenreModule:
    """The configured model for examples of a shape (steps, features).

    Raises:
        GtzanError: the model has no such key, or rejects its value.
    """
    make, sizes = _planned_model(config), dict(zip(SIZES, (*shape, n_genres), strict=True))
    try:
        model = make(sizes)
    except Exception as error:  # whatever the constructor raises
        raise GtzanError(
            f"model: {config.model.target} cannot be built: {error}.\nSee conf/model for its keys."
        ) from error
    model.gradient_clip_val = config.trainer.gradient_clip_val
    if config.trainer.best_epoch_on == "test":
        model.monitor = model.monitor.replace("val/", "test/", 1)
    if config.split.ratios.val == 0:
        model.validation_parts = ("test",)
    if config.optimizer and config.scheduler:
        model.optimization = make_optimization(config.optimizer, config.scheduler)
    return model


def check_objects(config: Config, overrides: Sequence[str] = ()) -> None:
    """Checks that the classes of model, optimizer, schedule, callbacks and trainer take their keys, without any data.

    Args:
        config: the configuration.
        overrides: the command line, whose keys of `model` must all be arguments of the class.

    Raises:
        GtzanError: they do not.
    """
    check_device(config)
    keys = [override.partition("=")[0].lstrip("+") for override in overrides]
    _planned_model(config, [key.removeprefix("model.") for key in keys if key.startswith("model.")])
    make_callbacks(config)
    check_trainer_arguments(config)
    if config.optimizer and config.scheduler:
        make_optimization(config.optimizer, config.scheduler)


def _planned_model(config: Config, given: Collection[str] = ()) -> Callable[[Mapping[str, int]], GenreModule]:
    """A function that builds the model for the sizes of an example; `given` keys may not be left over."""
    target, kind = config.model.target, class_of("model", config.model.target)
    options, spare = config.model.model_dump(exclude={"target"}), OFFERED - set(given)
    if issubclass(kind, GenreModule):
        own = _taken(kind, options, spare, GenreModule)
        return lambda sizes: kind(**sizes, **own)
    if issubclass(kind, nn.Module):
        names, recipe = _keywords(kind), _keywords(GenreModule)
        shared = {key: value for key, value in config.regularization if key in recipe}
        shared |= {key: value for key, value in options.items() if key in recipe and key not in names}
        own = _taken(kind, {key: value for key, value in options.items() if key not in shared}, spare)
        wanted = [name for name in SIZES if name in names]
        return lambda sizes: Network(**sizes, network=kind(**{name: sizes[name] for name in wanted}, **own), **shared)
    if hasattr(kind, "fit") and (hasattr(kind, "predict_proba") or hasattr(kind, "decision_function")):
        return _planned_estimator(config, kind, options, given)
    raise GtzanError(
        f"model._target_={target}: it is neither a GenreModule, nor an nn.Module, nor a classifier of scikit-learn."
    )


def _planned_estimator(
    config: Config, kind: type, options: dict[str, Any], given: Collection[str]
) -> Callable[[Mapping[str, int]], GenreModule]:
    from gtzan_lightning.models.estimators import Estimator  # imports much of scikit-learn

    if config.trainer.devices > 1:
        raise GtzanError(f"trainer.devices={config.trainer.devices}: {kind.__name__} is fitted in one process.")
    steps = None if "steps" in given else options.pop("steps", None)  # of runs of earlier versions: flatten or mean
    pooling = options.pop("pooling", None) or (["mean"] if steps == "mean" else None)
    if "random_state" in _keywords(kind):
        options.setdefault("random_state", config.seed)
    own = _taken(kind, options, OFFERED - set(given))
    return lambda sizes: Estimator(**sizes, estimator=kind(**own), pooling=pooling)


def _keywords(function: Callable[..., object]) -> list[str]:
    return [each.name for each in inspect.signature(function).parameters.values() if each.kind != each.VAR_KEYWORD]


def _taken(kind: type, options: Mapping[str, Any], spare: Collection[str], base: type | None = None) -> dict[str, Any]:
    """The options that a class takes.

    Args:
        kind: the class.
        options: its options.
        spare: keys that may be left over.
        base: class that gets the keywords which `kind` passes on.

    Raises:
        GtzanError: the class does not take another option.
    """
    parameters = inspect.signature(kind).parameters.values()
    taken = {each.name for each in parameters if each.kind in (each.KEYWORD_ONLY, each.POSITIONAL_OR_KEYWORD)}
    passes_on = any(each.kind == each.VAR_KEYWORD for each in parameters)
    if passes_on:
        taken |= set(_keywords(base)) if base else set(options)
    unknown = sorted(set(options) - taken - set(spare))
    if unknown:
        known = ", ".join(sorted(taken - set(SIZES) - {"shape"}))
        wrong = "\n".join(f"model.{key}: {kind.__name__} has no such argument." for key in unknown)
        raise GtzanError(f"{wrong}\nIts keys: {known or 'none'}. Remove a key of another model with ~model.KEY.")
    return {key: value for key, value in options.items() if key in taken}


def make_optimization(optimizer: OptimizerConfig, scheduler: SchedulerConfig) -> Optimization:
    """The configured optimizer and learning-rate schedule.

    Raises:
        GtzanError: a class does not exist, has no such argument, or rejects its value.
    """
    made = Optimization(
        class_of("optimizer", optimizer.target),
        optimizer.model_dump(exclude={"target"}),
        class_of("scheduler", scheduler.target),
        scheduler.model_dump(exclude={"target", "interval"}),
        scheduler.interval,
    )
    decay = {"weight_decay"} if optimizer.weight_decay else set()  # 0 for a class without it
    check_arguments("optimizer", made.optimizer, {"params", "lr", *(optimizer.model_extra or {}), *decay})
    check_arguments("scheduler", made.scheduler, {"optimizer", *made.scheduler_options})
    try:
        made.build_once()
    except Exception as error:  # whatever the constructors raise
        classes = f"{optimizer.target} with {scheduler.target}"
        raise GtzanError(f"optimizer, scheduler: {classes} cannot be built: {error}.\nCorrect their values.") from error
    return made


def class_of(key: str, target: str) -> type:
    """The class named by `<key>._target_`.

    Raises:
        GtzanError: it cannot be imported.
    """
    folder = str(Path.cwd())
    if not target.startswith("gtzan_lightning.") and folder not in sys.path:
        sys.path.append(folder)  # a module in the working directory, which a script elsewhere would not find
    try:
        module, _, name = target.rpartition(".")
        found = getattr(import_module(module), name)  # hydra.utils.get_class also writes a log line for each failure
        if not isinstance(found, type):
            raise TypeError(f"{name} is no class")
        return found
    except Exception as error:  # an import may raise anything
        cause = error.__cause__ or error
        raise GtzanError(f"{key}._target_={target}: cannot be imported ({cause}).") from error


def check_arguments(key: str, function: Callable[..., object], names: Iterable[str]) -> None:
    """Checks that a class takes arguments with these names.

    Raises:
        GtzanError: it does not take some of them, or needs others.
    """
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind == each.VAR_KEYWORD for each in parameters):
        return
    target, taken = getattr(function, "__name__", str(function)), {each.name for each in parameters}
    problems = [f"{key}.{name}: {target} has no such argument." for name in sorted(set(names) - taken)]
    problems += [
        f"{key}.{each.name}: {target} needs a value."
        for each in parameters
        if each.default is each.empty and each.kind != each.VAR_POSITIONAL and each.name not in set(names)
    ]
    if problems:
        raise GtzanError("\n".join([*problems, f"{target} takes {', '.join(sorted(taken))}."]))


def make_loggers(config: Config, run: RunFolder) -> list[Logger]:
    """The configured loggers; they write into the run folder unless they have another place.

    Raises:
        GtzanError: a class or package is missing, or rejects its arguments.
    """
    made: list[Logger] = []
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # MLflow 3 refuses a folder otherwise
    for name, settings in config.logger.items():
        options = {key: value for key, value in settings.items() if key != "_target_"}
        kind = class_of(f"logger.{name}", str(settings.get("_target_")))
        if kind is EventLogger:
            made.append(event_logger(run.path))
            continue
        for key, value in {"save_dir": str(run.path), "run_name": run.path.name, "name": run.path.name}.items():
            if key in _keywords(kind) and not ("run_name" in _keywords(kind) and key in ("name", "save_dir")):
                options.setdefault(key, value)
        check_arguments(f"logger.{name}", kind, options)
        try:
            made.append(kind(**options))
        except ModuleNotFoundError as error:
            raise GtzanError(
                f'logger={name}: {error}\nInstall the extra: pip install "gtzan-lightning[{name}]"'
            ) from error
        except Exception as error:  # whatever the constructor raises
            raise GtzanError(f"logger={name}: {error}") from error
    return made


def make_callbacks(config: Config) -> list[Callback]:
    """The callbacks of the group `callbacks`.

    Raises:
        GtzanError: a class is missing, or rejects its arguments.
    """
    made: list[Callback] = []
    for name, settings in config.callbacks.items():
        options = {key: value for key, value in settings.items() if key != "_target_"}
        kind = class_of(f"callbacks.{name}", str(settings.get("_target_")))
        check_arguments(f"callbacks.{name}", kind, options)
        made.append(kind(**options))
    return made


def check_device(config: Config) -> None:
    """Checks that there is a GPU if the configuration asks for one.

    Raises:
        GtzanError: there is none.
    """
    there = {"gpu": torch.cuda.is_available() or torch.backends.mps.is_available()}
    there["mps"] = torch.backends.mps.is_available()
    if not there.get(config.trainer.accelerator, True):
        raise GtzanError(
            f"trainer.accelerator={config.trainer.accelerator}: there is no such device here. Use trainer=cpu."
        )


def check_trainer_arguments(config: Config) -> None:
    """Checks the names of further arguments of Lightning's `Trainer`.

    Raises:
        GtzanError: it has no such argument, or the run sets it itself.
    """
    allowed = set(_keywords(L.Trainer)) - OF_THE_RUN
    for name in sorted(set(config.trainer.model_extra or {}) - allowed):
        close = get_close_matches(name, [*allowed, *type(config.trainer).model_fields], n=1)
        hint = f" Did you mean trainer.{close[0]}?" if close else ""
        raise GtzanError(f"trainer.{name}: no argument of Lightning's Trainer that can be set here.{hint}")


def make_trainer(config: Config, callbacks: Sequence[Callback], logger: Sequence[Logger] | bool) -> L.Trainer:
    """The configured trainer.

    Raises:
        GtzanError: the device is not available, or Lightning rejects an argument.
    """
    options, more = config.trainer, config.trainer.model_extra or {}
    check_trainer_arguments(config)
    plugins: list[Any] = [WholeCheckpoints()]
    if options.devices == 1 and more.get("num_nodes", 1) == 1:
        plugins.append(LightningEnvironment())  # whatever a launcher has left in the environment
    if options.accelerator == "cpu":  # otherwise each optimizer step searches for the driver of a GPU
        os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "0"  # set by Lightning
    # Part of deterministic mode, but only fills uninitialised memory: a tenth of the time of an epoch.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    arguments: dict[str, Any] = {
        "accelerator": options.accelerator,
        "devices": options.devices,
        "strategy": options.strategy,
        "precision": options.precision,
        "max_epochs": options.max_epochs,
        "limit_train_batches": options.limit_batches,
        "limit_val_batches": options.limit_batches,
        "deterministic": "warn",
        "log_every_n_steps": 10**9,  # only once per epoch: logging a step takes as long as the step
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        **more,
    }
    try:
        return L.Trainer(
            **arguments,
            callbacks=list(callbacks),
            plugins=plugins,
            logger=list(logger) if isinstance(logger, Sequence) else logger,
            enable_checkpointing=bool(callbacks),
            use_distributed_sampler=False,  # the batch sampler of the DataModule distributes the batches
        )
    except (MisconfigurationException, RuntimeError, ValueError, TypeError) as error:
        raise GtzanError(f"trainer: {error}") from error
