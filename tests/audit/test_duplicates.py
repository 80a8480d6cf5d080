"""Copies are detected from features alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from audit import audit_inputs
from gtzan_lightning.audit import duplicates
from gtzan_lightning.audit.duplicates import find_duplicates, identical_tracks
from gtzan_lightning.corpus.loading import open_corpus
from gtzan_lightning.features.corpus_features import load_features
from gtzan_lightning.features.feature_request import FrameSettings


def pairs(made):
    return {(pair.one, pair.other): pair.identical for pair in find_duplicates(made.features)}


def test_unrelated_tracks_are_no_copies():
    assert find_duplicates(audit_inputs.audit_input().features) == []


def test_identical_and_near_copies_and_their_scale():
    made = audit_inputs.with_copy(audit_inputs.with_copy(audit_inputs.audit_input(), 2, 40), 7, 30, noise=0.05)
    assert pairs(made) == {(2, 40): True, (7, 30): False}
    other_units = audit_inputs.with_values(made, made.features.values * np.logspace(-6, 6, audit_inputs.COLUMNS))
    assert pairs(other_units) == {(2, 40): True, (7, 30): False}


def test_three_copies_of_one_sound_are_three_pairs():
    made = audit_inputs.with_copy(audit_inputs.with_copy(audit_inputs.audit_input(), 2, 40), 2, 30)
    assert pairs(made) == {(2, 30): True, (2, 40): True, (30, 40): True}


def test_a_missing_window_does_not_hide_an_identical_copy():
    features = audit_inputs.with_copy(audit_inputs.audit_input(), 2, 40).features
    kept = np.ones(len(features.values), bool)
    kept[np.flatnonzero(features.track_index == 40)[1]] = False
    kept[np.flatnonzero(features.track_index == 2)[3]] = False
    shorter = replace(
        features,
        values=features.values[kept],
        track_index=features.track_index[kept],
        start_s=features.start_s[kept],
    )
    assert identical_tracks(shorter) == [(2, 40)]


def test_shared_silence_is_no_copy():
    made = audit_inputs.audit_input()
    values = made.features.values.copy()
    values[np.flatnonzero(made.slices.start_s == 12.0)] = 0
    assert identical_tracks(audit_inputs.with_values(made, values).features) == []
    values = made.features.values.copy()
    values[[4, 9]] = 0
    assert identical_tracks(audit_inputs.with_values(made, values).features) == []


def test_many_silent_tracks_of_one_row_are_no_copies():
    features = audit_inputs.audit_input().features
    first = np.flatnonzero(features.start_s == 0)
    values = features.values[first].copy()
    values[:30] = 0
    short = replace(features, values=values, track_index=features.track_index[first], start_s=features.start_s[first])
    assert identical_tracks(short) == []
    values[2:30] = np.arange(1, 29)[:, None]
    assert identical_tracks(short) == [(0, 1)]


@pytest.fixture(scope="module")
def many_points():
    """3,000 points in groups, of which 30 have a copy close by, and a far one that is alone."""
    rng = np.random.default_rng(0)
    points = 2 * rng.normal(size=(10, 20)).repeat(300, axis=0) + rng.normal(size=(3000, 20))
    points[2970:] = points[:30] + 0.05 * rng.normal(size=(30, 20))
    points[100] = 50.0
    return points


def test_many_tracks_are_compared_within_cells(many_points, monkeypatch):
    exact = duplicates._near_pairs(many_points, duplicates.NEAR)
    assert [(one, other) for one, other, _ in exact] == [(one, one + 2970) for one in range(30)]
    monkeypatch.setattr(duplicates, "COMPARED_TRACKS", 1000)
    found = duplicates._near_pairs(many_points, duplicates.NEAR)
    assert [pair[:2] for pair in found] == [pair[:2] for pair in exact]
    assert found == duplicates._near_pairs(many_points, duplicates.NEAR)
    np.testing.assert_allclose([pair[2] for pair in found], [pair[2] for pair in exact], rtol=0.1)


def test_cells_contain_most_neighbours_and_never_the_point_itself(many_points, monkeypatch):
    distance, neighbour = duplicates._neighbours(many_points, 10)
    monkeypatch.setattr(duplicates, "COMPARED_TRACKS", 1000)
    near_distance, near = duplicates._neighbours(many_points, 10)
    assert (near != np.arange(3000)[:, None])[np.isfinite(near_distance)].all()
    common = np.mean([len(set(one) & set(other)) for one, other in zip(near, neighbour, strict=True)])
    assert common > 8
    assert (near_distance >= distance - 1e-6).all()


def test_more_identical_points_than_neighbours(monkeypatch):
    monkeypatch.setattr(duplicates, "COMPARED_TRACKS", 100)
    points = np.random.default_rng(0).normal(size=(2000, 5))
    points[:40] = 0
    distance, neighbour = duplicates._neighbours(points, 10)
    np.testing.assert_allclose(distance[:40], 0, atol=1e-6)
    assert (neighbour[:40] < 40).all()
    assert (neighbour != np.arange(2000)[:, None]).all()


def test_copies_near_the_border_of_a_cell_are_found(monkeypatch):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3000, 20))  # without groups, so that cells have no gap between them
    points[1500:] = points[:1500] + 0.1 * rng.normal(size=(1500, 20))
    monkeypatch.setattr(duplicates, "COMPARED_TRACKS", 1000)
    found = {pair[:2] for pair in duplicates._near_pairs(points, duplicates.NEAR)}
    assert found == {(one, one + 1500) for one in range(1500)}


def test_copies_of_one_sound_are_pairs_however_many_they_are():
    points = 10 * np.random.default_rng(0).normal(size=(200, 20))
    points[:15] = points[0]  # the distance of each to its tenth neighbour is the error of the search
    found = [pair[:2] for pair in duplicates._near_pairs(points, duplicates.NEAR)]
    assert {one for pair in found for one in pair} == set(range(15))
    assert min(np.bincount(np.ravel(found))) >= 10


@pytest.mark.gtzan
@pytest.mark.parametrize("compared", [duplicates.COMPARED_TRACKS, 100])
def test_the_real_table_has_its_known_copies_and_no_others(gtzan_root, tmp_path, monkeypatch, compared):
    monkeypatch.setattr(duplicates, "COMPARED_TRACKS", compared)
    corpus = open_corpus("gtzan", str(gtzan_root), source=None, features="stats", cache_dir=tmp_path, n_jobs=1)
    features = load_features(corpus, name="stats", window_s=30.0, settings=FrameSettings(), cache_dir=tmp_path)
    known = pd.read_csv(gtzan_root / "metadata.csv", dtype=str, keep_default_na=False).set_index("track_id")
    found = [tuple(corpus.tracks[index].track_id for index in (p.one, p.other)) for p in find_duplicates(features)]

    def same(column, pair):
        return known[column][pair[0]] != "" and known[column][pair[0]] == known[column][pair[1]]

    identical = [pair for pair in found if same("identical_group", pair)]
    further = [pair for pair in found if same("recording_group", pair) and pair not in identical]
    assert len(identical) == 14
    assert len(further) >= 12
    assert len(found) == len(identical) + len(further)
