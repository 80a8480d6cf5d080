"""Validation folds of the tracks that are not test."""

import numpy as np
import pytest
import tiny

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.datamodule.assignment import SplitRule, assign_validation
from gtzan_lightning.datamodule.splits import split_tracks
from gtzan_lightning.errors import GtzanError

FOLDS = 3
CORPUS = tiny.corpus(
    genres=("blues", "jazz", "rock"),
    tracks=30,
    artist_group=lambda genre, number: f"{genre} {number // 3}",
    filtered_part=lambda _, number: ("train", "valid", "test")[number // 3 % 3],
)


def parts_of_folds(name):
    return [split_tracks(CORPUS, SplitRule(name, val_fold=fold, n_val_folds=FOLDS)) for fold in range(FOLDS)]


@pytest.mark.parametrize("name", ["grouped", "artist", "filtered"])
def test_every_track_outside_test_is_in_one_validation_fold(name):
    usual, folds = split_tracks(CORPUS, SplitRule(name)), parts_of_folds(name)
    times_validated = sum((parts == "val").astype(int) for parts in folds)
    assert np.array_equal(times_validated, (usual != "test").astype(int))
    for parts in folds:
        assert np.array_equal(parts == "test", usual == "test")


@pytest.mark.parametrize("name", ["grouped", "artist", "filtered"])
def test_folds_are_stratified_by_genre(name):
    labels = np.asarray(CORPUS.labels())
    for parts in parts_of_folds(name):
        for label in range(3):
            validated, usable = (
                ((parts == "val") & (labels == label)).sum(),
                ((parts != "test") & (labels == label)).sum(),
            )
            assert abs(validated - usable / FOLDS) <= 3  # an artist has three tracks


@pytest.mark.parametrize("name", ["artist", "filtered"])
def test_folds_keep_artists_whole(name):
    artists = np.asarray([track.artist_group for track in CORPUS.tracks])
    for parts in parts_of_folds(name):
        assert not set(artists[parts == "val"]) & set(artists[parts == "train"])


def test_tracks_of_unknown_artists_are_assigned_one_by_one():
    corpus = tiny.corpus(tracks=12, filtered_part=lambda _, number: "test" if number < 3 else "train")
    parts = split_tracks(corpus, SplitRule("filtered", val_fold=0, n_val_folds=3))
    assert (parts == "val").sum() == 6  # a third of 18


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["split.val_fold=0"], "val_fold and n_val_folds go together"),
        (["split.val_fold=3", "split.n_val_folds=3"], "validation folds are numbered 0 ... 2"),
        (
            ["split=leaky", "split.val_fold=0", "split.n_val_folds=3"],
            "split=leaky assigns slices, and validation folds are",
        ),
        (["split.manifest=x", "split.val_fold=0", "split.n_val_folds=3"], "a manifest has its own validation part"),
    ],
)
def test_invalid_combinations_are_refused(overrides, message):
    with pytest.raises(GtzanError, match=message):
        validate_config(compose(overrides))


@pytest.mark.parametrize("name", ["grouped", "artist"])
def test_the_split_seed_determines_the_validation_folds(name):
    """The test part is kept; `assign_validation` would give other folds with another seed."""
    parts = split_tracks(CORPUS, SplitRule(name))
    groups = np.asarray([track.artist_group for track in CORPUS.tracks])
    labels = np.asarray(CORPUS.labels())
    rules = [SplitRule(name, seed=seed, val_fold=0, n_val_folds=3) for seed in (0, 1)]
    folds = [assign_validation(parts, groups, labels, rule) for rule in rules]
    assert (folds[0] != folds[1]).any()
