"""From a checked configuration to the objects of an experiment: data, model and trainer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path

import lightning as L
import numpy as np
import torch
from hydra.utils import instantiate
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from numpy.typing import NDArray

from gtzan_lightning.cache_dir import cache_dir
from gtzan_lightning.composition import corpus_fingerprint
from gtzan_lightning.config import Config
from gtzan_lightning.corpus.location import locate
from gtzan_lightning.corpus.opening import open_corpus
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.augmentation import Masking
from gtzan_lightning.datamodule.dealing import SplitRule
from gtzan_lightning.datamodule.genre_datamodule import GenreDataModule
from gtzan_lightning.datamodule.manifest import read_manifest
from gtzan_lightning.datamodule.renditions import RenditionSlices, check_genres, renditions_wanted
from gtzan_lightning.datamodule.slices import SliceTable, slice_table
from gtzan_lightning.datamodule.split_rules import rule_named
from gtzan_lightning.datamodule.splits import check_parts, check_tracks, split_slices
from gtzan_lightning.datamodule.standardised import Standardised, standardised
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.familiarity import fit_familiarity
from gtzan_lightning.features.load import load_features
from gtzan_lightning.features.matrix import Features
from gtzan_lightning.features.rendition import Rendition, Waveform
from gtzan_lightning.features.settings import FrameSettings
from gtzan_lightning.memo import Memo
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.runs.resuming import WholeCheckpoints


@dataclass(frozen=True, eq=False)
class SplitData:
    """A corpus as numbers, cut and split; nobody changes it, so that another job can have it too."""

    corpus: Corpus
    features: Features
    slices: SliceTable
    parts: NDArray[np.str_]  # (slices,)
    prepared: dict[tuple[str, str], Standardised] = field(default_factory=dict, init=False, repr=False)  # by scaling


OPENED: Memo[SplitData] = Memo(most=4, most_bytes=2**28)
"""What the last jobs of this process had: a corpus of tables fits in many times, frames of audio are opened anew."""


def open_data(config: Config, *, refuse: bool = True) -> SplitData:
    """Opens the corpus, its features, cuts slices and splits them; the same data are opened once in a process.

    Args:
        config: which data, and how they are cut and split.
        refuse: whether a manifest that cannot be trained or believed is refused; the audit tells what is wrong with it.

    Raises:
        GtzanError: what is wrong with the data, the lengths or the split.
    """
    return OPENED.get((*_data_asked(config), refuse), lambda: _opened(config, refuse), _size)


def _size(data: SplitData) -> int:
    """Bytes of the features; standardised, they take as many again."""
    return data.features.values.nbytes


def _data_asked(config: Config) -> tuple[object, ...]:
    """All that decides what `open_data` returns, the files' sizes and times included."""
    location = locate(config.data.kind, config.data.root)
    manifest = Path(config.split.manifest) if config.split.manifest else None
    state = manifest.stat() if manifest and manifest.is_file() else None
    return (
        repr([config.data, config.features, config.slice, config.split, config.augmentation.genre_strength]),
        str(cache_dir(config.cache_dir).resolve()),
        location and (location.root.resolve(), location.metadata),
        corpus_fingerprint(config.data.model_dump(), config.features.name),
        manifest and (manifest.resolve(), state and (state.st_size, state.st_mtime_ns)),
    )


def _opened(config: Config, refuse: bool) -> SplitData:
    corpus = open_configured_corpus(config)
    check_genres(config.augmentation.factors, corpus)
    rule = _rule(config)
    if config.split.manifest is None:
        check_tracks(corpus, rule)  # before the features, which may take minutes
    features = load_configured_features(config, corpus)
    slices = _configured_slices(config, features)
    return SplitData(corpus, features, slices, _parts(config, corpus, slices, rule, refuse))


def open_configured_corpus(config: Config) -> Corpus:
    """The corpus of the configuration; its audio or tables are looked at, its features are not."""
    return open_corpus(
        config.data.kind,
        config.data.root,
        source=config.data.source,
        features=config.features.name,
        cache_dir=cache_dir(config.cache_dir),
        n_jobs=config.data.n_jobs,
    )


def load_configured_features(config: Config, corpus: Corpus, rendition: Rendition | None = None) -> Features:
    """The features of the configuration, from tables, the cache, or audio; those of a rendition if one is named."""
    whole_clips = config.features.row_s(config.slice.step_s)
    return load_features(
        corpus,
        name=config.features.name,
        window_s=config.features.window_s if config.features.framed else whole_clips,
        settings=frame_settings(config),
        cache_dir=cache_dir(config.cache_dir),
        n_jobs=config.data.n_jobs,
        max_skipped_share=config.data.max_skipped_share,
        rendition=rendition,
    )


def frame_settings(config: Config) -> FrameSettings:
    """How audio becomes the features of the configuration."""
    return FrameSettings(**config.features.model_dump(include={each.name for each in fields(FrameSettings)}))


def make_renditions(config: Config, data: SplitData) -> list[RenditionSlices]:
    """The renditions of the training tracks, from the cache or computed."""
    options, tracks = config.augmentation, data.corpus.tracks
    waveform = Waveform(**options.model_dump(include={each.name for each in fields(Waveform)}))
    wanted = renditions_wanted(data.corpus, data.slices, data.parts, options.renditions, options.factors)
    made = []
    for number in range(1, wanted.max(initial=0) + 1):
        chosen = np.flatnonzero(wanted >= number).astype(np.int32)
        some = replace(data.corpus, tracks=tuple(tracks[index] for index in chosen))
        features = load_configured_features(config, some, Rendition(number, options.rendition_seed, waveform))
        features = replace(features, track_index=chosen[features.track_index])
        made.append(RenditionSlices(features, _configured_slices(config, features)))
    return made


def make_masking(config: Config, genres: Sequence[str]) -> Masking:
    """The masks of the configuration, with the strength of each genre."""
    options = config.augmentation
    shared = options.model_dump(include={each.name for each in fields(Masking)} - {"genre_strength"})
    strength = tuple(options.factors.get(genre, 1.0) for genre in genres) if options.factors else ()
    return Masking(**shared, genre_strength=strength)


def make_datamodule(config: Config, data: SplitData) -> GenreDataModule:
    """Standardised examples with their loaders."""
    scaling = config.features.scaling, config.features.scaling_fitted_on
    if scaling not in data.prepared:
        data.prepared[scaling] = standardised(data.corpus, data.features, data.slices, data.parts, *scaling)
    return GenreDataModule(
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
        renditions=make_renditions(config, data),
    )


def training_familiarity(config: Config, datamodule: GenreDataModule) -> dict[str, object]:
    """What the training part is like, as tensors and numbers: a file that is far from it deserves a warning."""
    return datamodule.prepared.once("familiarity", lambda: _familiarity(config, datamodule))


def _familiarity(config: Config, datamodule: GenreDataModule) -> dict[str, object]:
    slices, examples = np.flatnonzero(datamodule.parts == "train"), datamodule.examples
    stop_s = datamodule.slices.stop_s[slices]
    if config.whole_clips:  # a row stands for a clip of any length, which its column `length` has in samples
        lengths = datamodule.features.values[:, datamodule.columns.index("length")]
        stop_s = lengths[datamodule.slices.first_row[slices]].astype(np.float64) / config.features.sample_rate_hz
    found = fit_familiarity(
        examples.values.numpy(),
        examples.step_index.numpy()[slices],
        datamodule.slices.track_index[slices],
        stop_s,
    )
    return {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value
        for name, value in found.plain().items()
    }


def make_model(config: Config, shape: tuple[int, int], n_genres: int) -> GenreModule:
    """The model of the configuration, for examples of `shape` (steps, features).

    Raises:
        GtzanError: a key that the model does not have, or a value that it refuses.
    """
    options = config.model.model_dump(by_alias=True)
    try:
        model: GenreModule = instantiate(options, n_steps=shape[0], n_features=shape[1], n_genres=n_genres)
    except Exception as error:  # Hydra wraps whatever the constructor raises
        cause = error.__cause__ or error
        raise GtzanError(
            f"model: {config.model.target} cannot be built: {cause}.\nSee conf/model for its keys."
        ) from error
    model.monitor = model.monitor.replace("val/", f"{config.trainer.best_epoch_on}/", 1)
    return model


def make_trainer(config: Config, callbacks: Sequence[Callback], logger: Logger | bool) -> L.Trainer:
    """Lightning's trainer, without what a run folder does better.

    Raises:
        GtzanError: the device is not there.
    """
    options = config.trainer
    # Determinism brings along that fresh memory is filled: a tenth of an epoch, and no result depends on it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    try:
        return L.Trainer(
            accelerator=options.accelerator,
            devices=options.devices,
            strategy=options.strategy,
            precision=options.precision,
            max_epochs=options.max_epochs,
            gradient_clip_val=options.gradient_clip_val,
            limit_train_batches=options.limit_batches,
            limit_val_batches=options.limit_batches,
            deterministic="warn",
            callbacks=list(callbacks),
            plugins=[WholeCheckpoints()],
            logger=logger,
            log_every_n_steps=10**9,  # once an epoch is enough, and a step's log costs as much as the step
            enable_progress_bar=False,
            enable_model_summary=False,
            enable_checkpointing=bool(callbacks),
            num_sanity_val_steps=0,
            use_distributed_sampler=False,  # our batches share themselves out
        )
    except (MisconfigurationException, RuntimeError, ValueError) as error:
        raise GtzanError(f"trainer={options.accelerator}: {error}\nUse trainer=cpu.") from error


def _configured_slices(config: Config, features: Features) -> SliceTable:
    lengths = config.slice
    return slice_table(features, seconds=lengths.seconds, step_s=lengths.step_s, hop_s=lengths.hop_s)


def _rule(config: Config) -> SplitRule:
    split = config.split
    return SplitRule(
        split.name,
        split.seed,
        (split.ratios.train, split.ratios.val, split.ratios.test),
        split.fold,
        split.n_folds,
        split.val_fold,
        split.n_val_folds,
        split.train_tracks,
    )


def _parts(config: Config, corpus: Corpus, slices: SliceTable, rule: SplitRule, refuse: bool) -> NDArray[np.str_]:
    if config.split.manifest is None:
        return split_slices(corpus, slices, rule)
    parts = read_manifest(Path(config.split.manifest), corpus, slices)
    if refuse:
        check_parts(parts, slices.track_index, corpus, may_share_tracks="track" not in rule_named(rule.name).KEEPS)
    return parts
