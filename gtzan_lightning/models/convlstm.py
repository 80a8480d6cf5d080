"""Convolutional LSTM layers over the feature axis."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.convlstm_cell import ConvLSTMCell
from gtzan_lightning.models.steps import StepLayer


class ConvLSTMLayer(nn.Module):
    """One ConvLSTM cell run over the steps, in both directions or one, with batch normalisation and a residual sum."""

    def __init__(
        self,
        n_inputs: int,
        hidden_size: int,
        n_features: int,
        *,
        kernel_size: int,
        bidirectional: bool,
        peephole: bool,
        batch_norm: bool,
        residual: bool,
        dropout: float,
    ) -> None:
        super().__init__()
        self.cells = nn.ModuleList(
            ConvLSTMCell(n_inputs, hidden_size, kernel_size, n_features if peephole else None)
            for _ in range(2 if bidirectional else 1)
        )
        self.n_outputs = hidden_size * len(self.cells)
        self.norm = nn.BatchNorm2d(self.n_outputs) if batch_norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        # A residual sum needs equal widths: a 1x1 convolution fits the input where they differ (He et al. 2016).
        self.shortcut: nn.Module | None = None
        if residual:
            same = n_inputs == self.n_outputs
            self.shortcut = nn.Identity() if same else nn.Conv2d(n_inputs, self.n_outputs, kernel_size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, steps, features)` to `(batch, directions * hidden, steps, features)`."""
        outputs = [cell(x, reverse=direction == 1) for direction, cell in enumerate(self.cells)]
        y = self.dropout(self.norm(torch.cat(outputs, dim=1)))
        return y if self.shortcut is None else y + self.shortcut(x)


class ConvLSTM(GenreModule):
    """`num_layers` of convolutional LSTM (Shi et al. 2015), the mean over the steps, a dense and a linear layer.

    The convolution runs over the feature axis: mel bands and MFCC have neighbours there, the columns of `stats` only
    by the order of their table. `hidden_size` counts channels at each feature, so small numbers go far.
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
        kernel_size: int,
        dense_size: int,
        peephole: bool,
        batch_norm: bool,
        residual: bool,
        dropout: float,
        **recipe: float,
    ) -> None:
        super().__init__(n_steps, n_features, n_genres, **recipe)
        width = hidden_size * (2 if bidirectional else 1)
        self.layers = nn.Sequential(
            *(
                ConvLSTMLayer(
                    1 if layer == 0 else width,
                    hidden_size,
                    n_features,
                    kernel_size=kernel_size,
                    bidirectional=bidirectional,
                    peephole=peephole,
                    batch_norm=batch_norm,
                    residual=residual,
                    dropout=dropout,
                )
                for layer in range(num_layers)
            )
        )
        self.dense = StepLayer(width * n_features, dense_size, dropout)
        self.head = nn.Linear(dense_size, n_genres)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        outputs = self.layers(x.unsqueeze(1))  # (batch, width, steps, features)
        seen = outputs.mean(dim=2).flatten(1)  # (batch, width * features)
        return self.head(self.dense(seen.unsqueeze(1)).squeeze(1))
