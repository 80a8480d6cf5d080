"""The representation in front of the last linear layer."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from gtzan_lightning.models import MLP, BiLSTM, ConvLSTM, ResLSTM
from gtzan_lightning.models.base import Network
from gtzan_lightning.models.embedding import embed
from gtzan_lightning.models.estimators import Estimator

X = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("make", [MLP, BiLSTM, ResLSTM, ConvLSTM])
def test_the_last_layer_maps_it_to_the_logits(make):
    model = make(3, 6, 5).eval()
    head = model.head if isinstance(model.head, nn.Linear) else model.head[-1]
    with torch.inference_mode():
        torch.testing.assert_close(head(embed(model, X)), model(X))


def test_the_network_of_a_user_with_the_head_on_each_step():
    network = nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 5))  # two layers with an output per genre

    class Averaged(nn.Module):
        def __init__(self):
            super().__init__()
            self.network = network

        def forward(self, x):
            return self.network(x).mean(dim=1)

    got = embed(Network(3, 6, 5, network=Averaged()).eval(), X)
    torch.testing.assert_close(got, network[:2](X).mean(dim=1))


def test_a_model_without_such_a_layer_gives_the_mean_of_the_steps():
    model = Estimator(3, 6, 5, estimator=LogisticRegression())
    model.fit(X.repeat(5, 1, 1), torch.arange(20) % 5)
    torch.testing.assert_close(embed(model, X), X.mean(dim=1))


def test_no_hook_remains():
    model = MLP(3, 6, 5).eval()
    embed(model, X)
    assert not any(each._forward_pre_hooks for each in model.modules())
