"""Where features and the synthetic corpus are kept."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_dir(chosen: str | None = None) -> Path:
    """The chosen folder, else the environment's GTZAN_CACHE, else the system's place for caches."""
    return Path(chosen or os.environ.get("GTZAN_CACHE") or platformdirs.user_cache_dir("gtzan-lightning"))
