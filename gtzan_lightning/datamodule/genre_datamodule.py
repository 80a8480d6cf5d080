"""The LightningDataModule: examples of a corpus in three parts."""

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
    examples_of,
    scale_examples,
)
from gtzan_lightning.datamodule.scaling import FittedOn, ScalingName
from gtzan_lightning.datamodule.slices import SliceTable, step_table
from gtzan_lightning.features.feature_matrix import Features

EVALUATION_BATCH = 512  # fixed: sums in another order would change the last digit of a score


class GenreDataModule(L.LightningDataModule):
    """Train, val, test and predict loaders over the slices of a corpus.

    The predict loader runs over every slice that has a part, in the order of `kept`.

    Args:
        corpus: the tracks and genres.
        features: their features.
        slices: the examples cut from them.
        parts: the part of each slice, `(slices,)`, from a rule or a manifest.
        batch_size: examples a training batch.
        seed: the training seed; decides the order of the training examples.
        scaling: how features are put on one scale: `standard` or `quantile`.
        scaling_fitted_on: `train`, or `all` for the leak of a scale that has seen the test part.
        best_epoch_on: `val`, or `test` to have the test part scored after each epoch as well, beside the validation.
        augment: changes to a training batch.
        prepared: what `scale_examples` has made of the same arguments for another job.
        augmented_copies: of training tracks; further examples for training alone, which do not count for the scale either.

    Raises:
        GtzanError: augmented_copies of other tracks.
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
        for augmented_copy in augmented_copies:
            check_augmented_copies(augmented_copy.slices.track_index, slices, parts)
        rendered = [
            examples_of(corpus, *step_table(each.features, each.slices), each.slices, self.standardisation)
            for each in augmented_copies
        ]
        self.training_examples = Examples.joined([self.examples, *rendered])

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
        """Name of each feature."""
        return self.features.columns

    @property
    def n_tracks(self) -> int:
        """Tracks of the corpus, the range of a batch's track numbers."""
        return len(self.corpus.tracks)

    def size(self, part: str) -> int:
        """Slices of a part."""
        return int((self.parts == part).sum())

    @property
    def augmented_slices(self) -> int:
        """Training examples beside the originals."""
        return len(self.training_examples.label) - len(self.examples.label)

    def train_dataloader(self) -> BatchLoader:
        """Slices of training tracks and of their augmented_copies; shuffled anew each epoch, augmented."""
        augmented_copies = len(self.slices) + np.arange(self.augmented_slices)
        chosen = np.concatenate([np.flatnonzero(self.parts == "train"), augmented_copies])
        return BatchLoader(
            self.training_examples.to(self._device()), self._order(chosen, self.seed), self.batch_size, self.augment
        )

    def val_dataloader(self) -> BatchLoader | list[BatchLoader]:
        """In corpus order; where the test part chooses the epoch, its loader comes second."""
        loaders = [self.evaluation_loader(part)[1] for part in dict.fromkeys(("val", self.best_epoch_on))]
        return loaders[0] if len(loaders) == 1 else loaders

    def test_dataloader(self) -> BatchLoader:
        """In corpus order."""
        return self.evaluation_loader("test")[1]

    def predict_dataloader(self) -> BatchLoader:
        """Every slice that has a part, in corpus order."""
        return self._evaluation_loader(self.kept)

    def evaluation_loader(self, part: str) -> tuple[NDArray[np.int64], BatchLoader]:
        """Numbers of a part's slices in corpus order, and batches of them, neither shuffled nor augmented."""
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
