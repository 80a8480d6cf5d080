"""Running medians along one axis, mirrored at the ends, as scipy.ndimage.median_filter(mode="reflect") has them."""

from __future__ import annotations

from functools import lru_cache

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.features.selection import TILE, WINDOW, SelectionNetwork, median_network

LANES = 112  # columns that a kernel takes at once: the slots then fit into 32 KiB; no power of two: no cache conflicts


def median_along_rows(values: torch.Tensor) -> torch.Tensor:
    """Running median of 31 rows, for each column by itself.

    Args:
        values: `(batch, rows, columns)` float32, contiguous.

    Returns:
        `(batch, rows, columns)`: the median of the rows `i - 15 .. i + 15`.
    """
    rows = mirrored_rows(values.shape[1])
    if values.device.type != "cpu":
        return _on_device(values, rows, median_network())
    out = torch.empty_like(values)
    _kernel(values.numpy(), rows, *network_arrays(), out.numpy())
    return out


@lru_cache(maxsize=64)
def mirrored_rows(n_rows: int) -> NDArray[np.int64]:
    """Row that stands at each position from `-(WINDOW // 2)` on, `(rows up to whole tiles + window - 1,)`."""
    positions = np.arange(-(WINDOW // 2), -(-n_rows // TILE) * TILE + WINDOW // 2)
    folded = np.mod(positions, 2 * n_rows)
    return np.where(folded < n_rows, folded, 2 * n_rows - 1 - folded)


@lru_cache(maxsize=1)
def network_arrays() -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Instructions, slots of the results and number of slots, for kernels."""
    network = median_network()
    return np.array(network.instructions), np.array(network.output_slots), network.n_slots


@numba.njit(cache=True, nogil=True)
def median_tile(slots: NDArray[np.float32], instructions: NDArray[np.int64]) -> None:
    """Runs the network on all columns of `slots`, `(n_slots, LANES)`."""
    for step in range(len(instructions)):
        a, b = slots[instructions[step, 0]], slots[instructions[step, 1]]
        low, high = slots[instructions[step, 2]], slots[instructions[step, 3]]
        for j in range(LANES):
            x, y = a[j], b[j]
            low[j] = x if x < y else y
            high[j] = y if x < y else x


@numba.njit(cache=True, nogil=True)
def _kernel(
    values: NDArray[np.float32],
    rows: NDArray[np.int64],
    instructions: NDArray[np.int64],
    output_slots: NDArray[np.int64],
    n_slots: int,
    out: NDArray[np.float32],
) -> None:
    n_batch, n_rows, n_columns = values.shape
    slots = np.zeros((n_slots, LANES), values.dtype)
    for item in range(n_batch):
        for left in range(0, n_columns, LANES):
            width = min(LANES, n_columns - left)
            for top in range(0, n_rows, TILE):
                for i in range(WINDOW + TILE - 1):
                    row = rows[top + i]
                    for j in range(width):
                        slots[i, j] = values[item, row, left + j]
                median_tile(slots, instructions)
                for i in range(min(TILE, n_rows - top)):
                    slot = output_slots[i]
                    for j in range(width):
                        out[item, top + i, left + j] = slots[slot, j]


def _on_device(values: torch.Tensor, rows: NDArray[np.int64], network: SelectionNetwork) -> torch.Tensor:
    """The same network on whole tensors, one value a tile and column, for devices with thousands of lanes."""
    n_rows = values.shape[1]
    mirrored = values[:, torch.from_numpy(rows).to(values.device)]
    tiles = (mirrored.shape[1] - network.n_inputs) // TILE + 1
    slots: list[torch.Tensor] = [mirrored[:, i : i + TILE * (tiles - 1) + 1 : TILE] for i in range(network.n_inputs)]
    slots += slots[:1] * (network.n_slots - network.n_inputs)
    for a, b, low, high in network.instructions:
        first, second = slots[a], slots[b]
        slots[low], slots[high] = torch.minimum(first, second), torch.maximum(first, second)
    medians = torch.stack([slots[slot] for slot in network.output_slots], dim=2)  # (batch, tiles, TILE, columns)
    return medians.flatten(1, 2)[:, :n_rows]
