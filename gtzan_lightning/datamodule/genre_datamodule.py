"""The LightningDataModule of a corpus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import EXCLUDED
from gtzan_lightning.datamodule.augmented_copies import AugmentedSlices, check_augmented_copies
from gtzan_lightning.datamodule.examples import (
    Augment,
    BatchLoader,
    EpochOrder,
    Examples,
    ScaledExamples,
    scale_examples,
)
from gtzan_lightning.datamodule.scaling import FittedOn, ScalingName
from gtzan_lightning.datamodule.slices import SliceTable, step_table
from gtzan_lightning.features.feature_matrix import Features

EVALUATION_BATCH = 512  # constant, since another order of summation would change the last digit of a score


class GenreDataModule(L.LightningDataModule):
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
        best_epoch_on: `val`, or `test` to evaluate the test part after each epoch as well (model selection on the
            test set).
        augment: Augmentation of training batches.
        prepared: Result of `scale_examples` with the same arguments, from another job.
        augmented_copies: Of training tracks; additional training examples, not used to fit the standardisation.

    Raises:
        GtzanError: The original of an augmented copy is not exclusively in the training part.
    """

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
        best_epoch_on: Literal["val", "test"] = "val",
        augment: Augment | None = None,
        prepared: ScaledExamples | None = None,
        augmented_copies: Sequence[AugmentedSlices] = (),
    ) -> None:
        super().__init__()
        self.corpus, self.features, self.slices, self.parts = corpus, features, slices, parts
        self.batch_size, self.seed, self.augment, self.best_epoch_on = batch_size, seed, augment, best_epoch_on
        self.kept = np.flatnonzero(parts != EXCLUDED)
        self.prepared = prepared or scale_examples(corpus, features, slices, parts, scaling, scaling_fitted_on)
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

    def train_dataloader(self) -> BatchLoader:
        """Slices of training tracks and of their augmented copies, shuffled and augmented."""
        augmented = len(self.slices) + np.arange(self.augmented_slices)
        chosen = np.concatenate([np.flatnonzero(self.parts == "train"), augmented])
        return BatchLoader(
            self.training_examples.to(self._device()), self._order(chosen, self.seed), self.batch_size, self.augment
        )

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        """Slices in corpus order; a second loader for the test part if it selects the best epoch."""
        loaders = [self.evaluation_loader(part)[1] for part in dict.fromkeys(("val", self.best_epoch_on))]
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
