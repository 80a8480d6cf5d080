"""Hashes of file contents, remembered by path, size and times, so that a start need not read a thousand files."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from gtzan_lightning.features.atomic import write_atomically
from gtzan_lightning.features.cache import UNREADABLE, key_of

# A file changed within so many seconds of its hashing may change again without a new time stamp: not remembered.
TOO_FRESH_S = 2.0

Stamp = tuple[int, int, int]  # size, time of the last change of the content, and of the entry (both in ns)


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

    def remember(self, seen: Sequence[tuple[Path, Stamp | None, str]]) -> None:
        """Keeps hashes for the next start.

        Args:
            seen: some or all files of the corpus; of each its stamp from before it was read, and its hash ("" if
                unreadable).
        """
        newest = time.time_ns() - int(TOO_FRESH_S * 1e9)
        fresh = {_name(path): (stamp, digest) for path, stamp, digest in seen if stamp and max(stamp[1:]) < newest}
        self._known = self._stored() | fresh  # read once more: jobs on other files may have added theirs
        write_atomically(self._path, lambda target: _write_json(target, self._known))

    def _hash(self, path: Path) -> str | None:
        stamp = stamp_of(path)
        if stamp is None or not os.access(path, os.R_OK):
            return ""
        known_stamp, digest = self._known.get(_name(path), (None, None))
        return digest or None if stamp == known_stamp else None

    def _stored(self) -> dict[str, tuple[Stamp, str]]:
        try:
            stored = json.loads(self._path.read_text("utf-8"))
            return {path: (tuple(stamp), digest) for path, (stamp, digest) in stored.items()}
        except UNREADABLE:
            return {}  # nothing remembered: the files are read again


def stamp_of(path: Path) -> Stamp | None:
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
