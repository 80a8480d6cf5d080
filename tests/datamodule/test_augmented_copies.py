"""Augmented copies of training tracks, used only in training."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from gtzan_lightning.datamodule.assignment import SplitRule
from gtzan_lightning.datamodule.augmented_copies import AugmentedSlices, check_genres, copies_per_track
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.datamodule.slices import slice_table
from gtzan_lightning.datamodule.splits import split_slices
from gtzan_lightning.errors import GtzanError

CORPUS = tiny.corpus(tracks=10)
FEATURES = tiny.features([4] * 20, n_features=3)
SLICES = slice_table(FEATURES, seconds=6)
PARTS = split_slices(CORPUS, SLICES, SplitRule("grouped"))
TRAINING = np.unique(SLICES.track_index[PARTS == "train"])
FAR = 1e4  # added to the values of an augmented copy, to recognise it


def copies_of(tracks):
    chosen = np.isin(FEATURES.track_index, tracks)
    features = replace(
        FEATURES,
        values=FEATURES.values[chosen] + FAR,
        track_index=FEATURES.track_index[chosen],
        start_s=FEATURES.start_s[chosen],
    )
    return AugmentedSlices(features, slice_table(features, seconds=6))


def datamodule(*augmented_copies, **options):
    return SliceDataModule(CORPUS, FEATURES, SLICES, PARTS, augmented_copies=augmented_copies, **options)


def unstandardised(data, loader):
    """Every example in the units of the features, `(examples, steps, features)`, its genres and tracks."""
    x, y, track = (torch.cat(tensors).numpy() for tensors in zip(*loader, strict=True))
    return x * data.standardisation.scale + data.standardisation.mean, y, track


def test_training_contains_originals_and_copies_with_the_labels_of_their_tracks():
    data = datamodule(copies_of(TRAINING), copies_of(TRAINING[:3]), batch_size=8)
    x, y, track = unstandardised(data, data.train_dataloader())
    is_copy = x[:, 0, 0] > FAR / 2
    assert data.augmented_slices == is_copy.sum() == 2 * (len(TRAINING) + 3)
    assert (~is_copy).sum() == (PARTS == "train").sum()
    assert set(track) == set(TRAINING)
    assert y.tolist() == [CORPUS.labels()[index] for index in track]
    for values, index in zip(x[is_copy] - FAR, track[is_copy], strict=True):
        own = FEATURES.values[FEATURES.track_index == index]
        assert np.abs(own - values[0]).max(axis=1).min() < 0.1  # a row of the same track
        np.testing.assert_allclose(values[1] - values[0], 1, atol=0.1)  # followed by the next one


def test_copies_are_in_no_other_loader():
    with_copies, plain = datamodule(copies_of(TRAINING)), datamodule()
    for name in ("val_dataloader", "test_dataloader", "predict_dataloader"):
        for ours, theirs in zip(getattr(with_copies, name)(), getattr(plain, name)(), strict=True):
            assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    for part in ("train", "val", "test"):
        assert with_copies.size(part) == plain.size(part)
        numbers, loader = with_copies.evaluation_loader(part)
        assert len(numbers) == plain.size(part)
        assert unstandardised(with_copies, loader)[0].max() < FAR / 2


def test_the_standardisation_is_fitted_to_the_originals():
    np.testing.assert_array_equal(
        datamodule(copies_of(TRAINING)).standardisation.mean, datamodule().standardisation.mean
    )
    np.testing.assert_array_equal(
        datamodule(copies_of(TRAINING)).standardisation.scale, datamodule().standardisation.scale
    )


@pytest.mark.parametrize("part", ["val", "test"])
def test_a_copy_of_a_track_of_another_part_is_refused(part):
    foreign = SLICES.track_index[np.flatnonzero(part == PARTS)[0]]
    with pytest.raises(GtzanError, match=r"(?s)those of 1 tracks have originals elsewhere.*split=grouped"):
        datamodule(copies_of([TRAINING[0], foreign]))


def test_a_copy_of_a_track_in_several_parts_is_refused():
    parts = PARTS.copy()
    parts[np.flatnonzero(SLICES.track_index == TRAINING[0])[0]] = "test"
    with pytest.raises(GtzanError, match="originals elsewhere"):
        SliceDataModule(CORPUS, FEATURES, SLICES, parts, augmented_copies=[copies_of(TRAINING)])


def test_number_of_copies_by_part_and_genre():
    wanted = copies_per_track(CORPUS, SLICES, PARTS, 2, {"rock": 1.5})
    genre_of = np.array([track.genre for track in CORPUS.tracks])
    assert wanted[TRAINING].tolist() == [{"blues": 2, "rock": 3}[genre] for genre in genre_of[TRAINING]]
    assert np.delete(wanted, TRAINING).tolist() == [0] * (20 - len(TRAINING))


@pytest.mark.parametrize(("factor", "expected"), [(0, 0), (0.4, 0), (0.5, 1), (1.4, 1), (1.5, 2), (3, 3)])
def test_counts_are_rounded_half_up(factor, expected):
    wanted = copies_per_track(CORPUS, SLICES, PARTS, 1, {"blues": factor})
    blues = [index for index in TRAINING if CORPUS.tracks[index].genre == "blues"]
    assert set(wanted[blues]) == {expected}


def test_a_strength_for_an_unknown_genre_is_refused():
    check_genres({"rock": 2.0}, CORPUS)
    with pytest.raises(GtzanError, match=r"(?s)names polka, and made-up has no such genre.*Its genres: blues, rock"):
        check_genres({"rock": 2.0, "polka": 2.0}, CORPUS)
