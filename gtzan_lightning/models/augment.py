"""Noise on the input of the training batches: mixup and feature noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Beta


class Mixup:
    """Mixes every example of a batch with another one (Zhang et al. 2018, "mixup: Beyond Empirical Risk Minimization").

    The share of the own example is drawn once a batch from `Beta(alpha, alpha)` and reflected to `[0.5, 1]`, so that
    the own genre stays the dominant one and training scores have a meaning. Random numbers come from torch's global
    generator alone: seeding it repeats a run.
    """

    def __init__(self, alpha: float) -> None:
        self._beta = Beta(torch.tensor(alpha), torch.tensor(alpha), validate_args=False)

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor, float]:
        """Mix `(batch, steps, features)`; also the partner of each example, `(batch,)`, and the own example's share."""
        share = float(self._beta.sample())
        share = max(share, 1.0 - share)
        partner = torch.randperm(len(x), device=x.device)
        return torch.lerp(x[partner], x, share), partner, share


def add_noise(x: Tensor, scale: float) -> Tensor:
    """Gaussian noise on standardised features `(batch, steps, features)`; `scale` in their standard deviations."""
    return x + scale * torch.randn_like(x)
