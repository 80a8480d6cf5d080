"""Order and sizes of batches."""

from dataclasses import replace

import numpy as np
import pytest
import tiny
import torch

from gtzan_lightning.datamodule import examples as examples_module
from gtzan_lightning.datamodule.examples import BatchList, BatchLoader, EpochOrder, Examples, ListLoader, scale_examples
from gtzan_lightning.datamodule.slices import slice_table


def order_of(epoch, **options):
    order = EpochOrder(torch.arange(10, 110), **{"seed": 0, **options})
    order.set_epoch(epoch)
    return order.numbers().tolist()


def test_the_order_depends_on_seed_and_epoch_alone():
    torch.manual_seed(1)
    first = order_of(3)
    torch.manual_seed(2)
    assert order_of(3) == first
    assert len({tuple(order_of(epoch, seed=seed)) for epoch in range(3) for seed in range(3)}) == 9
    assert sorted(first) == list(range(10, 110))


def test_without_a_seed_the_order_is_the_given_one():
    assert order_of(5, seed=None) == list(range(10, 110))


@pytest.mark.parametrize("world_size", [2, 3, 7])
def test_processes_share_an_epoch_without_overlap_except_padding(world_size):
    shares = [order_of(1, rank=rank, world_size=world_size) for rank in range(world_size)]
    assert {len(share) for share in shares} == {-(-100 // world_size)}
    together = [number for share in shares for number in share]
    assert set(together) == set(range(10, 110))
    assert len(together) - 100 == -100 % world_size


def loader(count, batch_size, seed=0):
    examples = Examples(
        values=torch.arange(2 * count, dtype=torch.float32).reshape(count, 2),
        step_index=torch.stack([torch.arange(count), torch.arange(count).flip(0)], dim=1),
        label=torch.arange(count) % 3,
        track=torch.arange(count) // 2,
    )
    return BatchLoader(examples, EpochOrder(torch.arange(count), seed), batch_size)


def test_a_batch_consists_of_steps_labels_and_tracks():
    x, y, track = next(iter(loader(4, 3, seed=None)))
    assert x.tolist() == [[[0, 1], [6, 7]], [[2, 3], [4, 5]], [[4, 5], [2, 3]]]
    assert y.tolist() == [0, 1, 2]
    assert track.tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("count", "batch_size", "seed", "sizes"),
    [
        (10, 4, 0, [4, 4, 2]),
        (9, 4, 0, [4, 4]),  # a last batch of one is dropped: batch normalisation needs two
        (9, 4, None, [4, 4, 1]),  # evaluation uses every slice
        (8, 4, 0, [4, 4]),
        (1, 4, 0, [1]),  # the only batch
        (3, 4, 0, [3]),
    ],
)
def test_sizes_of_batches(count, batch_size, seed, sizes):
    batches = loader(count, batch_size, seed)
    assert [len(y) for _, y, _ in batches] == sizes
    assert len(batches) == len(sizes)


def test_the_dropped_example_changes_between_epochs():
    batches = loader(9, 4)
    dropped = set()
    for epoch in range(30):
        batches.sampler.set_epoch(epoch)
        present = {int(value) for x, _, _ in batches for value in x[:, 0, 0] / 2}
        dropped |= set(range(9)) - present
    assert len(dropped) > 5


def test_augmentation_leaves_the_examples_unchanged():
    examples = loader(4, 4).examples
    changed = BatchLoader(examples, EpochOrder(torch.arange(4), None), 4, augment=lambda x, _: x + 100)
    assert float(next(iter(changed))[0].min()) == 100.0
    assert float(examples.values.min()) == 0.0


@pytest.mark.parametrize("scaling", ["standard", "quantile"])
def test_mapped_examples_stay_on_disk_and_give_the_same_batches(tmp_path, monkeypatch, scaling):
    features = tiny.features([6] * 20)
    corpus, slices = tiny.corpus(), slice_table(features, seconds=6.0)
    parts = np.where(slices.track_index % 3 == 0, "val", "train")
    np.save(tmp_path / "values.npy", features.values)
    mapped = replace(features, values=np.load(tmp_path / "values.npy", mmap_mode="r"))
    arguments = (slices, parts, scaling)
    in_memory = scale_examples(corpus, features, *arguments)
    assert scale_examples(corpus, mapped, *arguments).examples.scale is None  # small ones are read
    monkeypatch.setattr(examples_module, "MAPPED_BYTES", 0)
    on_disk = scale_examples(corpus, mapped, *arguments).examples
    assert on_disk.values.data_ptr() == mapped.values.ctypes.data
    chosen = torch.tensor([5, 0, 7])
    for one, other in zip(in_memory.examples.batch(chosen), on_disk.batch(chosen), strict=True):
        assert torch.equal(one, other)
    twice = Examples.concatenated([on_disk, on_disk])
    assert torch.equal(twice.values[: len(on_disk.values)], in_memory.examples.values)


def test_the_batches_of_a_list_are_made_when_they_are_used():
    used = []
    lists = ListLoader(loader(10, 2, seed=None), 3)
    lists.loader.augment = lambda x, y: used.append(y.tolist()) or x
    sizes = []
    for batches in lists:
        assert isinstance(batches, BatchList)
        sizes.append(len(batches))
        for number, _ in enumerate(batches, start=len(used) + 1):
            assert len(used) == number
    assert (len(lists), sizes, len(used)) == (2, [3, 2], 5)
