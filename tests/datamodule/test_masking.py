"""Masks of steps and features."""

import pytest
import torch
from torchaudio.functional import mask_along_axis_iid

from gtzan_lightning.datamodule.masking import Masking, mask_stretch

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
