"""Multi-layer perceptron on each step."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.layers import StepLayer, StepPooling


class MLP(GenreModule):
    """`num_layers` layers on each step, each half as wide as the one before, `pooling` over the steps, a linear layer.

    With `pooling=[mean, std]` the model ignores the order of the steps: it is the baseline for the recurrent models.
    """

    def __init__(
        self,
        *shape: int,
        hidden_size: int = 512,
        num_layers: int = 2,
        dropout: float = 0.3,
        pooling: Sequence[str] = ("mean", "std"),
        **recipe: Any,
    ) -> None:
        super().__init__(*shape, **recipe)
        widths = [self.n_features, *(max(hidden_size >> layer, self.n_genres) for layer in range(num_layers))]
        self.layers = nn.Sequential(*(StepLayer(before, after, dropout) for before, after in pairwise(widths)))
        self.pool = StepPooling(pooling, self.n_steps)
        self.head = nn.Linear(len(self.pool.statistics) * widths[-1], self.n_genres)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        return self.head(self.pool(self.layers(x)))
