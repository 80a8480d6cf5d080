"""Changes to training examples, made anew in every batch; validation and test never meet them."""

from __future__ import annotations

from dataclasses import dataclass

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

    def __call__(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to the same shape; draws from torch's global generator."""
        if not (self.time_masks or self.feature_masks):
            return x
        from torchaudio.functional import mask_along_axis_iid  # slow to import, and needed here alone

        images = x.unsqueeze(1)  # (batch, 1, steps, features)
        for axis, count, share in (
            (2, self.time_masks, self.time_mask_share),
            (3, self.feature_masks, self.feature_mask_share),
        ):
            for _ in range(count):
                widest = int(share * images.shape[axis])  # torchaudio draws from 0 up to one less than it is told
                images = mask_along_axis_iid(images, widest + 1, 0.0, axis)
        return images.squeeze(1)
