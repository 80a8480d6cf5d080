"""The slices of a split as tensors on one scale, which jobs that ask for the same data share."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.batches import Examples
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.datamodule.standardisation import FittedOn, ScalingName, Standardisation, standardisation_of
from gtzan_lightning.datamodule.steps import step_table
from gtzan_lightning.features.matrix import Features

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Standardised:
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


def standardised(
    corpus: Corpus,
    features: Features,
    slices: SliceTable,
    parts: NDArray[np.str_],
    scaling: ScalingName = "standard",
    fitted_on: FittedOn = "train",
) -> Standardised:
    """Fits the scale, and puts every slice on it; arguments as of `GenreDataModule`."""
    values, step_index = step_table(features, slices)
    scale = standardisation_of(values, step_index, parts, scaling, fitted_on)
    return Standardised(scale, examples_of(corpus, values, step_index, slices, scale))


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
