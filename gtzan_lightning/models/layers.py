"""Layers shared by several models."""

from __future__ import annotations

from torch import Tensor, nn


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


def genre_head(n_inputs: int, n_genres: int, dropout: float) -> nn.Sequential:
    """Dropout and a linear layer: `(batch, n_inputs)` to logits `(batch, genres)`."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(n_inputs, n_genres))
