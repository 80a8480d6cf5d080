"""Layers shared by several models."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

STATISTICS = ("mean", "std", "diff")
SMALLEST_VARIANCE = 1e-6  # the gradient of a root at zero is infinite


class StepLayer(nn.Module):
    """Linear layer on each step, batch normalisation over all steps of the batch, ReLU, dropout."""

    def __init__(self, n_inputs: int, n_outputs: int, dropout: float) -> None:
        super().__init__()
        self.linear = nn.Linear(n_inputs, n_outputs, bias=False)  # the normalisation has a bias
        self.norm = nn.BatchNorm1d(n_outputs)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, n_inputs)` to `(batch, steps, n_outputs)`."""
        rows = self.linear(x).flatten(0, 1)  # (batch * steps, n_outputs)
        return self.dropout(self.norm(rows).relu()).unflatten(0, x.shape[:2])


class StepPooling(nn.Module):
    """Statistics over the steps of an example, side by side.

    Args:
        statistics: `mean`, `std` (standard deviation) and `diff` (mean absolute difference of adjacent steps).
        n_steps: Steps per example; one step is returned as it is.
    """

    def __init__(self, statistics: Sequence[str], n_steps: int) -> None:
        super().__init__()
        if not statistics or len(set(statistics)) < len(statistics) or not set(statistics) <= set(STATISTICS):
            raise ValueError(f"pooling={list(statistics)} should be one or more of {', '.join(STATISTICS)}, each once")
        self.statistics = tuple(statistics) if n_steps > 1 else ("mean",)  # of one step, the others are zero

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, n)` to `(batch, len(self.statistics) * n)`."""
        return torch.cat([self._statistic(x, name) for name in self.statistics], dim=1)

    @staticmethod
    def _statistic(x: Tensor, name: str) -> Tensor:
        mean = x.mean(dim=1)
        if name == "mean":
            return mean
        if name == "diff":
            return (x[:, 1:] - x[:, :-1]).abs().mean(dim=1)
        return ((x - mean.unsqueeze(1)).square().mean(dim=1) + SMALLEST_VARIANCE).sqrt()


def genre_head(n_inputs: int, n_genres: int, dropout: float) -> nn.Sequential:
    """Dropout and a linear layer: `(batch, n_inputs)` to logits `(batch, genres)`."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(n_inputs, n_genres))
