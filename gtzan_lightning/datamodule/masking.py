"""SpecAugment masking of training batches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


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
