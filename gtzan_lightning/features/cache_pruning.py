"""Listing and pruning the cache: features, and the audio of the synthetic corpus."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from gtzan_lightning.corpus.synthetic_corpus import FOLDERS as SYNTHETIC
from gtzan_lightning.utils.files import UNFINISHED, remove

Kind = Literal["file", "corpus", "synthetic", "unfinished"]
ABANDONED_S = 3600.0  # older unfinished entries belong to a process that has been killed


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
