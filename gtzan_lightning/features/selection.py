"""A network of minima and maxima that yields sixteen neighbouring medians of 31 values at once.

Neighbouring windows share most of their values. The sixteen windows of a tile share sixteen values, which are
sorted once; the eight windows of each half share eight more, which are merged in, and so on down to single
windows. On the way, values that can no longer be the median are dropped. Comparators whose results nobody needs
are pruned. That takes about 19 comparators a median, without any branch, so that it runs on vectors.

After A. Adams, "Fast median filters using separable sorting networks" (SIGGRAPH 2021), here in one dimension;
merging after K. E. Batcher, "Sorting networks and their applications" (AFIPS 1968).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

WINDOW = 31  # values under one median: the usual kernel of harmonic-percussive separation
TILE = 16  # medians that one pass of the network yields; as many values are shared by all of its windows

Line = int | None  # a value's number; None stands for plus infinity, which pads lists to powers of two


@dataclass(frozen=True)
class SelectionNetwork:
    """Instructions on numbered slots: `slot[low] = min(slot[a], slot[b])`, `slot[high] = max(...)`, in order.

    The results never lie in the slots that an instruction reads. A result that nobody needs goes to slot `-1`,
    the last one.
    """

    instructions: tuple[tuple[int, int, int, int], ...]  # (a, b, low, high); the inputs begin in slots 0, 1, ...
    output_slots: tuple[int, ...]  # where the TILE medians lie at the end
    n_slots: int  # the spare slot included

    @property
    def n_inputs(self) -> int:
        """Neighbouring values that one pass reads."""
        return WINDOW + TILE - 1


@dataclass
class _Builder:
    """Collects comparators in single-assignment form: each result has a number of its own."""

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
        """Batcher's odd-even merge of two sorted lists of one length, a power of two."""
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
        """Merge of two sorted lists of any lengths."""
        size = 1 << (max(len(xs), len(ys)) - 1).bit_length()
        padded = [list_ + [None] * (size - len(list_)) for list_ in (xs, ys)]
        return self.merge(*padded)[: len(xs) + len(ys)]


@lru_cache(maxsize=1)
def median_network() -> SelectionNetwork:
    """The network; made once a process in a millisecond."""
    builder = _Builder(n_values=WINDOW + TILE - 1)
    core = builder.sort(list(range(TILE - 1, WINDOW)))
    medians = _descend(builder, core, first=0, count=TILE, known=TILE)
    return _allocate(_prune(builder.comparators, medians), medians)


def _descend(builder: _Builder, middle: list[Line], first: int, count: int, known: int) -> list[int]:
    """Medians of the windows `first .. first + count - 1`, of whose values `known` are sorted already.

    `middle` are those of the known values that may still be the median, sorted.
    """
    if count == 1:
        (median,) = middle
        assert median is not None
        return [median]
    half = count // 2
    dropped_below = max(0, known - WINDOW // 2 - 1)  # known values that are surely below the median
    lowest = max(0, known + half - WINDOW // 2 - 1) - dropped_below
    highest = WINDOW // 2 - dropped_below
    medians: list[int] = []
    # the windows of each half share `half` values more: the left half below the known ones, the right half above
    for start, begin in ((first, first + half - 1), (first + half, first + WINDOW)):
        merged = builder.merge_any(middle, builder.sort(list(range(begin, begin + half))))
        medians += _descend(builder, merged[lowest : highest + 1], start, half, known + half)
    return medians


def _prune(comparators: list[tuple[int, int, int, int]], outputs: list[int]) -> list[tuple[int, int, int, int]]:
    """Only the comparators that an output needs; a single result that nobody needs becomes -1."""
    needed = set(outputs)
    kept = []
    for a, b, low, high in reversed(comparators):
        if low in needed or high in needed:
            kept.append((a, b, low if low in needed else -1, high if high in needed else -1))
            needed |= {a, b}
    return kept[::-1]


def _allocate(comparators: list[tuple[int, int, int, int]], outputs: list[int]) -> SelectionNetwork:
    """Give each value a slot for as long as it is needed, so that all slots fit into the fastest cache."""
    n_inputs = WINDOW + TILE - 1
    last_use = {value: index for index, (a, b, *_) in enumerate(comparators) for value in (a, b)}
    slot_of = {value: value for value in range(n_inputs)}
    free: list[int] = []
    n_slots = n_inputs
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
