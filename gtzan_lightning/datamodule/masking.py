"""Changes to training examples, made anew in every batch; validation and test never meet them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Masking:
    """SpecAugment (Park et al. 2019): stretches of steps and of features are replaced by the training mean.

    The examples are standardised, so that the mean is zero. Each example draws its own masks.
    """

    time_masks: int = 0  # how many stretches of steps
    time_mask_share: float = 0.2  # longest stretch, as a share of the steps
    feature_masks: int = 0  # how many stretches of neighbouring features
    feature_mask_share: float = 0.2  # widest stretch, as a share of the features
    genre_strength: tuple[float, ...] = ()  # by label: multiplies the longest stretch; () is 1 for all

    def __call__(self, x: Tensor, y: Tensor) -> Tensor:
        """`(batch, steps, features)` of genres `(batch,)` to the same shape; draws from torch's global generator."""
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
        """Of each example, `(batch,)`."""
        if not self.genre_strength:
            return torch.full_like(y, int(share * size))
        by_label = [min(int(share * strength * size), size) for strength in self.genre_strength]
        return torch.tensor(by_label, device=y.device)[y]


def mask_stretch(x: Tensor, axis: int, longest: Tensor) -> Tensor:
    """Sets one stretch of each example to zero: torchaudio's `mask_along_axis_iid`, with a length for each example.

    Args:
        x: `(batch, steps, features)`.
        axis: 1 for steps, 2 for features.
        longest: `(batch,)`; a stretch is 0 to so many long, each length as likely as another.
    """
    size = x.shape[axis]
    length = torch.rand(len(x), device=x.device) * (longest + 1)
    start = (torch.rand(len(x), device=x.device) * (size - length)).long()
    position = torch.arange(size, device=x.device)
    hidden = (position >= start[:, None]) & (position < (start + length.long())[:, None])  # (batch, size)
    return x.masked_fill(hidden.unsqueeze(3 - axis), 0.0)
