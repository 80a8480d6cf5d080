"""The OOD score against scikit-learn's nearest neighbours."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import StandardScaler, normalize

from gtzan_lightning.evaluation import ood
from gtzan_lightning.evaluation.ood import OodScore, fit_ood

RNG = np.random.default_rng(0)
ROWS = (RNG.normal(size=(600, 4)) * [1, 2, 3, 40] + 1).astype(np.float32)
X = RNG.normal(size=(9, 4)).astype(np.float32)


def expected(rows, x):
    scaler = StandardScaler(with_mean=False).fit(rows)
    neighbours = NearestNeighbors(n_neighbors=5).fit(normalize(scaler.transform(rows)))
    return neighbours.kneighbors(normalize(scaler.transform(x)))[0][:, -1]


def test_distances_are_those_to_the_fifth_neighbour_in_scikit_learn():
    assert fit_ood(ROWS).distances(X) == pytest.approx(expected(ROWS, X), abs=1e-3)  # float32 cosines near 1


def test_a_large_training_part_is_subsampled(monkeypatch):
    monkeypatch.setattr(ood, "MAX_ROWS", 200)
    found = fit_ood(ROWS)
    assert len(found.rows) == 200
    kept = OodScore(normalize(ROWS[::3] / ROWS.std(axis=0)).astype(np.float32), ROWS.std(axis=0))
    assert found.distances(X) == pytest.approx(kept.distances(X))


def test_blocks_give_the_same_distances(monkeypatch):
    whole = fit_ood(ROWS).distances(X)
    monkeypatch.setattr(ood, "BLOCK_SLICES", 4)
    assert fit_ood(ROWS).distances(X) == pytest.approx(whole, abs=1e-6)


def test_a_track_has_the_median_of_its_slices():
    found = fit_ood(ROWS)
    distances = found.distances(ROWS[:5])
    want = [np.median(distances[[1, 4]]), np.median(distances[[0, 2, 3]])]
    assert ood.track_distances(distances, np.array([9, 4, 9, 9, 4])) == pytest.approx(want)


def test_constant_columns_zeros_and_few_rows_are_no_error():
    rows = np.array([[1, 0, 5], [2, 0, 5], [0, 0, 0]], np.float32)
    assert fit_ood(rows).distances(np.zeros((1, 3))) == pytest.approx([2**0.5])  # a zero is orthogonal to all


def test_the_checkpoint_form_round_trips():
    made = fit_ood(ROWS)
    found = OodScore(made.rows, made.deviation, 1.5, 30.0)
    again = OodScore.from_plain(found.plain())
    assert again.distances(X).tolist() == found.distances(X).tolist()
    assert (again.limit, again.least_s) == (1.5, 30.0)
    with pytest.raises(ValueError, match=r"\(600, 4\) representations and \(3,\) deviations"):
        OodScore.from_plain({**found.plain(), "deviation": np.ones(3)})
