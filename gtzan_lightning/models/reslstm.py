"""LSTM layers with residual connections and layer normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.layers import StepLayer, StepPooling, genre_head


class ResLSTM(GenreModule):
    """A `StepLayer`, `num_layers` residual LSTM layers, `pooling` over the steps, a linear layer.

    `hidden_size` is the width per direction.
    """

    def __init__(
        self,
        *shape: int,
        hidden_size: int = 128,
        num_layers: int = 2,
        bidirectional: bool = True,
        dropout: float = 0.3,
        pooling: Sequence[str] = ("mean", "std"),
        **recipe: Any,
    ) -> None:
        super().__init__(*shape, **recipe)
        width = hidden_size * (2 if bidirectional else 1)
        self.enter = StepLayer(self.n_features, width, dropout)
        layers = [ResidualLSTMLayer(width, bidirectional=bidirectional, dropout=dropout) for _ in range(num_layers)]
        self.layers = nn.Sequential(*layers, nn.LayerNorm(width))
        self.pool = StepPooling(pooling, self.n_steps)
        self.head = genre_head(len(self.pool.statistics) * width, self.n_genres, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        outputs = self.layers(self.enter(x))  # (batch, steps, width)
        return self.head(self.pool(outputs))


class ResidualLSTMLayer(nn.Module):
    """`x + dropout(LSTM(norm(x)))`: an LSTM layer with a residual connection (He et al. 2016, pre-norm).

    If bidirectional, each direction has half of the width, so that the sum needs no projection.
    """

    def __init__(self, width: int, *, bidirectional: bool, dropout: float) -> None:
        super().__init__()
        directions = 2 if bidirectional else 1
        self.norm = nn.LayerNorm(width)
        self.lstm = nn.LSTM(width, width // directions, batch_first=True, bidirectional=bidirectional)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, width)` to the same shape."""
        outputs, _ = self.lstm(self.norm(x))
        return x + self.dropout(outputs)
