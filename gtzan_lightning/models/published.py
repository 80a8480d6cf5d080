"""The networks of the replicated study, as described in its text; it trains them with Adam at a constant rate."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from gtzan_lightning.models.base import GenreModule


class PublishedMLP(GenreModule):
    """`num_layers` of linear, ReLU and dropout on each step, the mean over the steps, a linear layer."""

    def __init__(
        self, *shape: int, hidden_size: int = 256, num_layers: int = 1, dropout: float = 0.2, **recipe: Any
    ) -> None:
        super().__init__(*shape, **recipe)
        layers: list[nn.Module] = []
        for n_inputs in [self.n_features, *[hidden_size] * (num_layers - 1)]:
            layers += [nn.Linear(n_inputs, hidden_size), nn.ReLU(), nn.Dropout(dropout)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Linear(hidden_size, self.n_genres)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        return self.head(self.layers(x).mean(dim=1))


class PublishedLSTM(GenreModule):
    """`num_layers` LSTM layers, their output at the last step, then linear, ReLU, dropout, linear."""

    def __init__(
        self,
        *shape: int,
        hidden_size: int = 128,
        num_layers: int = 2,
        bidirectional: bool = False,
        dropout: float = 0.3,
        **recipe: Any,
    ) -> None:
        super().__init__(*shape, **recipe)
        self.lstm = nn.LSTM(self.n_features, hidden_size, num_layers, batch_first=True, bidirectional=bidirectional)
        width = hidden_size * (2 if bidirectional else 1)
        self.head = nn.Sequential(
            nn.Linear(width, hidden_size), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden_size, self.n_genres)
        )

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        outputs, _ = self.lstm(x)  # (batch, steps, directions * hidden)
        return self.head(outputs[:, -1])
