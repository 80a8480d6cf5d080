"""Audio files of a corpus folder laid out as `<genre>/<file>`, and of files, folders and glob patterns."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from gtzan_lightning.errors import GtzanError

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

    def track_ids(self) -> list[str]:
        """A unique id for each file: the stem, or `<genre>/<name>` where several files have this stem."""
        stems = Counter(path.stem for _, path in self.files)
        return [path.stem if stems[path.stem] == 1 else f"{genre}/{path.name}" for genre, path in self.files]


def scan(root: Path) -> AudioFolder:
    """Lists the audio files in each genre folder without opening them.

    Hidden entries and `__MACOSX` folders are ignored. Subfolders, broken links, other file types, names that are not
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
    return not path.name.startswith(".") and path.name != "__MACOSX"


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
    """Files at any depth that are audio by suffix or content, without hidden entries and `__MACOSX` folders."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if _is_visible(Path(name))]
        for path in (Path(root, name) for name in names if _is_visible(Path(name))):
            if _is_audio(path) or (path.is_file() and _starts_as_audio(path)):
                yield path


def _starts_as_audio(path: Path) -> bool:
    start = _first_bytes(path)
    return bool(_AUDIO_START.match(start) or _FFMPEG_START.match(start))
