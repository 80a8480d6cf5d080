"""Cache of computed features on disk.

`FileCache` holds one entry per audio file, keyed by its content and the feature request. `load_stored_corpus` and
`store_corpus` join the entries of a corpus in one array that is mapped into memory.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout
from numpy.lib import format as npy
from numpy.typing import NDArray

from gtzan_lightning.corpus.synthetic_corpus import FOLDERS as SYNTHETIC
from gtzan_lightning.features.feature_request import Analysis
from gtzan_lightning.utils.content_index import UNREADABLE
from gtzan_lightning.utils.files import UNFINISHED, explained, remove, write_atomically

Kind = Literal["file", "corpus", "synthetic", "unfinished"]
ABANDONED_S = 3600.0  # older unfinished entries belong to a process that has been killed


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


@dataclass(frozen=True)
class CacheEntry:
    """A removable entry of the cache."""

    kind: Kind
    path: Path
    size_bytes: int
    last_used: float  # seconds since the epoch


def features_cache(cache_dir: Path) -> Path:
    """The folder of the features below `cache_dir`."""
    return cache_dir / "features"


def list_entries(cache_dir: Path) -> list[CacheEntry]:
    """All entries that `prune` can remove, largest first."""
    root = features_cache(cache_dir)
    paths = [
        *root.glob("files/*/*"),
        *root.glob("corpora/*"),
        *root.glob(f"contents/{UNFINISHED}*"),
        *cache_dir.glob(SYNTHETIC),
    ]
    entries = filter(None, map(_entry, paths))
    return sorted(entries, key=lambda entry: -entry.size_bytes)


def prune(cache_dir: Path, older_than_s: float = 0.0) -> list[CacheEntry]:
    """Removes unused entries, and unfinished entries of killed processes.

    Removed entries are computed again when needed; running jobs keep the arrays that they have mapped.

    Args:
        cache_dir: Folder of the cache.
        older_than_s: Least time since the last use in seconds; 0 removes all entries.

    Returns:
        The removed entries.
    """
    now = time.time()
    removed = []
    for entry in list_entries(cache_dir):
        limit_s = ABANDONED_S if entry.kind == "unfinished" else older_than_s
        if now - entry.last_used >= limit_s:
            remove(entry.path)
            removed.append(entry)
    return removed


def _entry(path: Path) -> CacheEntry | None:
    try:
        parts = path.rglob("*") if path.is_dir() else [path]
        return CacheEntry(_kind(path), path, sum(part.stat().st_size for part in parts), path.stat().st_mtime)
    except OSError:
        return None  # removed by another process meanwhile


def _kind(path: Path) -> Kind:
    if path.name.startswith(UNFINISHED):
        return "unfinished"
    if path.match(SYNTHETIC):
        return "synthetic"
    return "corpus" if path.parent.name == "corpora" else "file"
