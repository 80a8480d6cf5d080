"""Audio files of a corpus folder laid out as `<genre>/<file>`, of a track list, and of files, folders and patterns."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from glob import glob, has_magic
from pathlib import Path

from gtzan_lightning.errors import GtzanError

SYSTEM_FOLDERS = frozenset({
    "__MACOSX", "$RECYCLE.BIN", "RECYCLER", "System Volume Information", "lost+found", "@eaDir", "#recycle",
    "__pycache__",
})  # fmt: skip
AUDIO_SUFFIXES = (".wav", ".au", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".opus")  # libsndfile reads them
FFMPEG_SUFFIXES = (".m4a", ".aac", ".wma", ".mp4", ".m4b", ".webm", ".mka", ".ac3", ".ape", ".wv")  # FFmpeg reads them
MUSIC_SUFFIXES = (*AUDIO_SUFFIXES, *FFMPEG_SUFFIXES)
_AUDIO_START = re.compile(
    rb"RIFF....WAVE|FORM....AIF[FC]|fLaC|OggS|\.snd|ID3[\x02-\x04]|\xff[\xf2\xf3\xfa\xfb][\x10-\xef]|caff\x00\x01", re.S
)
_FFMPEG_START = re.compile(
    rb"....ftyp(?:M4A|M4B|mp4|isom|iso2|qt  |dash|3gp)|\x30\x26\xb2\x75\x8e\x66\xcf\x11|\x1aE\xdf\xa3"
    rb"|\xff[\xf0\xf1\xf8\xf9]|MAC |wvpk|\x0b\x77",
    re.S,
)
START_BYTES = 16


@dataclass(frozen=True)
class AudioFolder:
    """The audio files of each genre."""

    root: Path
    files: tuple[tuple[str, Path], ...]  # (genre, file), sorted
    notes: tuple[str, ...]  # entries that were not used and why, one sentence each
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of a track list: value of each file, by name
    missing: tuple[str, ...] = ()  # entries of a track list without a file

    def track_ids(self) -> list[str]:
        """A unique id for each file: the stem; where several have it, `<genre>/<name>`, or in a list the whole path."""
        stems = Counter(path.stem for _, path in self.files)
        longer = [
            f"{genre}/{path.name}" if not self.columns else os.path.relpath(path, self.root).replace(os.sep, "/")
            for genre, path in self.files
        ]
        return [
            path.stem if stems[path.stem] == 1 else name for name, (_, path) in zip(longer, self.files, strict=True)
        ]


def scan(root: Path) -> AudioFolder:
    """Lists the audio files in each genre folder without opening them.

    Hidden entries and `SYSTEM_FOLDERS` are ignored. Subfolders, broken links, other file types, names that are not
    UTF-8 and genres without audio are noted.
    """
    files: list[tuple[str, Path]] = []
    notes: list[str] = []
    for genre_folder in sorted(path for path in root.iterdir() if path.is_dir() and _is_visible(path)):
        found = []
        for path in sorted(filter(_is_visible, _entries(genre_folder))):
            reason = _reason_to_omit(path)
            if reason is None:
                found.append((genre_folder.name, path))
            else:
                notes.append(f"{printable(f'{genre_folder.name}/{path.name}')}: passed over, {reason}")
        if not found:
            notes.append(f"{printable(genre_folder.name)}/: holds no usable audio file; the genre is left out")
        files += found
    return AudioFolder(root, tuple(files), tuple(notes))


def audio_of(place: Path) -> AudioFolder:
    """The audio files of a folder of genres, or of a track list."""
    return scan(place) if place.is_dir() else listed(place)


def listed(path: Path) -> AudioFolder:
    """The audio files of a track list: a table with a column of files or track names and one of genres.

    Files are relative to the list. Names that are no files are looked for below its folder, without regard to folders,
    suffixes and leading zeros: track 2 is `000/000002.mp3`.

    Raises:
        GtzanError: It is no such table, no entry has a file, or a file has two genres.
    """
    from gtzan_lightning.corpus.metadata import COLUMN_NAMES, column_named  # with pandas, slow to import
    from gtzan_lightning.corpus.table_files import counted, read_table_file

    table = read_table_file(path, as_text=True)
    columns = {name: values.tolist() for name, values in table.columns.items()}
    genre_column = column_named(list(columns), COLUMN_NAMES["genre"])
    if genre_column is None:
        raise GtzanError(f"{path}: has no column of genres (genre, label, ...). It has: {', '.join(columns)}.")
    names, found = _files_of(path, columns, COLUMN_NAMES["track_id"])
    genres = columns[genre_column]
    missing = [name for name, file in zip(names, found, strict=True) if file is None]
    row_of: dict[Path, int] = {}
    notes = list(table.notes)
    for row, (file, genre) in enumerate(zip(found, genres, strict=True)):
        if file is not None and genre.strip() and genres[row_of.setdefault(file, row)] != genre:
            raise GtzanError(
                f"{path}, {table.line(row)}: {file} is {genres[row_of[file]]} in an earlier row. Delete one."
            )
    if without := sum(not genre.strip() for genre in genres):
        notes.append(f"{path.name}: {counted(without, 'row without a genre is', 'rows without a genre are')} left out")
    kept = sorted(row_of, key=lambda file: (genres[row_of[file]], file))
    rows = [row_of[file] for file in kept]
    return AudioFolder(
        path.parent,
        tuple((genres[row], file) for row, file in zip(rows, kept, strict=True)),
        tuple(notes),
        {name: [values[row] for row in rows] for name, values in columns.items()},
        tuple(missing),
    )


def _files_of(
    path: Path, columns: Mapping[str, Sequence[str]], usual: Sequence[str]
) -> tuple[Sequence[str], list[Path | None]]:
    """The column of a track list that names files, and the file of each row; None where there is none.

    Raises:
        GtzanError: no row has a file.
    """
    from gtzan_lightning.corpus.table_rows import plain
    from gtzan_lightning.corpus.tracks import examples, track_key

    named = [name for name in columns if plain(name) in usual] or list(columns)
    best: tuple[Sequence[str], list[Path | None]] = ((), [])
    for name in named:
        files = [path.parent / value.strip().replace("\\", "/") for value in columns[name]]
        found = [
            file if value.strip() and file.is_file() else None for value, file in zip(columns[name], files, strict=True)
        ]
        if _number(found) > _number(best[1]):
            best = columns[name], found
    if best[0]:
        return best
    below: dict[str, list[Path]] = {}
    for file in sorted(_audio_below(path.parent)):
        below.setdefault(track_key(file.name), []).append(file)
    single = {key: files[0] for key, files in below.items() if len(files) == 1}
    for name in named:
        found = [single.get(track_key(value)) if value.strip() else None for value in columns[name]]
        if _number(found) > _number(best[1]):
            best = columns[name], found
    if not best[0]:
        raise GtzanError(
            f"{path}: none of its {len(next(iter(columns.values())))} rows names an audio file below {path.parent}. "
            f"It has {examples(columns[named[0]])}; the files are "
            f"{examples(str(file.relative_to(path.parent)) for files in below.values() for file in files)}.\n"
            "Write a column path with files relative to the list."
        )
    return best


def _number(found: Sequence[Path | None]) -> int:
    return sum(file is not None for file in found)


def check_layout(root: Path) -> None:
    """Refuses folders that are parts of a split, or numbers of tracks as in FMA, instead of genres.

    Raises:
        GtzanError: They are; the message says how to use them.
    """
    from gtzan_lightning.corpus.tracks import part_of

    folders = sorted(path for path in root.iterdir() if path.is_dir() and _is_visible(path))
    shown = ", ".join(folder.name for folder in folders[:3])
    if len(folders) > 1 and all(part_of(folder.name) for folder in folders):
        raise GtzanError(
            f"{root}: its folders ({shown}) are parts of a split, not genres.\n"
            "Write a list beside them with the columns path, genre and split, a row such as "
            f"{folders[0].name}/rock/x.wav,rock,{part_of(folders[0].name)}, and use "
            "data=tracks data.root=LIST split.manifest=column:split."
        )
    stems = [(folder.name, path.stem) for folder in folders for path in _entries(folder) if _is_audio(path)]
    if stems and all(len(name) == 3 and stem.isdecimal() and stem.startswith(name) for name, stem in stems):
        tables = [file for folder in (root, root.parent) for file in sorted(folder.glob("*.csv"))]
        raise GtzanError(
            f"{root}: its folders ({shown}) are the first digits of track numbers, as in FMA, not genres.\n"
            "A list with the columns track_id (or path) and genre says what they are: data=tracks data.root="
            f"{tables[0] if tables else 'LIST'}."
        )


def holds_audio(root: Path) -> bool:
    """Whether a folder directly below `root` has a file with an audio suffix."""
    return any(
        _is_audio(path)
        for folder in root.iterdir()
        if folder.is_dir() and _is_visible(folder)
        for path in _entries(folder)
        if _is_visible(path)
    )


def _entries(folder: Path) -> list[Path]:
    """Entries of a folder; none if it is not readable."""
    try:
        return list(folder.iterdir())
    except PermissionError:
        return []


def printable(name: str) -> str:
    """A file name with unprintable characters, such as line breaks and undecodable bytes, escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in name)


def _is_visible(path: Path) -> bool:
    return not path.name.startswith(".") and path.name not in SYSTEM_FOLDERS


def _is_audio(path: Path) -> bool:
    return path.suffix.lower() in MUSIC_SUFFIXES


def is_ffmpeg_audio(path: Path) -> bool:
    """Whether a file is in a format that FFmpeg reads and libsndfile does not, by its suffix or its first bytes."""
    return path.suffix.lower() in FFMPEG_SUFFIXES or bool(_FFMPEG_START.match(_first_bytes(path)))


def _first_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(START_BYTES)
    except OSError:
        return b""


def _reason_to_omit(path: Path) -> str | None:
    # Python decodes bytes that are not UTF-8 as lone surrogates.
    if any("\ud800" <= character <= "\udfff" for character in f"{path.parent.name}/{path.name}"):
        return "its name is not UTF-8: rename it"
    if path.is_dir():
        return "it is a folder"
    if not path.exists():
        return "the link points to nothing"
    if not path.is_file():
        return "it is a pipe or a device"
    if not _is_audio(path):
        return f"its suffix is none of {' '.join(MUSIC_SUFFIXES)}"
    return None


def music_files(patterns: Iterable[str | Path]) -> list[Path]:
    """Expands files, folders and glob patterns into a list of distinct files, in the order of the arguments.

    A file is taken whatever its suffix and even if it does not exist; a folder is replaced by all files below it that
    are audio by their suffix or their first bytes, a glob pattern (`*`, `?`, `[...]`, `**` for any number of folders)
    by all files and folders that match.

    Raises:
        GtzanError: A folder has no audio file, or nothing matches a pattern.
    """
    return list(dict.fromkeys(path for pattern in patterns for path in _expanded(pattern)))


def _expanded(pattern: str | Path) -> list[Path]:
    path = Path(pattern)
    if path.is_dir():
        files = sorted(_audio_below(path))
        if not files:
            raise GtzanError(f"{pattern}: no audio file in this folder (looked for {' '.join(MUSIC_SUFFIXES)}).")
        return files
    if path.exists() or not has_magic(str(pattern)):
        return [path]
    matches = [Path(name) for name in sorted(glob(str(pattern), recursive=True))]
    files = [file for match in matches for file in (sorted(_audio_below(match)) if match.is_dir() else [match])]
    if not files:
        raise GtzanError(f"{pattern}: no file fits this pattern.")
    return files


def _audio_below(folder: Path) -> Iterator[Path]:
    """Files at any depth that are audio by suffix or content, without hidden entries and `SYSTEM_FOLDERS`."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if _is_visible(Path(name))]
        for path in (Path(root, name) for name in names if _is_visible(Path(name))):
            if _is_audio(path) or (path.is_file() and _starts_as_audio(path)):
                yield path


def _starts_as_audio(path: Path) -> bool:
    start = _first_bytes(path)
    return bool(_AUDIO_START.match(start) or _FFMPEG_START.match(start))
