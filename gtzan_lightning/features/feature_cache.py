"""Cache of computed features on disk.

`FileCache` holds one entry per audio file, keyed by its content and the feature request. `load_stored_corpus` and
`store_corpus` join the entries of a corpus in one array that is mapped into memory. `ContentIndex` stores content
hashes by path, size and times, so that unchanged files need not be read again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.lib import format as npy
from numpy.typing import NDArray

from gtzan_lightning.features.feature_request import Analysis
from gtzan_lightning.utils.files import explained, remove, write_atomically

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
"""Errors raised for entries damaged by a power failure, which count as missing."""

TOO_FRESH_S = 2.0  # a file changed this recently may change again within the resolution of its times

FileState = tuple[int, int, int]
"""Size in bytes, time of the last change of the content and time of the last change of the inode, both in ns."""


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


class ContentIndex:
    """Content hashes of the files of a corpus, valid as long as their `FileState` is unchanged."""

    def __init__(self, cache_root: Path, corpus_root: Path) -> None:
        self._path = cache_root / "contents" / f"{key_of(str(corpus_root.resolve()))[:16]}.json"
        self._known = self._stored()

    def hashes(self, paths: Iterable[Path]) -> list[str | None]:
        """Hash of each file; "" if it cannot be read, None if its hash is unknown or the file has changed."""
        return [self._hash(path) for path in paths]

    def update(self, files: Iterable[tuple[Path, FileState | None, str]]) -> None:
        """Adds hashes and stores the index; files changed within the last `TOO_FRESH_S` seconds are left out.

        Args:
            files: Path, state before reading, and hash ("" if unreadable) of some or all files of the corpus.
        """
        newest = time.time_ns() - int(TOO_FRESH_S * 1e9)
        old_enough = {
            _name(path): (state, sha256) for path, state, sha256 in files if state and max(state[1:]) < newest
        }
        self._known = self._stored() | old_enough  # read again: other processes may have added files

        def write(target: Path) -> None:
            target.write_text(json.dumps(self._known), "utf-8")

        write_atomically(self._path, write)

    def _hash(self, path: Path) -> str | None:
        state = file_state(path)
        if state is None or not os.access(path, os.R_OK):
            return ""
        known_state, sha256 = self._known.get(_name(path), (None, None))
        return sha256 or None if state == known_state else None

    def _stored(self) -> dict[str, tuple[FileState, str]]:
        try:
            stored = json.loads(self._path.read_text("utf-8"))
            return {path: (tuple(state), sha256) for path, (state, sha256) in stored.items()}
        except UNREADABLE:
            return {}  # the files are read again


def _name(path: Path) -> str:
    return str(path.absolute())


def file_state(path: Path) -> FileState | None:
    """Size and times of a file, None if it does not exist."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def content_hash(path: Path) -> str:
    """SHA-256 of the content of a file, in blocks; pooch.file_hash is equal, but slow to import.

    Raises:
        OSError: The file cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def key_of(*parts: object) -> str:
    """Cache key: SHA-256 of JSON data, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
