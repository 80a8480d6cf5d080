import torch
from torch import nn

from gtzan_lightning.models.reslstm import ResidualLSTMLayer, ResLSTM


def test_a_layer_with_zero_lstm_weights_is_the_identity():
    layer = ResidualLSTMLayer(6, bidirectional=True, dropout=0.0)
    for parameter in layer.lstm.parameters():
        nn.init.zeros_(parameter)  # the candidate state is tanh(0), so the output is 0
    x = torch.randn(4, 5, 6)
    assert torch.equal(layer(x), x)


def test_a_layer_adds_the_lstm_of_its_normalised_input():
    layer = ResidualLSTMLayer(6, bidirectional=True, dropout=0.0)
    x = 5 + 3 * torch.randn(4, 5, 6)
    centred = x - x.mean(dim=2, keepdim=True)
    normalised = centred / (centred.square().mean(dim=2, keepdim=True) + 1e-5).sqrt()
    torch.testing.assert_close(layer(x) - x, layer.lstm(normalised)[0], atol=1e-5, rtol=1e-5)


def test_the_input_reaches_the_head_of_a_deep_model_with_zero_lstm_weights():
    recipe = {"lr": 0.1, "weight_decay": 0.0, "label_smoothing": 0.0, "mixup": 0.0, "feature_noise": 0.0}
    model = ResLSTM(3, 5, 4, hidden_size=8, num_layers=6, bidirectional=True, dropout=0.0, **recipe)
    for layer in model.layers:
        if isinstance(layer, ResidualLSTMLayer):
            for parameter in layer.lstm.parameters():
                nn.init.zeros_(parameter)
    one, two = model(torch.randn(2, 3, 5))
    assert (one - two).abs().max() > 0.01
