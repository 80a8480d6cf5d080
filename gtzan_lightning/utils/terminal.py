"""What is printed where: live lines on terminals only, no notices of libraries without a meaning for the user."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

NOTEBOOK = "JPY_PARENT_PID"  # set in the processes that a notebook starts, whose output looks like that of a terminal


def is_live(console: Console) -> bool:
    """Whether the console is a terminal, and not a file, a pipe or the output of a notebook cell."""
    return console.is_terminal and not console.is_jupyter and NOTEBOOK not in os.environ


@contextmanager
def quiet_workers() -> Iterator[None]:
    """Hides joblib's notice of replaced workers: it restarts those that use much memory, and loses no result."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given to the executor")
        yield
