"""The last layer of every model."""

from __future__ import annotations

from torch import nn


def genre_head(n_inputs: int, n_genres: int, dropout: float) -> nn.Sequential:
    """Dropout and one linear layer: `(batch, n_inputs)` to logits `(batch, genres)`."""
    return nn.Sequential(nn.Dropout(dropout), nn.Linear(n_inputs, n_genres))
