"""Finds the data root, its tables and its audio by file names alone, without reading any file."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

from gtzan_lightning.corpus.audio_folder import AUDIO_SUFFIXES, holds_audio, scan
from gtzan_lightning.corpus.synthesis import RENDERER_VERSION
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.caching import cache_dir
from gtzan_lightning.utils.content_index import ContentIndex, indexed_hashes

Source = Literal["tables", "audio"]

TABLE_NAMES = ("features_3_sec.csv", "features_30_sec.csv")
GTZAN_AUDIO_FOLDERS = ("genres_original", "genres")
DEFAULT_ROOT = Path("data/gtzan")
SYNTHETIC_FINGERPRINT = f"synthetic renderer {RENDERER_VERSION}"
SYNTHETIC_REMEDY = "Set data.root (or GTZAN_ROOT) to a folder that exists, or use data=synthetic."


@dataclass(frozen=True)
class Location:
    """A data root with usable data."""

    root: Path
    tables: tuple[Path, ...]  # the published tables
    audio: Path | None  # the folder of genre folders
    metadata: Path | None


def locate(kind: str, root: str | None) -> Location | None:
    """Finds the data root of a config of the group `data`; None for the embedded synthetic corpus.

    Args:
        kind: `auto`, `gtzan`, `folder` or `synthetic`.
        root: `data.root`; by default the environment variable GTZAN_ROOT, then `data/gtzan`.

    Raises:
        GtzanError: A root was given or is required, and has no usable data.
    """
    if kind == "synthetic":
        return None
    named = root or os.environ.get("GTZAN_ROOT") or None
    if named is None and not DEFAULT_ROOT.is_dir():
        if kind == "auto":
            return None
        raise GtzanError(
            f"data={kind} needs a folder: data.root is not set and there is no {DEFAULT_ROOT}/.\n{SYNTHETIC_REMEDY}"
        )
    where = "data.root" if root else "GTZAN_ROOT" if named else "the default folder"
    return _inspect(Path(named).expanduser() if named else DEFAULT_ROOT, where, kind)


def _inspect(root: Path, where: str, kind: str) -> Location:
    if not root.is_dir():
        raise GtzanError(f"{where}: there is no folder {root}.\n{SYNTHETIC_REMEDY}")
    tables = () if kind == "folder" else tuple(root / name for name in TABLE_NAMES if (root / name).is_file())
    candidates = [root] if kind == "folder" else [*(root / name for name in GTZAN_AUDIO_FOLDERS), root]
    if kind == "gtzan":
        candidates.remove(root)
    audio = next((path for path in candidates if path.is_dir() and holds_audio(path)), None)
    if not tables and audio is None:
        raise GtzanError(f"{where}: {root} holds no {_expected(kind)}.\n{SYNTHETIC_REMEDY}")
    metadata = root / "metadata.csv"
    return Location(root, tables, audio, metadata if metadata.is_file() else None)


def _expected(kind: str) -> str:
    folders = f"<genre>/<file> folders of audio ({' '.join(AUDIO_SUFFIXES)})"
    if kind == "folder":
        return folders
    gtzan = f"{' or '.join(TABLE_NAMES)} and no genres_original/ or genres/ with audio"
    return gtzan if kind == "gtzan" else f"{gtzan}, nor {folders}"


def choose_source(location: Location, wanted: str | None, features: str) -> Source:
    """Tables for `stats` where there are any and audio is not requested; audio for all other features.

    Raises:
        GtzanError: The location lacks the data that the features need.
    """
    if wanted == "tables" and features != "stats":
        raise GtzanError(
            f"data.source=tables: the tables hold `stats`, not {features}. Use data.source=audio or features=stats."
        )
    if wanted == "tables" and not location.tables:
        raise GtzanError(
            f"data.source=tables: {location.root} has no {' or '.join(TABLE_NAMES)}. Use data.source=audio."
        )
    if wanted != "audio" and features == "stats" and location.tables:
        return "tables"
    if location.audio is None:
        requested = f"features={features}" if features != "stats" else "data.source=audio"
        raise GtzanError(
            f"{requested} needs audio, but {location.root} has only feature tables.\n"
            f"Put the clips into {location.root / 'genres_original'}/<genre>/, or train on the tables: features=stats."
        )
    return "audio"


def fingerprint(location: Location, source: Source, cache: Path | None = None) -> str:
    """sha256 of the names and contents of the tables or audio files, and of the metadata.

    Args:
        location: The data root.
        source: Which of its data.
        cache: The cache folder, which holds the hashes of unchanged files; None is the default one.
    """
    digest = hashlib.sha256(source.encode())
    for path in (*(location.tables if source == "tables" else ()), *filter(None, [location.metadata])):
        digest.update(f"{path.name} {_content_hash(path, path.stat().st_size, path.stat().st_mtime_ns)}\n".encode())
    if source == "audio" and location.audio is not None:
        paths = [path for _, path in scan(location.audio).files]
        index = ContentIndex((cache or cache_dir()) / "features", location.root)
        for path, sha256 in zip(paths, indexed_hashes(paths, index), strict=True):
            digest.update(f"{path.relative_to(location.audio)} {sha256}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=16)
def _content_hash(path: Path, _size: int, _time: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@dataclass(frozen=True)
class DataSource:
    """The data of a run."""

    location: Location | None  # None for the synthetic corpus
    source: Source
    sha256: str  # fingerprint of the corpus


def find_source(
    kind: str, root: str | None, wanted: str | None, features: str, cache: Path | None = None
) -> DataSource:
    """Locates the data of a configuration and computes its fingerprint.

    Args:
        kind: `auto`, `gtzan`, `folder` or `synthetic`.
        root: `data.root`.
        wanted: `data.source`: `tables`, `audio` or None.
        features: Name of the features.
        cache: The cache folder; None is the default one.

    Raises:
        GtzanError: There is no usable data, or not the data that the features need.
    """
    location = locate(kind, root)
    if location is not None:
        source = choose_source(location, wanted, features)
        return DataSource(location, source, fingerprint(location, source, cache))
    if wanted == "tables":
        raise GtzanError("data.source=tables: the synthetic corpus is audio and has no tables. Omit data.source.")
    return DataSource(None, "audio", SYNTHETIC_FINGERPRINT)
