"""From a checked configuration to its data: a corpus as numbers, cut and split."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.config.composition import corpus_fingerprint
from gtzan_lightning.config.schema import Config
from gtzan_lightning.corpus.loading import open_corpus
from gtzan_lightning.corpus.location import locate
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import SplitRule
from gtzan_lightning.datamodule.augmented_copies import check_genres
from gtzan_lightning.datamodule.examples import Standardised
from gtzan_lightning.datamodule.manifest import read_manifest
from gtzan_lightning.datamodule.slices import SliceTable, slice_table
from gtzan_lightning.datamodule.split_rules import rule_named
from gtzan_lightning.datamodule.splits import check_parts, check_tracks, split_slices
from gtzan_lightning.features.corpus_features import load_features
from gtzan_lightning.features.feature_matrix import Features
from gtzan_lightning.features.feature_request import AugmentedCopy, FrameSettings
from gtzan_lightning.utils.caching import Memo, cache_dir


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
    return OPENED.get((*_data_key(config), refuse), lambda: _opened(config, refuse), _size)


def _size(data: SplitData) -> int:
    """Bytes of the features; standardised, they take as many again."""
    return data.features.values.nbytes


def _data_key(config: Config) -> tuple[object, ...]:
    """All that decides what `open_data` returns, the files' sizes and times included."""
    location = locate(config.data.kind, config.data.root)
    manifest = Path(config.split.manifest) if config.split.manifest else None
    state = manifest.stat() if manifest and manifest.is_file() else None
    return (
        repr(
            [
                config.data.model_dump(exclude={"batch_size", "n_jobs"}),
                config.features,
                config.slice,
                config.split,
                config.augmentation.genre_strength,
            ]
        ),
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
    slices = configured_slices(config, features)
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


def load_configured_features(config: Config, corpus: Corpus, augmented_copy: AugmentedCopy | None = None) -> Features:
    """The features of the configuration, from tables, the cache, or audio; those of a augmented_copy if one is named."""
    whole_clips = config.features.row_s(config.slice.step_s)
    return load_features(
        corpus,
        name=config.features.name,
        window_s=config.features.window_s if config.features.framed else whole_clips,
        settings=frame_settings(config),
        cache_dir=cache_dir(config.cache_dir),
        n_jobs=config.data.n_jobs,
        max_skipped_share=config.data.max_skipped_share,
        augmented_copy=augmented_copy,
    )


def frame_settings(config: Config) -> FrameSettings:
    """How audio becomes the features of the configuration."""
    return FrameSettings(**config.features.model_dump(include={each.name for each in fields(FrameSettings)}))


def configured_slices(config: Config, features: Features) -> SliceTable:
    """Slices of the configured lengths."""
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
