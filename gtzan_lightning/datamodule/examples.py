"""The slices of a split as tensors on one scale, which jobs that ask for the same data share.

MERGED: Batches of tensors that stay where the model is: no worker processes, no collating.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.scaling import FittedOn, ScalingName, Standardisation, standardisation_of
from gtzan_lightning.datamodule.slices import SliceTable, step_table
from gtzan_lightning.features.feature_matrix import Features

Batch = tuple[Tensor, Tensor, Tensor]
"""x `(batch, steps, features)`, y `(batch,)` and track `(batch,)`, the position in Corpus.tracks."""

Augment = Callable[[Tensor, Tensor], Tensor]
"""x `(batch, steps, features)` and y `(batch,)` to a changed x of the same shape."""


@dataclass(frozen=True)
class Examples:
    """All slices of a run as tensors."""

    values: Tensor  # (distinct steps, features), standardised
    step_index: Tensor  # (slices, steps), rows of `values`
    label: Tensor  # (slices,)
    track: Tensor  # (slices,)

    def to(self, device: torch.device) -> Examples:
        """The same on another device; a copy only if it is another."""
        return Examples(*(tensor.to(device) for tensor in (self.values, self.step_index, self.label, self.track)))

    @staticmethod
    def joined(several: Sequence[Examples]) -> Examples:
        """One after the other, as one; a single one stays as it is."""
        if len(several) == 1:
            return several[0]
        sizes = torch.tensor([0, *(len(examples.values) for examples in several[:-1])]).cumsum(0)
        return Examples(
            torch.cat([examples.values for examples in several]),
            torch.cat([examples.step_index + first for examples, first in zip(several, sizes, strict=True)]),
            torch.cat([examples.label for examples in several]),
            torch.cat([examples.track for examples in several]),
        )

    def batch(self, chosen: Tensor) -> Batch:
        """The slices with the numbers `chosen`, `(batch,)`."""
        return self.values[self.step_index[chosen]], self.label[chosen], self.track[chosen]


class EpochOrder:
    """The order of an epoch's examples: a function of seed and epoch alone, so that a resumed run draws the same."""

    def __init__(self, chosen: Tensor, seed: int | None, rank: int = 0, world_size: int = 1) -> None:
        self.chosen, self.seed, self.rank, self.world_size, self.epoch = chosen, seed, rank, world_size, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, as for a DistributedSampler."""
        self.epoch = epoch

    def numbers(self) -> Tensor:
        """Slice numbers in this epoch's order; shuffled if there is a seed, this rank's share if there are several."""
        numbers = self.chosen
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            numbers = numbers[torch.randperm(len(numbers), generator=generator)]
        if self.world_size == 1:
            return numbers
        padding = -len(numbers) % self.world_size  # every rank must take as many steps
        return torch.cat([numbers, numbers[:padding]])[self.rank :: self.world_size]


class BatchLoader:
    """An iterable of batches over some of the examples; stands where a DataLoader would."""

    batch_sampler = None  # Lightning looks for it where there is a `sampler`, whose `set_epoch` it calls

    def __init__(
        self,
        examples: Examples,
        order: EpochOrder,
        batch_size: int,
        augment: Augment | None = None,
    ) -> None:
        self.examples, self.sampler, self.batch_size, self.augment = examples, order, batch_size, augment

    def __len__(self) -> int:
        return len(self._sizes(len(self.sampler.numbers())))

    def __iter__(self) -> Iterator[Batch]:
        numbers = self.sampler.numbers()
        sizes = self._sizes(len(numbers))
        for chosen in numbers[: sum(sizes)].to(self.examples.values.device).split(self.batch_size):
            x, y, track = self.examples.batch(chosen)
            yield (self.augment(x, y) if self.augment else x), y, track

    def _sizes(self, count: int) -> list[int]:
        """Sizes of the batches. A last batch of one is left out of a shuffled epoch: batch normalisation needs two."""
        sizes = [self.batch_size] * (count // self.batch_size)
        rest = count % self.batch_size
        if rest > 1 or (rest == 1 and (self.sampler.seed is None or not sizes)):
            sizes.append(rest)
        return sizes


Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class ScaledExamples:
    """Examples with their scale; nobody changes them, so that another job can have them too."""

    standardisation: Standardisation
    examples: Examples
    _kept: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def once(self, what: Hashable, make: Callable[[], Value]) -> Value:
        """What follows from these examples and `what` alone: computed at the first call."""
        if what not in self._kept:
            self._kept[what] = make()
        value: Value = self._kept[what]
        return value


def scale_examples(
    corpus: Corpus,
    features: Features,
    slices: SliceTable,
    parts: NDArray[np.str_],
    scaling: ScalingName = "standard",
    fitted_on: FittedOn = "train",
) -> ScaledExamples:
    """Fits the scale, and puts every slice on it; arguments as of `GenreDataModule`."""
    values, step_index = step_table(features, slices)
    scale = standardisation_of(values, step_index, parts, scaling, fitted_on)
    return ScaledExamples(scale, examples_of(corpus, values, step_index, slices, scale))


def examples_of(
    corpus: Corpus,
    values: NDArray[np.float32],
    step_index: NDArray[np.int64],
    slices: SliceTable,
    scale: Standardisation,
) -> Examples:
    """Slices as standardised tensors; `values` and `step_index` as `step_table` returns them."""
    return Examples(
        values=torch.from_numpy(scale.apply(values)),
        step_index=torch.from_numpy(step_index),
        label=torch.from_numpy(np.asarray(corpus.labels())[slices.track_index]),
        track=torch.from_numpy(slices.track_index.astype(np.int64)),
    )
