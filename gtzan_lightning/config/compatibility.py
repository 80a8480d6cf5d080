"""Checks whether data, features, slices and split are compatible, without reading any data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

from omegaconf import DictConfig, OmegaConf

from gtzan_lightning.config.composition import configured_source
from gtzan_lightning.config.schema import Config, validate_config
from gtzan_lightning.corpus.location import DataSource, Source, manifest_files
from gtzan_lightning.datamodule.slices import check_lengths
from gtzan_lightning.datamodule.split_rules import rule_named
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import refuse_pipe


@dataclass(frozen=True)
class RunRequest:
    """A validated configuration and the location of its data."""

    config: Config
    source: DataSource


def prepare(cfg: DictConfig, overrides: Sequence[str] = ()) -> RunRequest:
    """Validates a configuration, locates its data, and checks whether they are compatible.

    Args:
        cfg: the composed configuration.
        overrides: the command line, for messages.

    Raises:
        GtzanError: the configuration is invalid or incompatible with the data.
    """
    config = validate_config(cfg, overrides, dict(OmegaConf.select(cfg, "hydra.runtime.choices") or {}))
    _check_learning_rate(config, overrides)
    source = locate_data(config)
    check_compatibility(config, source)
    return RunRequest(config, source)


def locate_data(config: Config) -> DataSource:
    """Locates the data of a configuration.

    Raises:
        GtzanError: there are no usable data.
    """
    return configured_source(config.data.model_dump(), config.features.model_dump(), config.cache_dir)


def check_compatibility(config: Config, data: DataSource) -> None:
    """Checks whether a configuration can be trained on its data.

    Args:
        config: the validated configuration.
        data: location of its data.

    Raises:
        GtzanError: the slice lengths do not fit the features, or the split, search or augmentation is not possible.
    """
    _check_search(config)
    _check_validation_part(config)
    for file in manifest_files(config.split.manifest, config.split.fold).values():
        refuse_pipe(file)
        if not file.exists():
            raise GtzanError(
                f"split.manifest: there is no file {file}. Give the split.csv of a run, or a list of tracks and parts."
            )
    lengths = config.slice
    if not data.own_table:  # the length of its rows is in the file
        row_s = config.features.row_s(lengths.step_s)
        check_lengths(row_s, lengths.seconds, lengths.step_s, lengths.hop_s, framed=config.features.framed)
    location = data.location
    if config.split.name == "artist" and location is not None and location.metadata is None and not location.is_list:
        raise GtzanError(
            f"split=artist needs the artist of each track, and {location.root} has no metadata.csv.\n"
            "Put one there with the columns track_id and artist, or use split=grouped."
        )
    if config.split.name == "filtered" and location is None:
        raise GtzanError(
            "split=filtered is a list of GTZAN's tracks, and the synthetic corpus has none of them.\n"
            "Use split=grouped or split=artist, or set data.root to GTZAN."
        )
    _check_augmented_copies(config, data.source)


def _check_learning_rate(config: Config, overrides: Sequence[str]) -> None:
    """An optimizer with a learning rate of its own does not use that of the model."""
    given = [override for override in overrides if override.lstrip("+").startswith("model.lr=")]
    if given and config.optimizer and config.optimizer.lr != getattr(config.model, "lr", None):
        raise GtzanError(
            f"{given[0]}: not used, since the optimizer has the learning rate {config.optimizer.lr:g}. "
            f"Set optimizer.lr={given[0].partition('=')[2]}."
        )


def _check_search(config: Config) -> None:
    """A search compares trials on validation folds of whole tracks, never on the test part."""
    if config.search.folds is None:
        return
    split = config.split
    if "track" not in rule_named(split.name).KEEPS or split.manifest is not None or split.val_fold is not None:
        raise GtzanError(
            "A search assigns the tracks outside the test part to validation folds of its own.\n"
            "Use split=grouped, artist or filtered, without split.manifest, split.val_fold and split.n_val_folds."
        )
    if config.trainer.best_epoch_on != "val":
        raise GtzanError(
            f"A search compares validation scores: leave trainer.best_epoch_on={config.trainer.best_epoch_on} out."
        )


def _check_validation_part(config: Config) -> None:
    """A split without a validation part is possible only by ratios, and if nothing is selected on validation."""
    split, options = config.split, config.trainer
    if split.ratios.val > 0:
        return
    if split.n_folds or split.n_val_folds or split.manifest is not None or not rule_named(split.name).HAS_FOLDS:
        raise GtzanError(
            "split.ratios.val=0: only a random split by ratios can do without a validation part.\n"
            "Leave split.ratios.val=0 out, or fold, val_fold, manifest and split=filtered."
        )
    on_validation = {
        "trainer.best_epoch_on=val": options.best_epoch_on == "val",
        f"regularization.patience={config.regularization.patience}": config.regularization.patience > 0,
        "scheduler=plateau": config.scheduler is not None and config.scheduler.target.endswith("ReduceLROnPlateau"),
    }
    needing = [key for key, needs in on_validation.items() if needs]
    if needing:
        raise GtzanError(
            f"split.ratios.val=0 leaves no validation part, and {', '.join(needing)} needs one.\n"
            "Set trainer.best_epoch_on=last, regularization.patience=0 and a schedule without a score, "
            "or split.ratios.val=0.1."
        )


def _check_augmented_copies(config: Config, source: Source) -> None:
    """Augmented copies need audio, a split of whole tracks, and the library that computes them."""
    options = config.augmentation
    if not options.copies:
        return
    requested = f"augmentation.copies={options.copies}"
    if source == "tables":
        raise GtzanError(
            f"{requested} needs audio, and the features come from tables here.\n"
            "Set data.source=audio where the clips are, or augmentation.copies=0."
        )
    if "track" not in rule_named(config.split.name).KEEPS:
        raise GtzanError(
            f"{requested}: split={config.split.name} has slices of one track in several parts, "
            "so augmented copies would leak test tracks into training.\n"
            "Use split=grouped, artist or filtered, or augmentation.copies=0."
        )
    if (options.pitch_semitones or options.stretch) and not find_spec("python_stretch"):
        raise GtzanError(
            "augmentation.pitch_semitones and augmentation.stretch need a library that is not installed: "
            "pip install gtzan-lightning[augment]"
        )
