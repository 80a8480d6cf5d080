"""What one job of a process has in common with the next is computed once.

MERGED: Where features and the synthetic corpus are kept.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Generic, TypeVar

import platformdirs


def cache_dir(chosen: str | None = None) -> Path:
    """The chosen folder, else the environment's GTZAN_CACHE, else the system's place for caches."""
    return Path(chosen or os.environ.get("GTZAN_CACHE") or platformdirs.user_cache_dir("gtzan-lightning"))


Value = TypeVar("Value")


class Memo(Generic[Value]):
    """The last few results, by all that decides them.

    Args:
        most: results that are kept.
        most_bytes: size of a result that is kept; a larger one is computed anew, so that memory does not fill up.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most, self.most_bytes = most, most_bytes
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value], size: Callable[[Value], int]) -> Value:
        """The kept result of this key, or a new one.

        Args:
            key: all that decides the result; for files, their sizes and times too.
            make: computes it.
            size: of a result, in bytes.
        """
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        value = make()
        if size(value) <= self.most_bytes:
            self._kept[key] = value
            if len(self._kept) > self.most:
                self._kept.popitem(last=False)
        return value

    def clear(self) -> None:
        """Forgets everything."""
        self._kept.clear()
