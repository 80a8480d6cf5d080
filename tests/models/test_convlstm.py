import numpy as np
import pytest
import torch

from gtzan_lightning.models.convlstm import ConvLSTMCell, ConvLSTMLayer


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def correlate(weight, x):
    """`(outputs, inputs, kernel)` over `(inputs, features)` with zero padding, by explicit loops."""
    outputs, inputs, kernel = weight.shape
    features = x.shape[1]
    y = np.zeros((outputs, features))
    for o in range(outputs):
        for p in range(features):
            for c in range(inputs):
                for k in range(kernel):
                    q = p + k - kernel // 2
                    if 0 <= q < features:
                        y[o, p] += weight[o, c, k] * x[c, q]
    return y


def equation_3(x, w_x, w_h, w_c, b):
    """Shi et al. 2015, equation 3, of one example `(steps, inputs, features)`; gates by name."""
    hidden = cell = np.zeros((w_h["i"].shape[0], x.shape[2]))
    states = []
    for x_t in x:
        gates = {g: correlate(w_x[g], x_t) + correlate(w_h[g], hidden) + b[g][:, None] for g in "ifco"}
        i = sigmoid(gates["i"] + w_c["i"] * cell)
        f = sigmoid(gates["f"] + w_c["f"] * cell)
        cell = f * cell + i * np.tanh(gates["c"])
        o = sigmoid(gates["o"] + w_c["o"] * cell)
        hidden = o * np.tanh(cell)
        states.append(hidden)
    return np.stack(states)


@pytest.mark.parametrize("peephole", [True, False])
@pytest.mark.parametrize("reverse", [True, False])
@pytest.mark.parametrize("kernel_size", [1, 3, 5])
def test_the_cell_is_equation_3_of_the_paper(peephole, reverse, kernel_size):
    batch, inputs, hidden, steps, features = 2, 3, 4, 5, 6
    rng = np.random.default_rng(0)
    w_x = {g: rng.normal(size=(hidden, inputs, kernel_size)) for g in "ifco"}
    w_h = {g: rng.normal(size=(hidden, hidden, kernel_size)) for g in "ifco"}
    w_c = {g: rng.normal(size=(hidden, features)) * peephole for g in "ifo"}
    b = {g: rng.normal(size=hidden) for g in "ifco"}
    module = ConvLSTMCell(inputs, hidden, kernel_size, features if peephole else None).double()
    with torch.no_grad():
        module.from_input.weight.copy_(torch.tensor(np.concatenate([w_x[g] for g in "ifco"]))[:, :, None])
        module.from_input.bias.copy_(torch.tensor(np.concatenate([b[g] for g in "ifco"])))
        module.from_state.weight.copy_(torch.tensor(np.concatenate([w_h[g] for g in "ifco"])))
        if peephole:
            module.peephole.copy_(torch.tensor(np.stack([w_c[g] for g in "ifo"])))
    x = rng.normal(size=(batch, inputs, steps, features))
    ours = module(torch.tensor(x), reverse=reverse).detach().numpy()
    for example, result in zip(x.transpose(0, 2, 1, 3), ours.transpose(0, 2, 1, 3), strict=True):
        paper = equation_3(example[::-1] if reverse else example, w_x, w_h, w_c, b)
        np.testing.assert_allclose(result, paper[::-1] if reverse else paper, rtol=1e-10, atol=1e-12)


def layer(n_inputs, **changes):
    options = {
        "kernel_size": 3,
        "bidirectional": True,
        "peephole": True,
        "batch_norm": False,
        "residual": True,
        "dropout": 0.0,
    }
    return ConvLSTMLayer(n_inputs, 4, 6, **{**options, **changes})


def test_the_residual_adds_the_input_where_the_widths_are_equal():
    x = torch.randn(2, 8, 3, 6)
    with_residual, without = layer(8), layer(8, residual=False)
    without.load_state_dict(with_residual.state_dict())
    torch.testing.assert_close(with_residual(x) - without(x), x)


def test_the_residual_is_projected_where_the_widths_differ():
    x = torch.randn(2, 1, 3, 6)
    with_residual, without = layer(1), layer(1, residual=False)
    without.load_state_dict(with_residual.state_dict(), strict=False)
    expected = with_residual.shortcut.weight[:, 0, 0, 0][None, :, None, None] * x
    torch.testing.assert_close(with_residual(x) - without(x), expected)


def test_batch_normalisation_centres_each_channel_of_the_training_batch():
    y = layer(1, batch_norm=True, residual=False)(torch.randn(16, 1, 3, 6))
    torch.testing.assert_close(y.mean(dim=(0, 2, 3)), torch.zeros(8), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.std(dim=(0, 2, 3), correction=0), torch.ones(8), atol=5e-3, rtol=0)
