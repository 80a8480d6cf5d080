"""A multi-layer perceptron over each step of an example."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.layers import StepLayer


class MLP(GenreModule):
    """`num_layers` on each step alone, each half as wide as the one before, the mean over the steps, a linear layer.

    It knows no order: what the recurrent models score above it is what the order of the steps is worth.
    """

    def __init__(
        self,
        n_steps: int,
        n_features: int,
        n_genres: int,
        *,
        hidden_size: int,
        num_layers: int,
        dropout: float,
        **recipe: float,
    ) -> None:
        super().__init__(n_steps, n_features, n_genres, **recipe)
        widths = [n_features, *(max(hidden_size >> layer, n_genres) for layer in range(num_layers))]
        self.layers = nn.Sequential(*(StepLayer(before, after, dropout) for before, after in pairwise(widths)))
        self.head = nn.Linear(widths[-1], n_genres)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        return self.head(self.layers(x).mean(dim=1))
