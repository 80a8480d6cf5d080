"""Finds the data root, its tables, its audio and split lists by file names alone, without reading any file."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from gtzan_lightning.corpus.audio_folder import AUDIO_SUFFIXES, audio_of, check_layout, holds_audio
from gtzan_lightning.corpus.synthesis import RENDERER_VERSION
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.caching import cache_dir
from gtzan_lightning.utils.content_index import ContentIndex, content_hash, indexed_hashes
from gtzan_lightning.utils.files import refuse_pipe

Source = Literal["tables", "audio"]

TABLE = "table"  # features=table: the user's own feature table
TABLE_OF_WINDOW_S = {3.0: "features_3_sec.csv", 30.0: "features_30_sec.csv"}
TABLE_NAMES = tuple(TABLE_OF_WINDOW_S.values())
TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".parquet", ".xlsx", ".npz", ".npy", ".h5", ".hdf5"})
METADATA = "metadata.csv"
GTZAN_AUDIO_FOLDERS = ("genres_original", "genres")
DEFAULT_ROOT = Path("data/gtzan")
SYNTHETIC_FINGERPRINT = f"synthetic renderer {RENDERER_VERSION}"
NO_DATA_REMEDY = "Set data.root (or GTZAN_ROOT) to a folder that holds them, or use data=synthetic."
NEARBY = 200  # folders that are searched for the data
SYNTHETIC_REMEDY = "Set data.root (or GTZAN_ROOT) to a folder that exists, or use data=synthetic."


Manifest = str | Mapping[Any, str]
"""`split.manifest`: a file, a file for each part, or `column:NAME`."""

MANIFEST_COLUMN = "column:"


@dataclass(frozen=True)
class Location:
    """A data root with usable data."""

    root: Path
    tables: tuple[Path, ...]  # the published tables, or those of features=table
    audio: Path | None  # the folder of genre folders, or a track list
    metadata: Path | None
    may_not_match: bool = False  # metadata of GTZAN_ROOT beside a table elsewhere: used only if it has all tracks

    @property
    def is_list(self) -> bool:
        """Whether the audio files are those of a track list."""
        return self.audio is not None and self.audio.is_file()


@dataclass(frozen=True)
class TableOptions:
    """How to read a table; see the config groups `features` and `data`."""

    columns: tuple[tuple[str, str], ...] = ()  # (role, column) that are set
    drop: tuple[str, ...] = ()  # columns that are no features
    features: tuple[str, ...] = ()  # the features, where a trained run needs certain ones
    window_s: float | None = None  # seconds from one row of a track to the next; None takes it from the file
    needs_length: bool = True  # False if the rows of a track are pooled
    sample_rate_hz: int = 22050  # of a length in samples
    aliases: tuple[tuple[str, str], ...] = ()  # (other name, genre)
    max_skipped_share: float = 0.05  # largest share of rows with values that are not finite


@dataclass(frozen=True)
class DataOptions:
    """How the data are read; see the config groups `data` and `features`."""

    table: tuple[str, ...] = ()  # `features.path`
    metadata: str | None = None  # `data.metadata`
    name: str | None = None  # `data.name`
    min_tracks: int = 0  # `data.min_tracks`
    reading: TableOptions = field(default_factory=TableOptions)

    @property
    def aliases(self) -> dict[str, str]:
        """`data.genres.aliases`."""
        return dict(self.reading.aliases)


def locate(kind: str, root: str | None, options: DataOptions | None = None) -> Location | None:
    """Finds the data root of a config of the group `data`; None for the embedded synthetic corpus.

    Args:
        kind: `auto`, `gtzan`, `folder`, `tracks` or `synthetic`.
        root: `data.root`; by default the environment variable GTZAN_ROOT, then `data/gtzan`.
        options: `data.metadata`.

    Raises:
        GtzanError: A root was given or is required, and has no usable data.
    """
    if kind == "synthetic":
        return None
    if kind == "tracks":
        return _of_list(root, options or DataOptions())
    named = root or os.environ.get("GTZAN_ROOT") or None
    if named is None and not DEFAULT_ROOT.is_dir():
        if kind == "auto":
            return None
        raise GtzanError(
            f"data={kind} needs a folder: data.root is not set and there is no {DEFAULT_ROOT}/.\n{SYNTHETIC_REMEDY}"
        )
    where = "data.root" if root else "GTZAN_ROOT" if named else "the default folder"
    return _inspect(Path(named).expanduser() if named else DEFAULT_ROOT, where, kind, options or DataOptions())


def locate_table(kind: str, root: str | None, options: DataOptions) -> Location:
    """The files of `features=table`, and the metadata that belong to them.

    The metadata are those of `data.metadata`, else `metadata.csv` beside the table, else that of the data root.

    Raises:
        GtzanError: No file is set, or one does not exist.
    """
    if not options.table:
        raise GtzanError("features=table needs a file: features.path=FILE (CSV, Parquet, Excel, npz, npy or HDF5).")
    if kind == "synthetic":
        raise GtzanError("features=table reads tracks from its file, data=synthetic renders its own. Omit data.")
    paths = tuple(Path(name).expanduser() for name in options.table)
    for path in paths:
        refuse_pipe(path)
        if not path.is_file():
            what = "is a folder, not a file" if path.is_dir() else "does not exist"
            raise GtzanError(f"features.path={path}: {what}.")
    named = root or os.environ.get("GTZAN_ROOT") or (str(DEFAULT_ROOT) if DEFAULT_ROOT.is_dir() else None)
    beside, of_root = paths[0].parent / METADATA, Path(named).expanduser() / METADATA if named else None
    if options.metadata or beside.is_file():
        return Location(paths[0].parent, paths, None, _metadata(options, beside))
    found = of_root if of_root is not None and of_root.is_file() else None
    return Location(paths[0].parent, paths, None, found, may_not_match=root is None)


def _of_list(root: str | None, options: DataOptions) -> Location:
    """The data of a track list, `data=tracks`."""
    path = Path(root).expanduser() if root else None
    if path is not None:
        refuse_pipe(path)
    if path is None or not path.is_file():
        what = "data.root is not set" if path is None else f"there is no file {path}"
        raise GtzanError(
            f"data=tracks needs a list of audio files with their genres: {what}. Set data.root=tracks.csv."
        )
    beside = path.parent / METADATA
    metadata = _metadata(options, beside) if options.metadata or beside != path else None
    return Location(path.parent, (), path, metadata, may_not_match=options.metadata is None)


def _metadata(options: DataOptions, default: Path) -> Path | None:
    if options.metadata is None:
        return default if default.is_file() else None
    chosen = Path(options.metadata).expanduser()
    refuse_pipe(chosen)
    if not chosen.is_file():
        raise GtzanError(f"data.metadata={options.metadata}: there is no such file.")
    return chosen


def _inspect(root: Path, where: str, kind: str, options: DataOptions) -> Location:
    refuse_pipe(root)
    if root.is_file():
        raise GtzanError(
            f"{where}={root}: is a file, not a folder. A list of audio files is data=tracks data.root={root}; a "
            f"table of features is features=table features.path={root}."
        )
    if not root.is_dir():
        raise GtzanError(f"{where}: there is no folder {root}.\n{SYNTHETIC_REMEDY}")
    tables = () if kind == "folder" else tuple(root / name for name in TABLE_NAMES if (root / name).is_file())
    candidates = [root] if kind == "folder" else [*(root / name for name in GTZAN_AUDIO_FOLDERS), root]
    if kind == "gtzan":
        candidates.remove(root)
    for path in candidates:
        if path.is_dir() and not tables:
            check_layout(path)
    audio = next((path for path in candidates if path.is_dir() and holds_audio(path)), None)
    if not tables and audio is None:
        near = _near(root)
        remedy = f"The data are in {near}: set data.root={near}." if near else _other_table(root) or NO_DATA_REMEDY
        raise GtzanError(f"{where}: {root} holds no {_expected(kind)}.\n{remedy}")
    return Location(root, tables, audio, _metadata(options, root / METADATA))


def _near(root: Path) -> Path | None:
    """The folder of GTZAN's tables or audio one or two levels below `root`, or one level above it."""
    below = [path for pattern in ("*", "*/*") for path in sorted(root.glob(pattern)) if path.is_dir()]
    for folder in (*below[:NEARBY], root.absolute().parent):
        with suppress(OSError):
            if any((folder / name).exists() for name in (*TABLE_NAMES, *GTZAN_AUDIO_FOLDERS)):
                return folder
    return None


def _other_table(root: Path) -> str:
    """How to read a table of another name in the folder; "" if there is none."""
    tables = [path for path in sorted(root.iterdir()) if path.is_file() and {*path.suffixes} & TABLE_SUFFIXES]
    return f"To read {tables[0].name}: features=table features.path={tables[0]}." if tables else ""


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
    read = location.tables if source == "tables" else (location.audio,) if location.is_list else ()
    for path in filter(None, [*read, location.metadata]):
        digest.update(f"{path.name} {_content_hash(path, path.stat().st_size, path.stat().st_mtime_ns)}\n".encode())
    if source == "audio" and location.audio is not None:
        paths = [path for _, path in audio_of(location.audio).files]
        base = location.root if location.is_list else location.audio
        index = ContentIndex((cache or cache_dir()) / "features", location.root)
        for path, sha256 in zip(paths, indexed_hashes(paths, index), strict=True):
            name = path.relative_to(base) if path.is_relative_to(base) else path
            digest.update(f"{name} {sha256}\n".encode())
    return digest.hexdigest()


@lru_cache(maxsize=16)
def _content_hash(path: Path, _size: int, _time: int) -> str:
    return content_hash(path)


@dataclass(frozen=True)
class DataSource:
    """The data of a run."""

    location: Location | None  # None for the synthetic corpus
    source: Source
    sha256: str  # fingerprint of the corpus
    options: DataOptions = field(default_factory=DataOptions)

    @property
    def own_table(self) -> bool:
        """Whether the features come from the table of `features=table`."""
        return bool(self.options.table)


def find_source(
    kind: str,
    root: str | None,
    wanted: str | None,
    features: str,
    cache: Path | None = None,
    options: DataOptions | None = None,
) -> DataSource:
    """Locates the data of a configuration and computes its fingerprint.

    Args:
        kind: `auto`, `gtzan`, `folder`, `tracks` or `synthetic`.
        root: `data.root`.
        wanted: `data.source`: `tables`, `audio` or None.
        features: Name of the features.
        cache: The cache folder; None is the default one.
        options: How the data are read.

    Raises:
        GtzanError: There is no usable data, or not the data that the features need.
    """
    options = options or DataOptions()
    if features == TABLE:
        if wanted == "audio":
            raise GtzanError("data.source=audio: features=table reads features.path. Omit data.source.")
        location = locate_table(kind, root, options)
        return DataSource(location, "tables", fingerprint(location, "tables", cache), options)
    options = replace(options, table=())
    found = locate(kind, root, options)
    if found is not None:
        source = choose_source(found, wanted, features)
        return DataSource(found, source, fingerprint(found, source, cache), options)
    if wanted == "tables":
        raise GtzanError("data.source=tables: the synthetic corpus is audio and has no tables. Omit data.source.")
    return DataSource(None, "audio", SYNTHETIC_FINGERPRINT, options)


def manifest_files(manifest: Manifest | None, fold: int | None) -> dict[str, Path]:
    """The files of a manifest by part ("" for a single file); `{fold}` in a name is `split.fold`."""
    named = manifest if isinstance(manifest, Mapping) else {"": manifest} if manifest else {}
    return {
        part: Path(name.replace("{fold}", str(fold))).expanduser()
        for part, name in named.items()
        if not name.startswith(MANIFEST_COLUMN)
    }
