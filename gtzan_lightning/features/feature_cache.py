"""Cache of computed features on disk.

`FileCache` holds one entry per audio file, keyed by its content and the feature request. `load_stored_corpus` and
`store_corpus` join the entries of a corpus in one array that is mapped into memory.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.lib import format as npy
from numpy.typing import NDArray

from gtzan_lightning.features.feature_request import Analysis
from gtzan_lightning.utils.content_index import UNREADABLE
from gtzan_lightning.utils.files import explained, remove, write_atomically


@dataclass(frozen=True)
class FileSummary:
    """An `Analysis` without its values."""

    rows: int
    columns: int
    notes: tuple[str, ...]  # what was repaired or left out
    skipped: str | None  # the reason why there are no rows

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> FileSummary:
        """The summary stored as JSON."""
        return cls(**{**data, "notes": tuple(data["notes"])})


class FileCache:
    """Features by file; safe for any number of concurrent processes."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def summary(self, key: str) -> FileSummary | None:
        """Summary of an entry, None if it is missing or damaged."""
        try:
            with np.load(self._path(key), allow_pickle=False) as entry:
                return FileSummary.from_dict(json.loads(str(entry["about"])))
        except UNREADABLE:
            return None

    def values(self, key: str) -> NDArray[np.float32]:
        """Features of an entry, `(rows, features)`.

        Raises:
            LookupError: The entry is missing, or was damaged and has been removed.
        """
        try:
            with np.load(self._path(key), allow_pickle=False) as entry:
                return np.asarray(entry["values"])
        except UNREADABLE as error:
            remove(self._path(key))
            raise LookupError(key) from error

    def store(self, key: str, analysis: Analysis) -> FileSummary:
        """Writes an entry and returns its summary."""
        rows, columns = analysis.values.shape
        summary = FileSummary(rows, columns, analysis.notes, analysis.skipped)

        def write(path: Path) -> None:
            with path.open("wb") as file:
                np.savez(file, values=analysis.values, about=np.array(json.dumps(asdict(summary))))

        write_atomically(self._path(key), write)
        return summary

    @contextmanager
    def lock(self, key: str, blocking: bool) -> Iterator[bool]:
        """Prevents other processes from computing a key; yields False if one does already and `blocking` is False.

        Keys with the same first three digits share a lock file, which limits their number to 4,096.
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


@dataclass(frozen=True)
class StoredCorpus:
    """Features of a corpus, file after file."""

    values: NDArray[np.float32]  # (rows, features), a read-only memory map
    files: tuple[FileSummary, ...]

    @property
    def n_rows(self) -> NDArray[np.int64]:
        """Rows of each file, `(files,)`."""
        return np.array([file.rows for file in self.files], np.int64)


def load_stored_corpus(root: Path, key: str) -> StoredCorpus | None:
    """The stored features of a corpus, or None; a damaged entry is removed."""
    folder = root / "corpora" / key
    try:
        files = tuple(map(FileSummary.from_dict, json.loads((folder / "about.json").read_text("utf-8"))))
        stored = StoredCorpus(np.load(folder / "values.npy", mmap_mode="r"), files)
        if len(stored.values) != stored.n_rows.sum():
            raise ValueError(f"{folder}: rows are missing")
    except FileNotFoundError:
        return None
    except UNREADABLE:
        remove(folder)
        return None
    with suppress(OSError):  # a shared cache may be read-only
        os.utime(folder)  # pruning goes by the time of the last use
    return stored


def store_corpus(cache: FileCache, key: str, entries: Sequence[tuple[str, FileSummary]]) -> None:
    """Joins the entries of files one after another; memory does not grow with the corpus.

    Args:
        cache: Contains the entries.
        key: Key of the corpus.
        entries: Key and summary of each file, in order.

    Raises:
        LookupError: An entry is missing, or was damaged and has been removed.
    """
    n_rows = sum(summary.rows for _, summary in entries)
    n_columns = max((summary.columns for _, summary in entries), default=0)

    def write(folder: Path) -> None:
        folder.mkdir()
        # not through a memory map: on a full disk, that would end in a signal instead of an error
        with (folder / "values.npy").open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, n_columns)}
            npy.write_array_header_1_0(file, header)
            for file_key, summary in entries:
                if summary.rows:
                    file.write(cache.values(file_key).astype("<f4").tobytes())
        (folder / "about.json").write_text(json.dumps([asdict(summary) for _, summary in entries]), "utf-8")

    write_atomically(cache.root / "corpora" / key, write)
