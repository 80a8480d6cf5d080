"""Statistics over the steps of an example."""

import numpy as np
import pytest
import torch

from gtzan_lightning.models import MLP, BiLSTM, ConvLSTM, ResLSTM
from gtzan_lightning.models.estimators import Estimator
from gtzan_lightning.models.layers import StepPooling


def test_statistics_by_hand():
    x = torch.tensor([[[1.0, 0.0], [4.0, 0.0], [1.0, 0.0], [2.0, 0.0]]])
    pooled = StepPooling(["mean", "std", "diff"], 4)(x)
    assert pooled[0, ::2].tolist() == pytest.approx([2.0, np.sqrt(6 / 4), 7 / 3], rel=1e-5)
    assert pooled[0, 1::2].tolist() == pytest.approx([0.0, 1e-3, 0.0])  # a constant: the root of the smallest variance


@pytest.mark.parametrize("statistics", [["mean", "std"], ["diff"]])
def test_a_single_step_is_returned_as_it_is(statistics):
    assert StepPooling(statistics, 1)(torch.tensor([[[3.0, 5.0]]])).tolist() == [[3, 5]]


def test_a_constant_has_finite_gradients():
    x = torch.ones(2, 3, 4, requires_grad=True)
    StepPooling(["std", "diff"], 3)(x).sum().backward()
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("statistics", [[], ["mean", "mean"], ["median"]])
def test_other_statistics_are_refused(statistics):
    with pytest.raises(ValueError, match=r"should be one or more of mean, std, diff, each once"):
        StepPooling(statistics, 3)


@pytest.mark.parametrize("model", [MLP, BiLSTM, ResLSTM, ConvLSTM])
def test_every_network_pools(model):
    torch.manual_seed(0)
    network = model(4, 6, 3, hidden_size=8, pooling=["mean", "std", "diff"]).eval()
    x = torch.randn(5, 4, 6)
    assert network(x).shape == (5, 3)
    assert not torch.allclose(network(x), network(x[:, [0, 2, 1, 3]]))  # `diff` depends on the order


def test_an_estimator_gets_scaled_statistics():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(60, 5, 2)).astype(np.float32))
    y = torch.arange(60) % 3
    model = Estimator(5, 2, 3, estimator=LogisticRegression(), pooling=["mean", "std", "diff"])
    model.fit(x, y)
    steps = x.numpy()
    want = np.concatenate([steps.mean(1), steps.std(1), np.abs(np.diff(steps, axis=1)).mean(1)], axis=1)
    want /= want.std(axis=0)
    reference = LogisticRegression().fit(want, y)
    probabilities = model(x).softmax(dim=1).detach()
    np.testing.assert_allclose(probabilities, reference.predict_proba(want), atol=2e-3)  # tolerance of the solver
