"""What the cache holds, features and the synthetic corpus, and how it gets smaller."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gtzan_lightning.corpus.synthetic_corpus import FOLDERS as SYNTHETIC
from gtzan_lightning.utils.files import UNFINISHED, remove

Kind = Literal["file", "corpus", "synthetic", "unfinished"]
ABANDONED_S = 3600.0  # nothing takes so long to write: the process that began it is gone


@dataclass(frozen=True)
class CacheEntry:
    """One removable thing in the cache."""

    kind: Kind
    path: Path
    size_bytes: int
    last_used: float  # seconds since 1970


def features_cache(cache_dir: Path) -> Path:
    """The folder below `cache_dir` that the features live in."""
    return cache_dir / "features"


def list_entries(cache_dir: Path) -> list[CacheEntry]:
    """Everything that `prune` may remove, largest first."""
    root = features_cache(cache_dir)
    found = [*root.glob("files/*/*"), *root.glob("corpora/*"), *root.glob("contents/*"), *cache_dir.glob(SYNTHETIC)]
    entries = [_entry(path) for path in found if path.parent.name != "contents" or path.name.startswith(UNFINISHED)]
    return sorted((entry for entry in entries if entry is not None), key=lambda entry: -entry.size_bytes)


def prune(cache_dir: Path, older_than_s: float = 0.0) -> list[CacheEntry]:
    """Removes what was not used for so long, and what killed processes have left behind.

    Whatever is removed is computed again when it is needed; jobs that have it mapped keep it until they end.

    Args:
        cache_dir: the cache's folder.
        older_than_s: seconds since the last use; 0 removes everything.

    Returns:
        What was removed.
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
        return CacheEntry(_kind(path), path, sum(_sizes(path)), path.stat().st_mtime)
    except OSError:
        return None  # removed by another process meanwhile


def _kind(path: Path) -> Kind:
    if path.name.startswith(UNFINISHED):
        return "unfinished"
    if path.match(SYNTHETIC):
        return "synthetic"
    return "corpus" if path.parent.name == "corpora" else "file"


def _sizes(path: Path) -> Iterator[int]:
    for part in path.rglob("*") if path.is_dir() else [path]:
        yield part.stat().st_size
