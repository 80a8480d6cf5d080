"""The data of a configuration: a corpus with features, cut into slices and assigned to parts."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.config.compatibility import locate_data
from gtzan_lightning.config.schema import Config
from gtzan_lightning.corpus.loading import load_corpus
from gtzan_lightning.corpus.location import DataSource, manifest_files
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import SplitRule
from gtzan_lightning.datamodule.manifest import manifest_parts
from gtzan_lightning.datamodule.slices import SliceTable, slice_table
from gtzan_lightning.datamodule.split_rules import rule_named
from gtzan_lightning.datamodule.splits import check_parts, check_tracks, split_slices, with_validation
from gtzan_lightning.features.corpus_features import load_features
from gtzan_lightning.features.feature_request import AugmentedCopy, Features, FrameSettings
from gtzan_lightning.utils.caching import Memo, cache_dir
from gtzan_lightning.utils.memory import return_freed_memory

if TYPE_CHECKING:  # imports torch, which `gtzan data check` does not need
    from gtzan_lightning.datamodule.examples import ScaledExamples


@dataclass(frozen=True, eq=False)
class SplitData:
    """A corpus with features, cut into slices and assigned to parts; jobs of one process share it."""

    corpus: Corpus
    features: Features
    slices: SliceTable
    parts: NDArray[np.str_]  # (slices,)
    prepared: dict[tuple[str, str], ScaledExamples] = field(default_factory=dict, init=False, repr=False)  # by scaling


OPENED: Memo[SplitData] = Memo(most=4, most_bytes=2**28)
"""Data of the last jobs of this process; large features, such as frames of audio, are not kept."""


def open_data(config: Config, source: DataSource | None = None, *, refuse: bool = True) -> SplitData:
    """Loads the corpus and its features, cuts slices and assigns them to parts; cached within a process.

    Args:
        config: the validated configuration.
        source: location of the data; None locates them.
        refuse: refuse a manifest that cannot be trained on; the audit reports its errors instead.

    Raises:
        GtzanError: the data, the slice lengths or the split are not usable.
    """
    source = source or locate_data(config)
    return OPENED.get((*_data_key(config, source), refuse), lambda: _opened(config, source, refuse), _size)


def _size(data: SplitData) -> int:
    """Bytes of the features; their scaled copy is as large again."""
    return data.features.values.nbytes


def _data_key(config: Config, source: DataSource) -> tuple[object, ...]:
    """Everything that determines the result of `open_data`, including sizes and modification times of files."""
    manifest = manifest_files(config.split.manifest, config.split.fold).values()
    states = [(path.resolve(), path.is_file() and (path.stat().st_size, path.stat().st_mtime_ns)) for path in manifest]
    sections = [
        config.data.model_dump(exclude={"batch_size", "n_jobs"}),
        config.features,
        config.slice,
        config.split,
        config.augmentation.genre_strength,
    ]
    return (
        repr(sections),
        str(cache_dir(config.cache_dir).resolve()),
        source.location and (source.location.root.resolve(), source.location.metadata),
        source.sha256,
        tuple(states),
    )


def _opened(config: Config, source: DataSource, refuse: bool) -> SplitData:
    from gtzan_lightning.datamodule.augmentation import check_genres  # imports torch

    corpus = load_configured_corpus(config, source)
    check_genres(config.augmentation.factors, corpus)
    rule = _rule(config)
    if config.split.manifest is None:
        check_tracks(corpus, rule)  # before the features, which may take minutes
    features = load_configured_features(config, corpus)
    slices = configured_slices(config, features)
    parts, notes = _parts(config, corpus, slices, rule, refuse)
    corpus = replace(corpus, notes=(*corpus.notes, *notes), tables={})  # which the features were made of
    return SplitData(corpus, features, slices, parts)


def load_configured_corpus(config: Config, source: DataSource | None = None) -> Corpus:
    """Loads the configured corpus, without features; None as source locates it."""
    return load_corpus(source or locate_data(config), cache_dir(config.cache_dir), config.data.n_jobs)


def load_configured_features(config: Config, corpus: Corpus, augmented_copy: AugmentedCopy | None = None) -> Features:
    """Loads the configured features, or those of an augmented copy, from tables, the cache, or audio."""
    features = load_features(
        corpus,
        name=config.features.name,
        window_s=config.features.row_s(config.slice.step_s),
        settings=frame_settings(config),
        cache_dir=cache_dir(config.cache_dir),
        n_jobs=config.data.n_jobs,
        max_skipped_share=config.data.max_skipped_share,
        augmented_copy=augmented_copy,
        transform=config.features.transform,
        pooling=config.features.pooling,
        drop=config.features.drop or (),
    )
    return_freed_memory()  # of the text of a table
    return features


def frame_settings(config: Config) -> FrameSettings:
    """The configured analysis of audio."""
    options = config.features.model_dump(include={each.name for each in fields(FrameSettings)})
    return FrameSettings(**{**options, "nets": tuple(options["nets"])})


def configured_slices(config: Config, features: Features) -> SliceTable:
    """Cuts slices of the configured lengths; a row of a whole clip is a slice."""
    if features.whole_clips:
        return slice_table(features, seconds=features.row_s)
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


def _parts(
    config: Config, corpus: Corpus, slices: SliceTable, rule: SplitRule, refuse: bool
) -> tuple[NDArray[np.str_], list[str]]:
    """The part of each slice, and notes on how it was found."""
    manifest = config.split.manifest
    if manifest is None:
        note, module = None, rule_named(rule.name)
        if not module.HAS_FOLDS:  # a table may lack the tracks of the validation part of a published list
            note = with_validation(module.track_parts(corpus, rule), corpus, rule)[1]
        return split_slices(corpus, slices, rule), [note] if note else []
    parts, notes = manifest_parts(manifest, corpus, slices, rule)
    if refuse:
        shared = "track" not in rule_named(rule.name).KEEPS
        source = ", ".join(map(str, manifest_files(manifest, rule.fold).values())) or str(manifest)
        check_parts(parts, slices.track_index, corpus, may_share_tracks=shared, needed=rule.parts, manifest=source)
    return parts, notes
