"""Standardisation of features."""

import numpy as np
import pytest
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from gtzan_lightning.datamodule import scaling
from gtzan_lightning.datamodule.scaling import Standardisation, used_steps


def test_equals_standard_scaler():
    values = np.random.default_rng(0).normal(3, [0.001, 1, 1e4], (200, 3))
    ours = Standardisation.fitted(values)
    theirs = StandardScaler().fit(values)
    np.testing.assert_allclose(ours.mean, theirs.mean_, rtol=1e-6)
    np.testing.assert_allclose(ours.scale, theirs.scale_, rtol=1e-6)
    np.testing.assert_allclose(ours.apply(values), theirs.transform(values), atol=1e-3)
    assert ours.apply(values.astype(np.float32)).dtype == np.float32


def test_a_constant_column_becomes_zero_and_stays_finite_where_it_changes():
    values = np.array([[66_149.0, 0.0, 1e-9], [66_149.0, 0.0, 3e-9]], np.float32)
    fitted = Standardisation.fitted(values)
    assert fitted.scale[:2].tolist() == [1.0, 1.0]
    assert fitted.apply(values)[:, :2].tolist() == [[0.0, 0.0]] * 2
    np.testing.assert_allclose(fitted.apply(values)[:, 2], [-1, 1], rtol=1e-5)  # small is not constant
    assert fitted.apply(np.array([[66_150.0, 5.0, 0.0]], np.float32))[0, :2].tolist() == [1.0, 5.0]


def test_rounding_noise_of_a_large_constant_is_ignored():
    values = np.full((1000, 1), 0.1, np.float32) * np.float32(1e6)
    values[::2] = np.nextafter(values[::2], np.float32(np.inf))
    assert Standardisation.fitted(values).scale.tolist() == [1.0]


def test_sums_are_in_double_precision():
    values = np.full((200_000, 1), 1e4, np.float32)
    values[::2] += 1
    np.testing.assert_allclose(Standardisation.fitted(values).mean, [10_000.5], rtol=1e-7)


def test_equals_quantile_transformer():
    rng = np.random.default_rng(0)
    training, other = np.exp(rng.normal(size=(5000, 3))), np.exp(1.5 * rng.normal(size=(700, 3)))
    ours = Standardisation.fitted(training, "quantile").apply(other)
    theirs = QuantileTransformer(n_quantiles=256, output_distribution="normal", subsample=None).fit(training)
    np.testing.assert_allclose(ours, theirs.transform(other).clip(-3.5, 3.5), atol=1e-6)


def test_quantile_scores_of_ties_and_constants():
    training = np.stack([np.repeat([0.0, 1.0, 2.0], 100), np.full(300, 66_149.0)], axis=1)
    scores = Standardisation.fitted(training, "quantile").apply(np.array([[1.0, 66_149.0], [9.0, 0.0]]))
    np.testing.assert_allclose(scores, [[0.0, 0.0], [3.5, 0.0]], atol=1e-6)  # the middle of ties; beyond the range


def test_quantile_scores_have_the_shape_of_the_values():
    training = np.random.default_rng(0).normal(size=(300, 4))
    fitted = Standardisation.fitted(training, "quantile")
    assert fitted.apply(training.reshape(100, 3, 4)).tolist() == fitted.apply(training).reshape(100, 3, 4).tolist()


@pytest.mark.parametrize("kind", ["standard", "quantile"])
@pytest.mark.parametrize("n_features", [2, 5])
def test_values_read_in_blocks_give_the_same_bits(monkeypatch, kind, n_features):
    values = np.random.default_rng(0).normal(3, 2, (1000, n_features)).astype(np.float32)
    rows = np.flatnonzero(np.arange(1000) % 3)
    mean, deviation = values[rows].mean(axis=0, dtype=np.float64), values[rows].std(axis=0, dtype=np.float64)
    whole = Standardisation.fitted(values, kind, rows)
    np.testing.assert_array_equal(whole.mean, mean.astype(np.float32))
    np.testing.assert_array_equal(whole.scale, deviation.astype(np.float32))
    if kind == "quantile":
        np.testing.assert_array_equal(
            whole.quantiles, np.quantile(values[rows], np.linspace(0, 1, 256), axis=0).astype(np.float64)
        )
    monkeypatch.setattr(scaling, "BLOCK_ROWS", 64)
    in_blocks = Standardisation.fitted(values, kind, rows)
    for name in ("mean", "scale", "quantiles"):
        np.testing.assert_array_equal(getattr(in_blocks, name), getattr(whole, name))


def test_the_used_steps_are_those_of_the_chosen_slices():
    step_index = np.array([[0, 1], [1, 2], [5, 6]])
    assert used_steps(step_index, np.array([True, True, False]), 8).tolist() == [0, 1, 2]
    assert used_steps(step_index, np.array([False, False, True]), 8).tolist() == [5, 6]
