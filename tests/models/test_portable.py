"""The export form gives the same numbers as training's scaling, scikit-learn and SciPy."""

import numpy as np
import pytest
import torch
from scipy.special import ndtri, softmax
from sklearn.preprocessing import QuantileTransformer

from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.models.portable import NormalScores, PortableModel, normal_quantile

from .test_base_all_models import build


def test_the_normal_quantile_is_scipys():
    p = np.concatenate([np.linspace(1e-9, 1 - 1e-9, 100_001), [0.075, 0.925, 0.5, 1e-10]])
    np.testing.assert_allclose(normal_quantile(torch.from_numpy(p)).numpy(), ndtri(p), rtol=1e-9, atol=1e-14)
    beyond = normal_quantile(torch.tensor([0.0, 1.0], dtype=torch.float64))
    assert beyond[0] < -6
    assert beyond[1] > 6


def awkward_features(rows, seed):
    """Heavy tails, ties, few distinct values, tiny and huge scales, a constant."""
    rng = np.random.default_rng(seed)
    columns = [
        rng.lognormal(8, 2, rows), rng.normal(0, 1e-6, rows), rng.integers(0, 5, rows),
        np.round(rng.normal(size=rows), 1), np.full(rows, 66_149.0),
    ]  # fmt: skip
    return np.stack(columns, axis=1).astype(np.float32)


def test_normal_scores_are_those_of_training_and_of_scikit_learn():
    fitted, new = awkward_features(2_000, 0), awkward_features(400, 1)
    new[:3] = [[-1e9] * 5, [1e9] * 5, fitted[0]]
    scale = Standardisation.fitted(fitted, "quantile")
    scores = NormalScores(torch.from_numpy(scale.quantiles))(torch.from_numpy(new.reshape(100, 4, 5))).numpy()
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, scale.apply(new.reshape(100, 4, 5)), atol=1e-6)
    reference = QuantileTransformer(n_quantiles=256, output_distribution="normal", subsample=None).fit(fitted)
    distinct = [0, 1, 3]  # scikit-learn maps ties of the lowest value, and constants, to the lower end
    expected = reference.transform(new)[:, distinct].clip(-3.5, 3.5)
    np.testing.assert_allclose(scores.reshape(400, 5)[:, distinct], expected, atol=1e-5)
    assert (scores[..., 4] == 0).all()


@pytest.mark.parametrize("scaling", ["standard", "quantile"])
@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_raw_features_become_temperature_scaled_probabilities(scaling, temperature):
    x = awkward_features(600, 2).reshape(200, 3, 5)
    scale = Standardisation.fitted(x.reshape(-1, 5), scaling)
    model = build("lstm", 3, 5, genres=4).eval()
    with torch.inference_mode():
        logits = model(torch.from_numpy(scale.apply(x))).double().numpy()
        found = PortableModel(model, scale, temperature)(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(found, softmax(logits / temperature, axis=1), atol=1e-6)


def test_a_portable_model_is_in_evaluation_mode():
    model = build("mlp", 1, 5, genres=4, dropout=0.5).train()
    assert not any(module.training for module in PortableModel(model, Standardisation.fitted(np.eye(5))).modules())
