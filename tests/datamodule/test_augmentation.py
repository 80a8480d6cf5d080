"""Masks of steps and features, and augmented copies of training tracks, used only in training."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch
from torchaudio.functional import mask_along_axis_iid

from gtzan_lightning.datamodule.assignment import SplitRule
from gtzan_lightning.datamodule.augmentation import (
    AugmentedSlices,
    Masking,
    check_genres,
    copies_per_track,
    mask_stretch,
)
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.datamodule.slices import slice_table
from gtzan_lightning.datamodule.splits import split_slices
from gtzan_lightning.errors import GtzanError

ONES = torch.ones(64, 20, 30)
GENRES = torch.arange(64) % 2


def masked_ranges(line):
    """Lengths of the runs of zeros in a boolean line."""
    return [len(run) for run in "".join("0" if value == 0 else "1" for value in line.tolist()).split("1") if run]


def test_no_masks_leave_the_batch_unchanged():
    assert Masking()(ONES, GENRES) is ONES


def test_steps_are_masked_up_to_the_longest_range():
    torch.manual_seed(0)
    masked = Masking(time_masks=1, time_mask_share=0.25)(ONES, GENRES)
    assert masked.shape == ONES.shape
    assert ((masked.mean(dim=2) == 0) | (masked.mean(dim=2) == 1)).all()  # a step is masked as a whole
    lengths = [masked_ranges(example[:, 0]) for example in masked]
    assert max(len(found) for found in lengths) == 1
    longest = max(length for found in lengths for length in found)
    assert longest == 5  # a quarter of 20
    assert len({tuple(example[:, 0].tolist()) for example in masked}) > 20  # masks differ between examples


def test_neighbouring_features_are_masked_over_all_steps():
    torch.manual_seed(0)
    masked = Masking(feature_masks=2, feature_mask_share=0.1)(ONES, GENRES)
    assert ((masked.mean(dim=1) == 0) | (masked.mean(dim=1) == 1)).all()
    counts = [len(masked_ranges(example[0])) for example in masked]
    assert max(counts) == 2
    assert float((masked == 0).float().mean()) < 2 * 0.1


def test_the_batch_itself_is_not_changed():
    x = ONES.clone()
    Masking(time_masks=2, feature_masks=2)(x, GENRES)
    assert (x == 1).all()


def test_masks_are_reproducible():
    masking = Masking(time_masks=2, feature_masks=2)
    results = []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        results.append(masking(ONES, GENRES))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


@pytest.mark.parametrize("steps", [1, 2])
def test_the_shortest_sequences(steps):
    torch.manual_seed(0)
    assert Masking(time_masks=2, feature_masks=2)(torch.ones(8, steps, 5), GENRES[:8]).shape == (8, steps, 5)


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("longest", [0, 3, 12])
def test_masks_equal_those_of_torchaudio(axis, longest):
    x = torch.randn(64, 20, 30)
    torch.manual_seed(1)
    ours = mask_stretch(x, axis, torch.full((64,), longest))
    torch.manual_seed(1)
    theirs = mask_along_axis_iid(x.unsqueeze(1), longest + 1, 0.0, axis + 1).squeeze(1)
    assert torch.equal(ours, theirs)


def test_each_genre_has_its_own_strength():
    torch.manual_seed(0)
    x, y = ONES.repeat(10, 1, 1), GENRES.repeat(10)
    masked = Masking(time_masks=1, time_mask_share=0.2, genre_strength=(0.5, 2.0))(x, y)
    longest = [max(run for example in masked[y == genre] for run in masked_ranges(example[:, 0])) for genre in (0, 1)]
    assert longest == [2, 8]  # of 20 steps: a fifth, halved and doubled


def test_strength_of_zero_and_excessive_strength():
    torch.manual_seed(0)
    masked = Masking(time_masks=1, feature_masks=1, genre_strength=(0.0, 100.0))(ONES, GENRES)
    assert (masked[GENRES == 0] == 1).all()
    assert (masked[GENRES == 1] == 0).any()


def test_a_strength_of_one_is_the_default():
    results = []
    for strength in ((), (1.0, 1.0)):
        torch.manual_seed(0)
        results.append(Masking(time_masks=1, feature_masks=2, genre_strength=strength)(ONES, GENRES))
    assert torch.equal(*results)


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
