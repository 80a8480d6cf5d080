"""Augmentation: SpecAugment masking of training batches, and augmented copies of tracks as additional examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_request import Features


@dataclass(frozen=True)
class Masking:
    """SpecAugment (Park et al. 2019): replaces ranges of steps and of features by the training mean.

    The mean is zero since the examples are standardised. Masks are drawn independently for each example.
    """

    time_masks: int = 0  # number of masked ranges of steps
    time_mask_share: float = 0.2  # longest range, as a share of the steps
    feature_masks: int = 0  # number of masked ranges of adjacent features
    feature_mask_share: float = 0.2  # widest range, as a share of the features
    genre_strength: tuple[float, ...] = ()  # factor of the longest range by label; () is 1 for all

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """Masks x `(batch, steps, features)` with labels y `(batch,)`; draws from torch's global generator."""
        for axis, count, share in (
            (1, self.time_masks, self.time_mask_share),
            (2, self.feature_masks, self.feature_mask_share),
        ):
            if count:
                longest = self._longest(share, x.shape[axis], y)
                for _ in range(count):
                    x = mask_stretch(x, axis, longest)
        return x

    def _longest(self, share: float, size: int, y: Tensor) -> Tensor:
        """Longest range of each example, `(batch,)`."""
        if not self.genre_strength:
            return torch.full_like(y, int(share * size))
        by_label = [min(int(share * strength * size), size) for strength in self.genre_strength]
        return torch.tensor(by_label, device=y.device)[y]


def mask_stretch(x: Tensor, axis: int, longest: Tensor) -> Tensor:
    """Sets one range of each example to zero: torchaudio's `mask_along_axis_iid` with a limit for each example.

    Args:
        x: `(batch, steps, features)`.
        axis: 1 for steps, 2 for features.
        longest: `(batch,)`; the length of a range is uniform between 0 and this limit.

    Returns:
        `(batch, steps, features)`.
    """
    size = x.shape[axis]
    length = torch.rand(len(x), device=x.device) * (longest + 1)
    start = (torch.rand(len(x), device=x.device) * (size - length)).long()
    position = torch.arange(size, device=x.device)
    masked = (position >= start[:, None]) & (position < (start + length.long())[:, None])  # (batch, size)
    return x.masked_fill(masked.unsqueeze(3 - axis), 0.0)


@dataclass(frozen=True)
class AugmentedSlices:
    """One augmented copy of some tracks, cut into slices; `track_index` refers to the original tracks."""

    features: Features
    slices: SliceTable


def copies_per_track(
    corpus: Corpus,
    slices: SliceTable,
    parts: NDArray[np.str_],
    count: int,
    genre_strength: Mapping[str, float],
) -> NDArray[np.int64]:
    """Number of augmented copies of each track, 0 outside the training part.

    Args:
        corpus: The tracks.
        slices: Their slices.
        parts: Part of each slice, `(slices,)`.
        count: Copies of a training track.
        genre_strength: Factor of the count by genre, 1 if missing; the product is rounded half up.

    Returns:
        `(tracks,)`.
    """
    factors = np.array([genre_strength.get(track.genre, 1.0) for track in corpus.tracks])
    wanted = np.zeros(len(corpus.tracks), np.int64)
    training = np.unique(slices.track_index[parts == "train"])
    wanted[training] = np.floor(count * factors[training] + 0.5)
    return wanted


def check_augmented_copies(track_index: NDArray[np.int32], slices: SliceTable, parts: NDArray[np.str_]) -> None:
    """Refuses augmented copies of tracks that are not exclusively in the training part.

    Args:
        track_index: Tracks that have augmented copies.
        slices: Slices of the original tracks.
        parts: Part of each slice, `(slices,)`.

    Raises:
        GtzanError: The original of a copy has slices in another part, or in no part.
    """
    elsewhere = slices.track_index[(parts == "val") | (parts == "test")]
    wrong = np.union1d(np.intersect1d(track_index, elsewhere),
                       np.setdiff1d(track_index, slices.track_index[parts == "train"]))  # fmt: skip
    if len(wrong):
        raise GtzanError(
            f"Augmented copies are for training, but those of {len(wrong)} tracks have originals elsewhere.\n"
            "Use a split that keeps tracks whole, such as split=grouped, or augmentation=none."
        )


def check_genres(genre_strength: Mapping[str, float], corpus: Corpus) -> None:
    """Refuses a strength for unknown genres.

    Raises:
        GtzanError: A genre is not in the corpus.
    """
    unknown = [genre for genre in genre_strength if genre not in corpus.genres]
    if unknown:
        raise GtzanError(
            f"augmentation.genre_strength names {', '.join(unknown)}, and {corpus.name} has no such genre.\n"
            f"Its genres: {', '.join(corpus.genres)}."
        )
