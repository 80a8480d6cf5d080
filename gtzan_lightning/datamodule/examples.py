"""Slices of a corpus as standardised tensors, and loaders of batches."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.scaling import FittedOn, ScalingName, Standardisation, standardisation_of
from gtzan_lightning.datamodule.slices import SliceTable, step_table
from gtzan_lightning.features.feature_request import Features

Batch = tuple[Tensor, Tensor, Tensor]
"""x `(batch, steps, features)`, y `(batch,)` and track `(batch,)`, the position in Corpus.tracks."""

Augment = Callable[[Tensor, Tensor], Tensor]
"""Function of x `(batch, steps, features)` and y `(batch,)` that returns a changed x of the same shape."""

Value = TypeVar("Value")

MAPPED_BYTES = 2**28  # a larger matrix that is mapped into memory stays there, and batches are standardised
GATHERED_ROWS = 256  # examples that are indexed at a time: small batches are views of them


@dataclass(frozen=True)
class Examples:
    """Slices as tensors; overlapping slices share their steps."""

    values: Tensor  # (distinct steps, features), standardised unless there is a `scale`
    step_index: Tensor  # (slices, steps), rows of `values`
    label: Tensor  # (slices,)
    track: Tensor  # (slices,)
    scale: Standardisation | None = None  # applied to each batch, where `values` are mapped into memory

    @classmethod
    def of_slices(
        cls,
        corpus: Corpus,
        slices: SliceTable,
        values: NDArray[np.float32],
        step_index: NDArray[np.int64],
        scale: Standardisation,
    ) -> Examples:
        """Standardises slices; `values` and `step_index` are the result of `step_table`."""
        stays_mapped = isinstance(values, np.memmap) and values.nbytes > MAPPED_BYTES
        return cls(
            values=_mapped(values) if stays_mapped else torch.from_numpy(scale.apply(values)),
            step_index=torch.from_numpy(step_index),
            label=torch.from_numpy(np.asarray(corpus.labels())[slices.track_index]),
            track=torch.from_numpy(slices.track_index.astype(np.int64)),
            scale=scale if stays_mapped else None,
        )

    @staticmethod
    def concatenated(several: Sequence[Examples]) -> Examples:
        """Concatenates examples in memory; a single one is returned without a copy."""
        if len(several) == 1:
            return several[0]
        offsets = torch.tensor([0, *(len(examples.values) for examples in several[:-1])]).cumsum(0)
        return Examples(
            torch.cat([examples._standardised(slice(None)) for examples in several]),
            torch.cat([examples.step_index + offset for examples, offset in zip(several, offsets, strict=True)]),
            torch.cat([examples.label for examples in several]),
            torch.cat([examples.track for examples in several]),
        )

    def to(self, device: torch.device) -> Examples:
        """The examples on a device; copied only if they are on another. Mapped ones stay, and batches are moved."""
        if self.scale is not None:
            return self
        values, step_index = self.values.to(device), self.step_index.to(device)
        return Examples(values, step_index, self.label.to(device), self.track.to(device))

    def batch(self, chosen: Tensor) -> Batch:
        """The slices with the indices `chosen`, `(batch,)`."""
        return self._standardised(self.step_index[chosen]), self.label[chosen], self.track[chosen]

    def _standardised(self, steps: Tensor | slice) -> Tensor:
        """Some rows of `values`, standardised."""
        return (
            self.values[steps] if self.scale is None else torch.from_numpy(self.scale.apply(self.values[steps].numpy()))
        )


def _mapped(values: NDArray[np.float32]) -> Tensor:
    """A tensor on a matrix that is mapped into memory; nothing writes to it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(values)


@dataclass(frozen=True, eq=False)
class ScaledExamples:
    """Examples with their standardisation; immutable, so that jobs of one process can share them."""

    standardisation: Standardisation
    examples: Examples
    _computed: dict[Hashable, Any] = field(default_factory=dict, init=False, repr=False)

    def once(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """The result of `compute`, called once per key; it must depend on the key and these examples alone."""
        if key not in self._computed:
            self._computed[key] = compute()
        value: Value = self._computed[key]
        return value


def scale_examples(
    corpus: Corpus,
    features: Features,
    slices: SliceTable,
    parts: NDArray[np.str_],
    scaling: ScalingName = "standard",
    fitted_on: FittedOn = "train",
) -> ScaledExamples:
    """Fits the standardisation and applies it to all slices; arguments as in `SliceDataModule`."""
    values, step_index = step_table(features, slices)
    scale = standardisation_of(values, step_index, parts, scaling, fitted_on)
    return ScaledExamples(scale, Examples.of_slices(corpus, slices, values, step_index, scale))


class EpochOrder:
    """Order of the examples of an epoch, determined by seed and epoch alone, so that a resumed run repeats it.

    Args:
        chosen: Indices of the slices.
        seed: Seed of the shuffling; None keeps the order of `chosen`.
        rank: Number of this process.
        world_size: Number of processes, among which the slices are divided.
    """

    def __init__(self, chosen: Tensor, seed: int | None, rank: int = 0, world_size: int = 1) -> None:
        self.chosen, self.seed, self.rank, self.world_size, self.epoch = chosen, seed, rank, world_size, 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning before each epoch, as for a DistributedSampler."""
        self.epoch = epoch

    def numbers(self) -> Tensor:
        """Indices of the slices of this process in the order of the epoch."""
        numbers = self.chosen
        if self.seed is not None:
            generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
            numbers = numbers[torch.randperm(len(numbers), generator=generator)]
        if self.world_size == 1:
            return numbers
        padding = -len(numbers) % self.world_size  # every process must take the same number of steps
        return torch.cat([numbers, numbers[:padding]])[self.rank :: self.world_size]


class BatchLoader:
    """Iterable of batches, in place of torch's DataLoader: tensors on the device need no workers and no collation."""

    batch_sampler = None  # read by Lightning if there is a `sampler`, whose `set_epoch` it calls

    def __init__(self, examples: Examples, order: EpochOrder, batch_size: int, augment: Augment | None = None) -> None:
        self.examples, self.sampler, self.batch_size, self.augment = examples, order, batch_size, augment

    def __len__(self) -> int:
        return len(self._sizes(len(self.sampler.numbers())))

    def __iter__(self) -> Iterator[Batch]:
        numbers = self.sampler.numbers()
        sizes = self._sizes(len(numbers))
        size, several = self.batch_size, self.batch_size * max(1, GATHERED_ROWS // self.batch_size)
        for chosen in numbers[: sum(sizes)].to(self.examples.values.device).split(several):
            gathered = (tensor.split(size) for tensor in self.examples.batch(chosen))
            for x, y, track in zip(*gathered, strict=True):
                yield (self.augment(x, y) if self.augment else x), y, track

    def _sizes(self, count: int) -> list[int]:
        """Sizes of the batches. A last batch of one is dropped when shuffling: batch normalisation needs two."""
        sizes = [self.batch_size] * (count // self.batch_size)
        rest = count % self.batch_size
        if rest > 1 or (rest == 1 and (self.sampler.seed is None or not sizes)):
            sizes.append(rest)
        return sizes


class BatchList:
    """A number of batches, each made when it is used: their random masks are drawn in the order of the steps."""

    def __init__(self, batches: Iterator[Batch], count: int) -> None:
        self.batches, self.count = batches, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[Batch]:
        return islice(self.batches, self.count)


class ListLoader:
    """Iterable of lists of batches, for a model that takes the optimizer steps of a list itself."""

    batch_sampler = None  # as in BatchLoader

    def __init__(self, loader: BatchLoader, size: int) -> None:
        self.loader, self.sampler, self.size = loader, loader.sampler, size

    def __len__(self) -> int:
        return -(-len(self.loader) // self.size)

    def __iter__(self) -> Iterator[BatchList]:
        batches, total = iter(self.loader), len(self.loader)
        for first in range(0, total, self.size):
            yield BatchList(batches, min(self.size, total - first))
