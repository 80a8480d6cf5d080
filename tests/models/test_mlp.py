import torch

from gtzan_lightning.models import MLP

RECIPE = {"lr": 0.1, "weight_decay": 0.0, "label_smoothing": 0.0, "mixup": 0.0, "feature_noise": 0.0}


def test_the_logits_do_not_depend_on_the_order_of_the_steps():
    model = MLP(5, 7, 4, hidden_size=16, num_layers=2, dropout=0.0, **RECIPE).eval()
    x = torch.randn(3, 5, 7)
    torch.testing.assert_close(model(x), model(x[:, torch.randperm(5)]))


def test_the_logits_are_the_mean_of_those_of_each_step():
    model = MLP(5, 7, 4, hidden_size=16, num_layers=2, dropout=0.0, pooling=["mean"], **RECIPE).eval()
    x = torch.randn(3, 5, 7)
    each = torch.stack([model(x[:, step : step + 1]) for step in range(5)])
    torch.testing.assert_close(model(x), each.mean(dim=0))


def test_widths_are_halved_down_to_the_number_of_genres():
    model = MLP(1, 7, 10, hidden_size=32, num_layers=3, dropout=0.0, **RECIPE)
    assert [layer.linear.out_features for layer in model.layers] == [32, 16, 10]
