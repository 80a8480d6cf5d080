"""Bidirectional or unidirectional LSTM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.layers import StepLayer, StepPooling, genre_head


class BiLSTM(GenreModule):
    """A `StepLayer`, `num_layers` LSTM layers, `pooling` of their outputs over the steps, and a linear layer.

    LSTM after Hochreiter & Schmidhuber (1997). The `StepLayer`, which is `2 * hidden_size` wide, normalises the input.
    """

    def __init__(
        self,
        *shape: int,
        hidden_size: int = 128,
        num_layers: int = 1,
        bidirectional: bool = True,
        dropout: float = 0.3,
        pooling: Sequence[str] = ("mean", "std"),
        **recipe: Any,
    ) -> None:
        super().__init__(*shape, **recipe)
        self.enter = StepLayer(self.n_features, 2 * hidden_size, dropout)
        self.lstm = nn.LSTM(
            2 * hidden_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout if num_layers > 1 else 0.0,  # dropout acts between layers; torch warns with a single one
            bidirectional=bidirectional,
        )
        self.pool = StepPooling(pooling, self.n_steps)
        width = hidden_size * (2 if bidirectional else 1)
        self.head = genre_head(len(self.pool.statistics) * width, self.n_genres, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        outputs, _ = self.lstm(self.enter(x))  # (batch, steps, directions * hidden)
        return self.head(self.pool(outputs))
