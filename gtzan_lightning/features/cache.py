"""Computed features on disk: nothing is computed twice, nothing stale or half-written is read.

<root>/files/<2 hex>/<key>.npz    what became of one file; the key is a sha256 of the file's content, of what was
                                  asked for and of the engine's version
<root>/corpora/<key>/             the same for a whole corpus, in a form that is mapped into memory
<root>/contents/<hash>.json       hashes of file contents by path, size and times, so that files are not read again
<root>/locks/                     locks, which end with the process that holds them
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from gtzan_lightning.features.atomic import explained, remove, write_atomically
from gtzan_lightning.features.request import Analysis

# what reading a file raises that a power failure has damaged; such an entry counts as missing
UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)


@dataclass(frozen=True)
class FileSummary:
    """What became of one file, without its numbers."""

    rows: int
    columns: int
    notes: tuple[str, ...]  # what was repaired or left out
    skipped: str | None  # why there are no rows


def key_of(*parts: object) -> str:
    """sha256 of plain data, as 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


class FileCache:
    """Features by file; any number of processes may use one folder at once."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def summary(self, key: str) -> FileSummary | None:
        """What is stored of one file, without its numbers; None if nothing is."""
        try:
            with np.load(self._path(key), allow_pickle=False) as entry:
                about = json.loads(str(entry["about"]))
                return FileSummary(**{**about, "notes": tuple(about["notes"])})
        except UNREADABLE:
            return None

    def values(self, key: str) -> NDArray[np.float32]:
        """The stored rows of one file, `(rows, features)`.

        Raises:
            LookupError: nothing is stored, or it was damaged and has been removed.
        """
        try:
            with np.load(self._path(key), allow_pickle=False) as entry:
                return np.asarray(entry["values"])
        except UNREADABLE as error:
            remove(self._path(key))
            raise LookupError(key) from error

    def store(self, key: str, analysis: Analysis) -> FileSummary:
        """Keeps what became of one file."""
        rows, columns = analysis.values.shape
        summary = FileSummary(rows, columns, analysis.notes, analysis.skipped)

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, values=analysis.values, about=np.array(json.dumps(asdict(summary))))

        write_atomically(self._path(key), write)
        return summary

    @contextmanager
    def lock(self, key: str, blocking: bool) -> Iterator[bool]:
        """Keeps other processes from computing a key; yields False if one does already and `blocking` is False.

        Keys that begin alike share a lock: 4,096 lock files at most, and hardly any waiting even of a hundred workers.
        """
        folder = self.root / "locks"
        lock = FileLock(folder / f"{key[:3]}.lock")
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with suppress(Timeout):
                lock.acquire(blocking=blocking)
        try:
            yield lock.is_locked
        finally:
            lock.release()

    def _path(self, key: str) -> Path:
        return self.root / "files" / key[:2] / f"{key}.npz"
