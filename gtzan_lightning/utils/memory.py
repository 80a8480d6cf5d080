"""Memory of the process."""

from __future__ import annotations

import ctypes
import sys


def return_freed_memory() -> None:
    """Returns freed memory to the system, where the C library keeps it (glibc).

    Call it after large temporary arrays: what follows a small object that outlives them stays with the process.
    """
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)
