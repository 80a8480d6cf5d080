"""The convolutional LSTM of Shi et al. 2015, "Convolutional LSTM Network", equation 3, over one axis of space."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gtzan_lightning.errors import GtzanError


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
