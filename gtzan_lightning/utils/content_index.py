"""Content hashes of files, stored by path, size and times, so that unchanged files need not be read again."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import write_atomically

UNREADABLE = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile)
"""Errors raised for entries of the cache damaged by a power failure, which count as missing."""

TOO_FRESH_S = 2.0  # a file changed this recently may change again within the resolution of its times

FileState = tuple[int, int, int]
"""Size in bytes, time of the last change of the content and time of the last change of the inode, both in ns."""


def indexed_hashes(paths: Sequence[Path], index: ContentIndex) -> list[str]:
    """Content hash of each file; "" for a file that cannot be read.

    Files whose hash the index does not know are read; a cache that cannot be written only costs reading them again.
    """
    hashes = index.hashes(paths)
    unknown = [place for place, sha256 in enumerate(hashes) if sha256 is None]
    read = []
    for place in unknown:
        state = file_state(paths[place])
        try:
            hashes[place] = content_hash(paths[place])
        except OSError:
            hashes[place] = ""
        read.append((paths[place], state, hashes[place] or ""))
    if read:
        with suppress(GtzanError, OSError):
            index.update(read)
    return [sha256 or "" for sha256 in hashes]


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
        OSError: The file cannot be read, or is a pipe, which would be empty when it is read again.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def key_of(*parts: object) -> str:
    """Cache key: SHA-256 of JSON data, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
