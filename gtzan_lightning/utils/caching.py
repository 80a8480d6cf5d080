"""The cache folder, compiled functions, and an in-memory cache of recent results."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar, cast

import platformdirs

Value = TypeVar("Value")
Function = TypeVar("Function", bound=Callable[..., Any])


def cache_dir(chosen: str | None = None) -> Path:
    """The cache folder: `chosen`, else the environment variable GTZAN_CACHE, else the system's folder for caches."""
    folder = chosen or os.environ.get("GTZAN_CACHE") or platformdirs.user_cache_dir("gtzan-lightning")
    return Path(folder).expanduser()


@contextmanager
def writable_cache(chosen: str | None = None) -> Iterator[Path]:
    """The cache folder, as `cache_dir`; a temporary one where it cannot be written."""
    folder = cache_dir(chosen)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        writable = False
    else:
        parts = [folder, *(path for path in (folder / "features").glob("*") if path.is_dir())]
        writable = all(os.access(path, os.W_OK) for path in parts)
    if writable:
        yield folder
    else:
        with TemporaryDirectory(prefix="gtzan-cache-") as temporary:
            yield Path(temporary)


def compiled(**options: Any) -> Callable[[Function], Function]:
    """Decorator that compiles a function with numba, and stores the machine code where a folder for it can be written.

    Args:
        options: of `numba.njit`.
    """
    import numba  # slow to import

    def decorated(function: Function) -> Function:
        try:
            return cast(Function, numba.njit(cache=True, nogil=True, **options)(function))
        except RuntimeError:  # numba finds no such folder
            return cast(Function, numba.njit(nogil=True, **options)(function))

    return decorated


class Memo(Generic[Value]):
    """A least-recently-used cache.

    Unlike `functools.lru_cache` it takes the key apart from the arguments, and limits the size of a stored result.

    Args:
        most: Number of results that are stored.
        most_bytes: Maximum size of a stored result; larger ones are computed again each time to limit memory use.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self.most, self.most_bytes = most, most_bytes
        self._stored: OrderedDict[Hashable, Value] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value], size: Callable[[Value], int]) -> Value:
        """Returns the stored result of `key`, or computes it.

        Args:
            key: Everything the result depends on; for files also their sizes and modification times.
            make: Computes the result.
            size: Returns the size of a result in bytes.
        """
        if key in self._stored:
            self._stored.move_to_end(key)
            return self._stored[key]
        value = make()
        if size(value) <= self.most_bytes:
            self._stored[key] = value
            if len(self._stored) > self.most:
                self._stored.popitem(last=False)
        return value

    def clear(self) -> None:
        """Removes all results."""
        self._stored.clear()
