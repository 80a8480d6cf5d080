"""The features of a whole corpus as one array on disk, which is mapped into memory instead of read.

MERGED: Computed features on disk: nothing is computed twice, nothing stale or half-written is read. | Hashes of file contents, remembered by path, size and times, so that a start need not read a thousand files.
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

import numpy as np
from filelock import FileLock, Timeout
from numpy.lib import format as npy
from numpy.typing import NDArray

from gtzan_lightning.features.feature_request import Analysis
from gtzan_lightning.utils.files import explained, remove, write_atomically

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


# A file changed within so many seconds of its hashing may change again without a new time state: not remembered.
TOO_FRESH_S = 2.0

FileState = tuple[int, int, int]  # size, time of the last change of the content, and of the entry (both in ns)


def content_hash(path: Path) -> str:
    """sha256 of a file's bytes.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


class ContentIndex:
    """Content hashes of the files of one corpus."""

    def __init__(self, cache_root: Path, corpus_root: Path) -> None:
        self._path = cache_root / "contents" / f"{key_of(str(corpus_root.resolve()))[:16]}.json"
        self._known = self._stored()

    def hashes(self, paths: Iterable[Path]) -> list[str | None]:
        """Hash of each file; "" where it cannot be read, None where the hash is not known or the file has changed."""
        return [self._hash(path) for path in paths]

    def remember(self, seen: Sequence[tuple[Path, FileState | None, str]]) -> None:
        """Keeps hashes for the next start.

        Args:
            seen: some or all files of the corpus; of each its state from before it was read, and its hash ("" if
                unreadable).
        """
        newest = time.time_ns() - int(TOO_FRESH_S * 1e9)
        fresh = {_name(path): (state, digest) for path, state, digest in seen if state and max(state[1:]) < newest}
        self._known = self._stored() | fresh  # read once more: jobs on other files may have added theirs
        write_atomically(self._path, lambda target: _write_json(target, self._known))

    def _hash(self, path: Path) -> str | None:
        state = file_state(path)
        if state is None or not os.access(path, os.R_OK):
            return ""
        known_state, digest = self._known.get(_name(path), (None, None))
        return digest or None if state == known_state else None

    def _stored(self) -> dict[str, tuple[FileState, str]]:
        try:
            stored = json.loads(self._path.read_text("utf-8"))
            return {path: (tuple(state), digest) for path, (state, digest) in stored.items()}
        except UNREADABLE:
            return {}  # nothing remembered: the files are read again


def file_state(path: Path) -> FileState | None:
    """What changes when a file changes; None if there is no such file."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns


def _name(path: Path) -> str:
    return str(path.absolute())


def _write_json(target: Path, data: object) -> None:
    target.write_text(json.dumps(data), "utf-8")


@dataclass(frozen=True)
class StoredCorpus:
    """Features of a corpus, file after file."""

    values: NDArray[np.float32]  # (rows, features), a read-only memory map
    files: tuple[FileSummary, ...]  # what became of each file, in order

    @property
    def n_rows(self) -> NDArray[np.int64]:
        """Rows of each file, `(files,)`."""
        return np.array([file.rows for file in self.files], np.int64)


def load_corpus(root: Path, key: str) -> StoredCorpus | None:
    """What is stored of a corpus, or None; what a power failure has damaged is removed."""
    folder = root / "corpora" / key
    try:
        about = json.loads((folder / "about.json").read_text("utf-8"))
        files = tuple(FileSummary(**{**file, "notes": tuple(file["notes"])}) for file in about)
        stored = StoredCorpus(np.load(folder / "values.npy", mmap_mode="r"), files)
        if len(stored.values) != stored.n_rows.sum():
            raise ValueError(f"{folder}: rows are missing")
    except FileNotFoundError:
        return None
    except UNREADABLE:
        remove(folder)
        return None
    with suppress(OSError):  # a shared cache may be read-only
        os.utime(folder)  # pruning goes by the last use
    return stored


def store_corpus(cache: FileCache, key: str, entries: Sequence[tuple[str, FileSummary]]) -> None:
    """Joins the entries of files, one after the other: memory does not grow with the corpus.

    Args:
        cache: holds the entries.
        key: of the corpus.
        entries: key and summary of each file, in order.

    Raises:
        LookupError: an entry is gone, or damaged; it has been removed.
    """
    n_rows = sum(summary.rows for _, summary in entries)
    n_columns = max((summary.columns for _, summary in entries), default=0)

    def write(folder: Path) -> None:
        folder.mkdir()
        # plain writes, not a memory map: on a full disk they fail with an error instead of a signal
        with (folder / "values.npy").open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, n_columns)}
            npy.write_array_header_1_0(file, header)
            for file_key, summary in entries:
                if summary.rows:
                    file.write(cache.values(file_key).astype("<f4").tobytes())
        (folder / "about.json").write_text(json.dumps([asdict(summary) for _, summary in entries]), "utf-8")

    write_atomically(cache.root / "corpora" / key, write)
