"""Convolutional LSTM layers over the feature axis.

MERGED: The convolutional LSTM of Shi et al. 2015, "Convolutional LSTM Network", equation 3, over one axis of space.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.layers import StepLayer


class ConvLSTMCell(nn.Module):
    """A memory of `hidden_size` channels at each feature, updated step by step.

    With `*` the convolution over features, `.` the elementwise product, state `H_0 = C_0 = 0`:

        i_t = sigmoid(W_xi * X_t + W_hi * H_t-1 + W_ci . C_t-1 + b_i)
        f_t = sigmoid(W_xf * X_t + W_hf * H_t-1 + W_cf . C_t-1 + b_f)
        C_t = f_t . C_t-1 + i_t . tanh(W_xc * X_t + W_hc * H_t-1 + b_c)
        o_t = sigmoid(W_xo * X_t + W_ho * H_t-1 + W_co . C_t + b_o)
        H_t = o_t . tanh(C_t)

    The four gates of a convolution are its output channels in the order i, f, c, o. The peepholes `W_c.` have a weight
    for each channel and feature; without `peephole_features` they are left out, as most implementations do.
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
        """Run over the steps, from the last to the first if `reverse`.

        Args:
            x: `(batch, channels, steps, features)`.
            reverse: the direction.

        Returns:
            The hidden states in the order of the input's steps, `(batch, hidden, steps, features)`.
        """
        steps = list(self.from_input(x).unbind(dim=2))  # all steps in one convolution
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
        """One step: `(batch, 4 * hidden, features)` and the old memory to the new hidden state and memory."""
        i, f, c, o = gates.chunk(4, dim=1)
        if self.peephole is not None:
            i, f = i + self.peephole[0] * cell, f + self.peephole[1] * cell
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(c)
        if self.peephole is not None:
            o = o + self.peephole[2] * cell
        return torch.sigmoid(o) * torch.tanh(cell), cell


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
