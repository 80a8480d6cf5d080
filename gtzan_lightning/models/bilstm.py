"""An LSTM over the steps of an example, in both directions or one."""

from __future__ import annotations

from torch import Tensor, nn

from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.layers import StepLayer, genre_head


class BiLSTM(GenreModule):
    """A layer on each step, `num_layers` of LSTM, the mean of their outputs over the steps, a linear layer.

    LSTM after Hochreiter & Schmidhuber 1997. The first layer, `2 * hidden_size` wide, brings batch normalisation.
    """

    def __init__(
        self,
        n_steps: int,
        n_features: int,
        n_genres: int,
        *,
        hidden_size: int,
        num_layers: int,
        bidirectional: bool,
        dropout: float,
        **recipe: float,
    ) -> None:
        super().__init__(n_steps, n_features, n_genres, **recipe)
        self.enter = StepLayer(n_features, 2 * hidden_size, dropout)
        self.lstm = nn.LSTM(
            2 * hidden_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout if num_layers > 1 else 0.0,  # torch warns of dropout after a single layer, and does none
            bidirectional=bidirectional,
        )
        self.head = genre_head(hidden_size * (2 if bidirectional else 1), n_genres, dropout)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        outputs, _ = self.lstm(self.enter(x))  # (batch, steps, directions * hidden)
        return self.head(outputs.mean(dim=1))
