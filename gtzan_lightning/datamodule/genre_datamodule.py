"""LightningDataModules: of prepared arrays, and of a corpus that is loaded when it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.corpus.loading import load_corpus
from gtzan_lightning.corpus.location import find_source
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import EXCLUDED, SplitRule
from gtzan_lightning.datamodule.augmentation import AugmentedSlices, check_augmented_copies
from gtzan_lightning.datamodule.examples import (
    Augment,
    BatchLoader,
    EpochOrder,
    Examples,
    ListLoader,
    ScaledExamples,
    scale_examples,
)
from gtzan_lightning.datamodule.scaling import FittedOn, ScalingName
from gtzan_lightning.datamodule.slices import SliceTable, slice_table, step_table
from gtzan_lightning.datamodule.splits import check_tracks, split_slices
from gtzan_lightning.features.corpus_features import load_features
from gtzan_lightning.features.feature_request import WHOLE_CLIP_S, Features, FrameSettings
from gtzan_lightning.features.kinds import kind_named
from gtzan_lightning.utils.caching import cache_dir

EVALUATION_BATCH = 512  # constant, since another order of summation would change the last digit of a score


class SliceDataModule(L.LightningDataModule):
    """Train, val, test and predict loaders over the slices of a corpus.

    The predict loader contains every slice that has a part, in the order of `kept`.

    Args:
        corpus: The tracks and genres.
        features: Their features.
        slices: The examples cut from them.
        parts: Part of each slice, `(slices,)`, from a split rule or a manifest.
        batch_size: Examples per training batch.
        seed: Training seed; determines the order of the training examples.
        scaling: Standardisation of the features: `standard` or `quantile`.
        scaling_fitted_on: `train`, or `all` for normalisation fitted on all data, which leaks the test part.
        best_epoch_on: `test` to evaluate the test part after each epoch as well (model selection on the test set);
            `val` and `last` evaluate the validation part, if there is one.
        augment: Augmentation of training batches.
        prepared: Result of `scale_examples` with the same arguments, from another job.
        augmented_copies: Of training tracks; additional training examples, not used to fit the standardisation.

    Attributes:
        batches_per_list: If set, training batches come in lists of this length, for a model with manual optimization.

    Raises:
        GtzanError: The original of an augmented copy is not exclusively in the training part.
    """

    batches_per_list: int | None = None

    def __init__(
        self,
        corpus: Corpus,
        features: Features,
        slices: SliceTable,
        parts: NDArray[np.str_],
        *,
        batch_size: int = 64,
        seed: int = 0,
        scaling: ScalingName = "standard",
        scaling_fitted_on: FittedOn = "train",
        best_epoch_on: Literal["val", "test", "last"] = "val",
        augment: Augment | None = None,
        prepared: ScaledExamples | None = None,
        augmented_copies: Sequence[AugmentedSlices] = (),
    ) -> None:
        super().__init__()
        self._take(
            corpus, features, slices, parts, prepared or scale_examples(corpus, features, slices, parts, scaling,
            scaling_fitted_on), augmented_copies,
        )  # fmt: skip
        self.batch_size, self.seed, self.augment, self.best_epoch_on = batch_size, seed, augment, best_epoch_on

    def _take(
        self,
        corpus: Corpus,
        features: Features,
        slices: SliceTable,
        parts: NDArray[np.str_],
        prepared: ScaledExamples,
        augmented_copies: Sequence[AugmentedSlices] = (),
    ) -> None:
        """Take the arrays of the loaders."""
        self.corpus, self.features, self.slices, self.parts = corpus, features, slices, parts
        self.kept = np.flatnonzero(parts != EXCLUDED)
        self.prepared = prepared
        self.standardisation, self.examples = self.prepared.standardisation, self.prepared.examples
        for copy in augmented_copies:
            check_augmented_copies(copy.slices.track_index, slices, parts)
        augmented = [
            Examples.of_slices(corpus, copy.slices, *step_table(copy.features, copy.slices), self.standardisation)
            for copy in augmented_copies
        ]
        self.training_examples = Examples.concatenated([self.examples, *augmented])

    @property
    def genres(self) -> tuple[str, ...]:
        """Genre names in label order."""
        return self.corpus.genres

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of one example: (steps, features)."""
        return self.slices.steps, self.examples.values.shape[1]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features."""
        return self.features.columns

    @property
    def n_tracks(self) -> int:
        """Number of tracks of the corpus."""
        return len(self.corpus.tracks)

    def size(self, part: str) -> int:
        """Number of slices of a part."""
        return int((self.parts == part).sum())

    @property
    def augmented_slices(self) -> int:
        """Number of training examples from augmented copies."""
        return len(self.training_examples.label) - len(self.examples.label)

    def train_dataloader(self) -> BatchLoader | ListLoader:
        """Slices of training tracks and of their augmented copies, shuffled and augmented."""
        augmented = len(self.slices) + np.arange(self.augmented_slices)
        chosen = np.concatenate([np.flatnonzero(self.parts == "train"), augmented])
        loader = BatchLoader(
            self.training_examples.to(self._device()), self._order(chosen, self.seed), self.batch_size, self.augment
        )
        return loader if self.batches_per_list is None else ListLoader(loader, self.batches_per_list)

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        """Slices in corpus order: the validation part, if there is one; the test part if it selects the epoch."""
        parts = ["val"] * (self.size("val") > 0) + ["test"] * (self.best_epoch_on == "test")
        loaders = [self.evaluation_loader(part)[1] for part in parts]
        return loaders[0] if len(loaders) == 1 else loaders

    def test_dataloader(self) -> BatchLoader:
        """Slices in corpus order."""
        return self.evaluation_loader("test")[1]

    def predict_dataloader(self) -> BatchLoader:
        """All slices that have a part, in corpus order."""
        return self._evaluation_loader(self.kept)

    def evaluation_loader(self, part: str) -> tuple[NDArray[np.int64], BatchLoader]:
        """Indices of the slices of a part in corpus order, and their loader, neither shuffled nor augmented."""
        chosen = np.flatnonzero(self.parts == part)
        return chosen, self._evaluation_loader(chosen)

    def _evaluation_loader(self, chosen: NDArray[np.int64]) -> BatchLoader:
        return BatchLoader(self.examples.to(self._device()), self._order(chosen), EVALUATION_BATCH)

    def _order(self, chosen: NDArray[np.int64], seed: int | None = None) -> EpochOrder:
        trainer = self.trainer
        rank, world_size = (trainer.global_rank, trainer.world_size) if trainer and seed is not None else (0, 1)
        return EpochOrder(torch.from_numpy(chosen), seed, rank, world_size)

    def _device(self) -> torch.device:
        return self.trainer.strategy.root_device if self.trainer else torch.device("cpu")


class GenreDataModule(SliceDataModule):
    """A corpus with features, cut into slices and split, as train, val, test and predict loaders.

    The arguments have the defaults of `train.py` with `slice=6s`, and give the same examples in the same order.

    Args:
        root: The data folder; None is GTZAN_ROOT, else data/gtzan, else the synthetic corpus.
        features: `stats`, `mfcc` or `logmel`.
        slice_s: Length of a slice in seconds.
        step_s: Length of a time step; None is a window or a frame.
        hop_s: Seconds between the starts of two slices; None is no overlap.
        split: `leaky`, `grouped`, `artist` or `filtered`.
        split_seed: Seed of the split.
        ratios: Shares of train, val and test.
        fold: Number of the fold that is the test part; goes with `n_folds`.
        n_folds: Number of folds.
        batch_size: Examples per training batch.
        seed: Training seed; determines the order of the training examples.
        scaling: `standard` or `quantile`; None is `quantile` for stats, else `standard`.
        drop: Columns to leave out; None leaves out those that `features.drop` does in `conf/features`.
        cache_dir: Cache of features and synthetic audio; None is GTZAN_CACHE, else the cache folder of the system.
        n_jobs: Processes that compute features from audio.

    Examples:
        >>> import lightning as L
        >>> from gtzan_lightning import BiLSTM, GenreDataModule
        >>> L.Trainer(max_epochs=60, gradient_clip_val=1.0).fit(BiLSTM(), GenreDataModule("/music"))  # doctest: +SKIP
    """

    def __init__(
        self,
        root: str | Path | None = None,
        features: str = "stats",
        slice_s: float = 6,
        *,
        step_s: float | None = None,
        hop_s: float | None = None,
        split: str = "grouped",
        split_seed: int = 0,
        ratios: tuple[float, float, float] = (0.7, 0.1, 0.2),
        fold: int | None = None,
        n_folds: int | None = None,
        batch_size: int = 128,
        seed: int = 0,
        scaling: ScalingName | None = None,
        drop: Sequence[str] | None = None,
        cache_dir: str | None = None,
        n_jobs: int = 2,
    ) -> None:
        super(SliceDataModule, self).__init__()  # without arrays yet
        root = None if root is None else str(root)
        self.save_hyperparameters()  # plain data
        self.hparams["root"] = root
        self.batch_size, self.seed, self.augment = batch_size, seed, None
        self.best_epoch_on: Literal["val", "test", "last"] = "val"

    def prepare_data(self) -> None:
        """Compute what the cache lacks: the synthetic corpus, features of audio."""
        self._loaded()

    def setup(self, stage: str | None = None) -> None:
        """Load, slice, split and scale the examples, once for all stages.

        Raises:
            GtzanError: The data, the slice lengths or the split are not usable.
        """
        if hasattr(self, "examples"):
            return
        options: Any = self.hparams
        corpus, features = self._loaded()
        slices = slice_table(features, seconds=options.slice_s, step_s=options.step_s, hop_s=options.hop_s)
        rule = SplitRule(options.split, options.split_seed, tuple(options.ratios), options.fold, options.n_folds)
        check_tracks(corpus, rule)
        parts = split_slices(corpus, slices, rule)
        scaling: ScalingName = options.scaling or ("quantile" if options.features == "stats" else "standard")
        self._take(corpus, features, slices, parts, scale_examples(corpus, features, slices, parts, scaling))

    def _loaded(self) -> tuple[Corpus, Features]:
        options: Any = self.hparams
        folder = cache_dir(options.cache_dir)
        source = find_source("auto", options.root, None, options.features)
        corpus = load_corpus(source, folder, options.n_jobs)
        features = load_features(
            corpus,
            name=options.features,
            window_s=WHOLE_CLIP_S if options.step_s == WHOLE_CLIP_S else 3.0,
            settings=FrameSettings(),
            cache_dir=folder,
            n_jobs=options.n_jobs,
            drop=getattr(kind_named(options.features), "DROPPED", ()) if options.drop is None else options.drop,
        )
        return corpus, features
