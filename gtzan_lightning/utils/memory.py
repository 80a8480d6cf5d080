"""Memory of the process."""

from __future__ import annotations

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def return_freed_memory() -> None:
    """Returns freed memory to the system, where the C library keeps it (glibc).

    Call it after large temporary arrays: what follows a small object that outlives them stays with the process.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


@contextmanager
def without_collection() -> Iterator[None]:
    """Suspends the collector of reference cycles, also as a decorator.

    For code that makes many objects and no cycles: the collector looks at all objects again and again as their number
    grows, a third of the time of reading a table of a million rows.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
