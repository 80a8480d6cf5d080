"""What is printed where: live lines on terminals only, no notices of libraries without a meaning for the user.

Output is never fatal: characters that the encoding lacks are escaped, and a closed pipe discards the rest.
"""

from __future__ import annotations

import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

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


def visible(text: str) -> str:
    """Text whose control characters, such as escape sequences of a terminal in a file name, are escaped."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", lambda found: found[0].encode("unicode_escape").decode(), text)


def markdown_text(text: str) -> str:
    """Text, such as the name of a genre, in which Markdown finds no markup."""
    return re.sub(r"([\\`*_{}\[\]<>|~$#&])", r"\\\1", visible(" ".join(text.split())))


@contextmanager
def tolerant_output() -> Iterator[None]:
    """Context in which printing to stdout and stderr cannot fail; also a decorator."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, _Tolerant(stream)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


class _Tolerant:
    """A stream that escapes characters which its encoding lacks, and discards text after its reader has gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            self._stream.write(text)
        except UnicodeEncodeError:
            encoding = self._stream.encoding or "ascii"
            self.write(text.encode(encoding, "backslashreplace").decode(encoding))
        except BrokenPipeError:
            self._discard()
        return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except BrokenPipeError:
            self._discard()

    def _discard(self) -> None:
        """Connects the stream to the null device, as `| head` in a shell would do for a program that ignores it."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self._stream.fileno())
        os.close(null)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
