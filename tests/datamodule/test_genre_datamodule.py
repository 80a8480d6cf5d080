"""The LightningDataModule over a small corpus."""

import numpy as np
import pytest
import tiny
import torch

from gtzan_lightning.datamodule.assignment import SplitRule
from gtzan_lightning.datamodule.augmentation import Masking
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.datamodule.slices import slice_table
from gtzan_lightning.datamodule.splits import split_slices

CORPUS = tiny.corpus(tracks=10, filtered_part=lambda _, n: ("train", "train", "valid", "test", "excluded")[n % 5])


def datamodule(rule="grouped", seconds=6, features=None, **options):
    features = tiny.features([4] * 20, n_features=3) if features is None else features
    slices = slice_table(features, seconds=seconds)
    return SliceDataModule(CORPUS, features, slices, split_slices(CORPUS, slices, SplitRule(rule)), **options)


def rows(loader):
    """First feature of the first step of every example, which identifies its row."""
    return [float(value) for x, _, _ in loader for value in x[:, 0, 0]]


def test_shapes_names_and_sizes():
    data = datamodule()
    assert data.shape == (2, 3)
    assert data.genres == ("blues", "rock")
    assert data.columns == ("f0", "f1", "f2")
    assert data.n_tracks == 20
    assert (data.size("train"), data.size("val"), data.size("test")) == (28, 4, 8)


def test_loaders_contain_the_parts_with_labels_and_tracks():
    data = datamodule(batch_size=8)
    for part, loader in (("train", data.train_dataloader()), ("val", data.val_dataloader()),
                         ("test", data.test_dataloader())):  # fmt: skip
        batches = list(loader)
        tracks = torch.cat([track for _, _, track in batches])
        labels = torch.cat([y for _, y, _ in batches])
        expected = data.slices.track_index[data.parts == part]
        assert sorted(tracks.tolist()) == sorted(expected.tolist())
        assert labels.tolist() == [CORPUS.labels()[track] for track in tracks]


def test_predict_loader_contains_every_slice_that_has_a_part_in_corpus_order():
    data = datamodule("filtered")
    tracks = [int(track) for _, _, batch in data.predict_dataloader() for track in batch]
    assert tracks == sorted(tracks)
    assert len(tracks) == len(data.kept) == 32  # of 40: a fifth is excluded
    assert data.slices.track_index[data.kept].tolist() == tracks


def test_standardisation_is_fitted_to_training_alone():
    plain = tiny.features([4] * 20, n_features=3)
    data = datamodule(features=plain)
    of_training = np.isin(plain.track_index, data.slices.track_index[data.parts == "train"])
    values = plain.values[of_training].astype(np.float64)
    np.testing.assert_allclose(data.standardisation.mean, values.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(data.standardisation.scale, values.std(axis=0), rtol=1e-6)

    changed = tiny.features([4] * 20, n_features=3)
    changed.values[~of_training] = 1e6
    again = datamodule(features=changed)
    np.testing.assert_array_equal(again.standardisation.mean, data.standardisation.mean)
    np.testing.assert_array_equal(again.standardisation.scale, data.standardisation.scale)
    assert sorted(rows(again.train_dataloader())) == sorted(rows(data.train_dataloader()))
    assert rows(again.test_dataloader()) != rows(data.test_dataloader())


def test_standardisation_ignores_windows_outside_slices():
    features = tiny.features([5] * 20)  # the fifth window is in no slice of two windows
    features.values[4::5] = 1e6
    assert (datamodule(features=features).standardisation.mean < 100).all()


def test_the_training_seed_determines_the_order_but_not_the_split():
    one, other = datamodule(seed=1), datamodule(seed=2)
    assert (one.parts == other.parts).all()
    assert rows(one.train_dataloader()) != rows(other.train_dataloader())
    assert rows(one.train_dataloader()) == rows(datamodule(seed=1).train_dataloader())
    assert rows(one.val_dataloader()) == rows(other.val_dataloader())


def test_masks_are_applied_in_training_alone():
    torch.manual_seed(0)
    features = tiny.features([4] * 20, n_features=30)
    masked, plain = datamodule(features=features, augment=Masking(feature_masks=2)), datamodule(features=features)
    assert any((x == 0).any() for x, _, _ in masked.train_dataloader())
    for loader in ("val_dataloader", "test_dataloader", "predict_dataloader"):
        assert rows(getattr(masked, loader)()) == rows(getattr(plain, loader)())


@pytest.mark.parametrize("seconds", [3, 6, 12])
def test_shapes_follow_the_slice(seconds):
    data = datamodule(seconds=seconds)
    x, y, track = next(iter(data.train_dataloader()))
    assert x.shape[1:] == data.shape == (seconds // 3, 3)
    assert len(x) == len(y) == len(track)
