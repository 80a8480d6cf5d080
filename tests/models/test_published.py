"""The published networks have the sizes given in the study."""

import torch
from torch import nn

from gtzan_lightning.models import PublishedLSTM, PublishedMLP

RECIPE = {"lr": 0.001, "weight_decay": 0.0, "label_smoothing": 0.0, "mixup": 0.0, "feature_noise": 0.0}


def parameters(model):
    return sum(parameter.numel() for parameter in model.parameters())


def test_the_mlp_has_one_hidden_layer():
    model = PublishedMLP(1, 58, 10, hidden_size=256, num_layers=1, dropout=0.2, **RECIPE).eval()
    assert parameters(model) == (58 + 1) * 256 + (256 + 1) * 10
    x = torch.randn(4, 1, 58)
    plain = nn.Sequential(model.layers[0], nn.ReLU(), model.head)
    torch.testing.assert_close(model(x), plain(x[:, 0]))


def test_the_lstm_uses_its_output_at_the_last_step():
    model = PublishedLSTM(10, 58, 10, hidden_size=64, num_layers=2, bidirectional=False, dropout=0.2, **RECIPE).eval()
    one_layer = [4 * 64 * (inputs + 64 + 2) for inputs in (58, 64)]
    assert parameters(model) == sum(one_layer) + (64 + 1) * 64 + (64 + 1) * 10
    x = torch.randn(4, 10, 58)
    _, (hidden, _) = model.lstm(x)
    torch.testing.assert_close(model(x), model.head(hidden[-1]))
