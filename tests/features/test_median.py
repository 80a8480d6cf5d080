"""The running median equals SciPy's to the last bit for any shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import median_filter

from gtzan_lightning.features import median
from gtzan_lightning.features.median import TILE, median_network

SHAPES = [(1, 1, 1), (2, 14, 70), (1, 15, 64), (3, 16, 65), (1, 31, 1), (2, 33, 129), (1, 100, 200)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("where", ["kernel", "tensors"])
def test_equals_scipy(shape, where):
    rng = np.random.default_rng(0)
    for values in (rng.random(shape), rng.integers(0, 4, shape)):  # the second has many ties
        x = torch.from_numpy(values.astype(np.float32))
        if where == "kernel":
            got = median.median_along_rows(x)
        else:  # the implementation for GPUs
            got = median._median_on_device(x, median.mirrored_rows(shape[1]), median_network())
        np.testing.assert_array_equal(got.numpy(), median_filter(x.numpy(), size=(1, 31, 1), mode="reflect"))


def test_the_network_is_small():
    network = median_network()
    assert len(network.instructions) < 20 * TILE + 20  # about 21 comparators a median
    assert all(slot not in (a, b) for a, b, *results in network.instructions for slot in results)
