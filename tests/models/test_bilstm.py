"""The forward pass against the equations of the LSTM, with all loops written out."""

import numpy as np
import pytest
import torch

from gtzan_lightning.models import BiLSTM

RECIPE = {"lr": 0.1, "weight_decay": 0.0, "label_smoothing": 0.0, "mixup": 0.0, "feature_noise": 0.0}
EPSILON = 1e-5  # of torch's batch normalisation


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def lstm_direction(x, w_input, w_hidden, b_input, b_hidden):
    """Hidden states `(steps, hidden)` of one example `(steps, inputs)`; gates in torch's order i, f, g, o."""
    hidden = cell = np.zeros(w_hidden.shape[1])
    states = []
    for x_t in x:
        i, f, g, o = np.split(w_input @ x_t + b_input + w_hidden @ hidden + b_hidden, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        hidden = sigmoid(o) * np.tanh(cell)
        states.append(hidden)
    return np.stack(states)


def logits_by_hand(x, weights, num_layers, directions):
    """Logits of one example `(steps, features)` from the weights by name: step layer, LSTM, mean over steps, head."""
    scale = weights["enter.norm.weight"] / np.sqrt(weights["enter.norm.running_var"] + EPSILON)
    steps = (x @ weights["enter.linear.weight"].T - weights["enter.norm.running_mean"]) * scale
    steps = np.maximum(steps + weights["enter.norm.bias"], 0)
    for layer in range(num_layers):
        outputs = []
        for direction in directions:
            names = [f"lstm.{kind}_l{layer}{direction}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")]
            order = slice(None, None, -1) if direction else slice(None)
            outputs.append(lstm_direction(steps[order], *(weights[name] for name in names))[order])
        steps = np.concatenate(outputs, axis=1)
    pooled = np.concatenate([steps.mean(axis=0), np.sqrt(steps.var(axis=0) + 1e-6)])
    return weights["head.1.weight"] @ pooled + weights["head.1.bias"]


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("bidirectional", [True, False])
def test_the_logits_are_those_of_the_lstm_equations(num_layers, bidirectional):
    torch.manual_seed(0)
    model = BiLSTM(5, 3, 4, hidden_size=6, num_layers=num_layers, bidirectional=bidirectional, dropout=0.3, **RECIPE)
    model = model.double().eval()
    with torch.no_grad():
        for tensor in model.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.2, 1.5).mul_(torch.randn_like(tensor).sign() if tensor.ndim > 1 else 1)
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    x = torch.randn(7, 5, 3, dtype=torch.float64)
    directions = ("", "_reverse") if bidirectional else ("",)
    expected = [logits_by_hand(example, weights, num_layers, directions) for example in x.numpy()]
    np.testing.assert_allclose(model(x).detach().numpy(), expected, rtol=1e-9)
    assert weights["head.1.weight"].shape == (4, 2 * 6 * len(directions))
