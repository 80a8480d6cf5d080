"""Running medians of 31 values by a selection network, and the median of the last dimension.

The running median equals scipy.ndimage.median_filter(mode="reflect") along one axis. SciPy's filter is far slower and
has no GPU version; the network of minima and maxima computes 16 neighbouring medians at once, for many columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.utils.caching import compiled

WINDOW = 31  # values of one median: the usual kernel of harmonic-percussive separation
TILE = 16  # medians computed by one pass of the network; its windows have as many values in common
N_INPUTS = WINDOW + TILE - 1  # neighbouring values read by one pass
LANES = 112  # columns processed together: the slots fit into 32 KiB; not a power of two, to avoid cache conflicts

Line = int | None  # number of a value; None is plus infinity, which pads lists to powers of two


def median_of_last_dim(values: torch.Tensor) -> torch.Tensor:
    """Median of the last dimension as numpy.median: the mean of the two middle values of an even number.

    On the CPU by numpy, whose partition is three times faster than a sort.
    """
    if values.device.type == "cpu":
        return torch.from_numpy(np.asarray(np.median(values.numpy(), axis=-1)))
    return (values.median(dim=-1).values - (-values).median(dim=-1).values) / 2


def median_along_rows(values: torch.Tensor) -> torch.Tensor:
    """Running median of 31 rows, separately for each column.

    Args:
        values: `(batch, rows, columns)` float32, contiguous.

    Returns:
        `(batch, rows, columns)`, the median of the rows `i - 15 .. i + 15`, mirrored at the ends.
    """
    rows = mirrored_rows(values.shape[1])
    if values.device.type != "cpu":
        return _median_on_device(values, rows, median_network())
    out = torch.empty_like(values)
    _median_kernel(values.numpy(), rows, *network_arrays(), out.numpy())
    return out


@lru_cache(maxsize=64)
def mirrored_rows(n_rows: int) -> NDArray[np.int64]:
    """Row index at each position from `-(WINDOW // 2)` on, mirrored at the ends: `(whole tiles + WINDOW - 1,)`."""
    positions = np.arange(-(WINDOW // 2), -(-n_rows // TILE) * TILE + WINDOW // 2)
    folded = np.mod(positions, 2 * n_rows)
    return np.where(folded < n_rows, folded, 2 * n_rows - 1 - folded)


@lru_cache(maxsize=1)
def network_arrays() -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Instructions, slots of the medians and number of slots, as arguments of compiled kernels."""
    network = median_network()
    return np.array(network.instructions), np.array(network.output_slots), network.n_slots


@compiled()
def median_tile(slots: NDArray[np.float32], instructions: NDArray[np.int64]) -> None:
    """Runs the network on all columns of `slots`, `(n_slots, LANES)`."""
    for step in range(len(instructions)):
        a, b = slots[instructions[step, 0]], slots[instructions[step, 1]]
        low, high = slots[instructions[step, 2]], slots[instructions[step, 3]]
        for j in range(LANES):
            x, y = a[j], b[j]
            low[j] = x if x < y else y
            high[j] = y if x < y else x


@compiled()
def _median_kernel(
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
                for i in range(N_INPUTS):
                    row = rows[top + i]
                    for j in range(width):
                        slots[i, j] = values[item, row, left + j]
                median_tile(slots, instructions)
                for i in range(min(TILE, n_rows - top)):
                    slot = output_slots[i]
                    for j in range(width):
                        out[item, top + i, left + j] = slots[slot, j]


def _median_on_device(values: torch.Tensor, rows: NDArray[np.int64], network: SelectionNetwork) -> torch.Tensor:
    """The same network on tensors with one value per tile and column, for GPUs."""
    n_rows = values.shape[1]
    mirrored = values[:, torch.from_numpy(rows).to(values.device)]
    tiles = (mirrored.shape[1] - N_INPUTS) // TILE + 1
    slots: list[torch.Tensor] = [mirrored[:, i : i + TILE * (tiles - 1) + 1 : TILE] for i in range(N_INPUTS)]
    slots += slots[:1] * (network.n_slots - N_INPUTS)
    for a, b, low, high in network.instructions:
        first, second = slots[a], slots[b]
        slots[low], slots[high] = torch.minimum(first, second), torch.maximum(first, second)
    medians = torch.stack([slots[slot] for slot in network.output_slots], dim=2)  # (batch, tiles, TILE, columns)
    return medians.flatten(1, 2)[:, :n_rows]


@dataclass(frozen=True)
class SelectionNetwork:
    """A sequence of instructions on numbered slots: `slot[low] = min(slot[a], slot[b])`, `slot[high] = max(...)`.

    An instruction never writes to a slot that it reads. Unused results are written to the last slot.
    """

    instructions: tuple[tuple[int, int, int, int], ...]  # (a, b, low, high); the inputs are in slots 0, 1, ...
    output_slots: tuple[int, ...]  # slots of the TILE medians
    n_slots: int  # including the slot of unused results


@dataclass
class _Builder:
    """Collects comparators in single-assignment form: every result has its own number."""

    n_values: int
    comparators: list[tuple[int, int, int, int]] = field(default_factory=list)

    def compare(self, a: Line, b: Line) -> tuple[Line, Line]:
        if a is None or b is None:
            return (b, None) if a is None else (a, None)
        low, high = self.n_values, self.n_values + 1
        self.n_values += 2
        self.comparators.append((a, b, low, high))
        return low, high

    def merge(self, xs: list[Line], ys: list[Line]) -> list[Line]:
        """Batcher's odd-even merge of two sorted lists of equal length, a power of two."""
        if len(xs) == 1:
            return list(self.compare(xs[0], ys[0]))
        even, odd = self.merge(xs[::2], ys[::2]), self.merge(xs[1::2], ys[1::2])
        merged = [even[0]]
        for left, right in zip(odd[:-1], even[1:], strict=True):
            merged.extend(self.compare(left, right))
        return [*merged, odd[-1]]

    def sort(self, xs: list[Line]) -> list[Line]:
        if len(xs) == 1:
            return xs
        half = len(xs) // 2
        return self.merge(self.sort(xs[:half]), self.sort(xs[half:]))

    def merge_any(self, xs: list[Line], ys: list[Line]) -> list[Line]:
        """Merge of two sorted lists of any length."""
        size = 1 << (max(len(xs), len(ys)) - 1).bit_length()
        padded = [list_ + [None] * (size - len(list_)) for list_ in (xs, ys)]
        return self.merge(*padded)[: len(xs) + len(ys)]


@lru_cache(maxsize=1)
def median_network() -> SelectionNetwork:
    """The selection network; construction takes a millisecond."""
    builder = _Builder(n_values=N_INPUTS)
    core = builder.sort(list(range(TILE - 1, WINDOW)))
    medians = _descend(builder, core, first=0, count=TILE, known=TILE)
    return _allocate(_prune(builder.comparators, medians), medians)


def _descend(builder: _Builder, middle: list[Line], first: int, count: int, known: int) -> list[int]:
    """Medians of the windows `first .. first + count - 1`, which have `known` sorted values in common.

    `middle` holds, sorted, those of the common values that can still be the median.
    """
    if count == 1:
        (median,) = middle
        assert median is not None
        return [median]
    half = count // 2
    dropped_below = max(0, known - WINDOW // 2 - 1)  # common values certainly below the median
    lowest = max(0, known + half - WINDOW // 2 - 1) - dropped_below
    highest = WINDOW // 2 - dropped_below
    medians: list[int] = []
    # each half of the windows has `half` further values in common, before the known ones or after them
    for start, begin in ((first, first + half - 1), (first + half, first + WINDOW)):
        merged = builder.merge_any(middle, builder.sort(list(range(begin, begin + half))))
        medians += _descend(builder, merged[lowest : highest + 1], start, half, known + half)
    return medians


def _prune(comparators: list[tuple[int, int, int, int]], outputs: list[int]) -> list[tuple[int, int, int, int]]:
    """Removes comparators that no output depends on; a single unused result becomes -1."""
    needed = set(outputs)
    kept = []
    for a, b, low, high in reversed(comparators):
        if low in needed or high in needed:
            kept.append((a, b, low if low in needed else -1, high if high in needed else -1))
            needed |= {a, b}
    return kept[::-1]


def _allocate(comparators: list[tuple[int, int, int, int]], outputs: list[int]) -> SelectionNetwork:
    """Reuses slots of values no longer needed, so that all slots fit into the first-level cache."""
    last_use = {value: index for index, (a, b, *_) in enumerate(comparators) for value in (a, b)}
    slot_of = {value: value for value in range(N_INPUTS)}
    free: list[int] = []
    n_slots = N_INPUTS
    instructions = []
    for index, (a, b, low, high) in enumerate(comparators):
        results = []
        for value in (low, high):
            if value < 0:
                results.append(-1)
                continue
            if not free:
                free.append(n_slots)
                n_slots += 1
            slot_of[value] = free.pop()
            results.append(slot_of[value])
        instructions.append((slot_of[a], slot_of[b], results[0], results[1]))
        free += [slot_of[value] for value in (a, b) if last_use[value] == index and value not in outputs]
    spare = n_slots
    return SelectionNetwork(
        instructions=tuple((a, b, low % (spare + 1), high % (spare + 1)) for a, b, low, high in instructions),
        output_slots=tuple(slot_of[value] for value in outputs),
        n_slots=n_slots + 1,
    )
