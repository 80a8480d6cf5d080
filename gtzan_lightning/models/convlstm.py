"""Convolutional LSTM over the feature axis (Shi et al. 2015, "Convolutional LSTM Network")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.layers import StepLayer, StepPooling


class ConvLSTM(GenreModule):
    """`num_layers` convolutional LSTM layers, `pooling` over the steps, a dense and a linear layer.

    The convolution runs over the feature axis: adjacent mel bands and MFCCs are related; the columns of `stats` are
    adjacent only by the order of their table. `hidden_size` counts channels per feature, so small values suffice.
    """

    def __init__(
        self,
        *shape: int,
        hidden_size: int = 8,
        num_layers: int = 1,
        bidirectional: bool = True,
        kernel_size: int = 3,
        dense_size: int = 256,
        peephole: bool = True,
        batch_norm: bool = True,
        residual: bool = True,
        dropout: float = 0.3,
        pooling: Sequence[str] = ("mean", "std"),
        **recipe: Any,
    ) -> None:
        super().__init__(*shape, **recipe)
        width = hidden_size * (2 if bidirectional else 1)
        self.layers = nn.Sequential(
            *(
                ConvLSTMLayer(
                    1 if layer == 0 else width,
                    hidden_size,
                    self.n_features,
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
        self.pool = StepPooling(pooling, self.n_steps)
        self.dense = StepLayer(len(self.pool.statistics) * width * self.n_features, dense_size, dropout)
        self.head = nn.Linear(dense_size, self.n_genres)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, steps, features)` to logits `(batch, genres)`."""
        outputs = self.layers(x.unsqueeze(1))  # (batch, width, steps, features)
        pooled = self.pool(outputs.transpose(1, 2).flatten(2))  # (batch, statistics * width * features)
        return self.head(self.dense(pooled.unsqueeze(1)).squeeze(1))


class ConvLSTMLayer(nn.Module):
    """A ConvLSTM cell per direction, with batch normalisation, dropout and a residual connection."""

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
        n_outputs = hidden_size * len(self.cells)
        self.norm = nn.BatchNorm2d(n_outputs) if batch_norm else nn.Identity()
        self.dropout = nn.Dropout(dropout)
        # A residual sum needs equal widths; where they differ, a 1x1 convolution projects the input (He et al. 2016).
        self.shortcut: nn.Module | None = None
        if residual:
            same = n_inputs == n_outputs
            self.shortcut = nn.Identity() if same else nn.Conv2d(n_inputs, n_outputs, kernel_size=1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """`(batch, channels, steps, features)` to `(batch, directions * hidden, steps, features)`."""
        outputs = [cell(x, reverse=direction == 1) for direction, cell in enumerate(self.cells)]
        y = self.dropout(self.norm(torch.cat(outputs, dim=1)))
        return y if self.shortcut is None else y + self.shortcut(x)


class ConvLSTMCell(nn.Module):
    """Convolutional LSTM cell over one spatial axis (Shi et al. 2015, equation 3).

    With `*` the convolution over features, `.` the elementwise product, and initial state `H_0 = C_0 = 0`:

        i_t = sigmoid(W_xi * X_t + W_hi * H_t-1 + W_ci . C_t-1 + b_i)
        f_t = sigmoid(W_xf * X_t + W_hf * H_t-1 + W_cf . C_t-1 + b_f)
        C_t = f_t . C_t-1 + i_t . tanh(W_xc * X_t + W_hc * H_t-1 + b_c)
        o_t = sigmoid(W_xo * X_t + W_ho * H_t-1 + W_co . C_t + b_o)
        H_t = o_t . tanh(C_t)

    The output channels of a convolution are the gates in the order i, f, c, o. The peephole weights `W_c.` have one
    value per channel and feature; with `peephole_features=None` they are omitted, as in most implementations.

    Raises:
        GtzanError: `kernel_size` is even.
    """

    def __init__(self, n_inputs: int, hidden_size: int, kernel_size: int, peephole_features: int | None) -> None:
        super().__init__()
        if kernel_size % 2 == 0:
            raise GtzanError(
                f"model.kernel_size={kernel_size} must be odd, so that a feature has as many neighbours "
                f"on each side; try model.kernel_size={kernel_size + 1}."
            )
        kernel, padding = (1, kernel_size), (0, kernel_size // 2)
        self.from_input = nn.Conv2d(n_inputs, 4 * hidden_size, kernel, padding=padding)
        self.from_state = nn.Conv1d(hidden_size, 4 * hidden_size, kernel_size, padding=kernel_size // 2, bias=False)
        self.peephole: nn.Parameter | None = None
        if peephole_features is not None:
            self.peephole = nn.Parameter(torch.zeros(3, hidden_size, peephole_features))  # W_ci, W_cf, W_co

    def forward(self, x: Tensor, *, reverse: bool = False) -> Tensor:
        """Run the cell over all steps.

        Args:
            x: `(batch, channels, steps, features)`.
            reverse: run from the last step to the first.

        Returns:
            The hidden states in the order of the input's steps, `(batch, hidden, steps, features)`.
        """
        steps = list(self.from_input(x).unbind(dim=2))  # one convolution for all steps
        if reverse:
            steps.reverse()
        hidden = cell = steps[0].new_zeros(x.shape[0], steps[0].shape[1] // 4, steps[0].shape[2])
        states = []
        for gates in steps:
            hidden, cell = self._step(gates + self.from_state(hidden), cell)
            states.append(hidden)
        if reverse:
            states.reverse()
        return torch.stack(states, dim=2)

    def _step(self, gates: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
        """Gates `(batch, 4 * hidden, features)` and cell state to the new hidden state and cell state."""
        i, f, c, o = gates.chunk(4, dim=1)
        if self.peephole is not None:
            i, f = i + self.peephole[0] * cell, f + self.peephole[1] * cell
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(c)
        if self.peephole is not None:
            o = o + self.peephole[2] * cell
        return torch.sigmoid(o) * torch.tanh(cell), cell
