"""The audio files that a user means by files, folders and patterns.

MERGED: Any folder of audio laid out as `<genre>/<file>`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from glob import glob, has_magic
from pathlib import Path

from gtzan_lightning.errors import GtzanError

AUDIO_SUFFIXES = (".wav", ".au", ".flac", ".ogg", ".oga", ".mp3", ".aif", ".aiff", ".opus")


@dataclass(frozen=True)
class AudioFolder:
    """What a scan found: the audio files of each genre, and what was passed over."""

    root: Path
    files: tuple[tuple[str, Path], ...]  # (genre, file), sorted
    notes: tuple[str, ...]  # what was passed over and why, one sentence each

    def track_ids(self) -> list[str]:
        """One id a file, unique: the stem, or `<genre>/<name>` where two files share their stem."""
        stems = Counter(path.stem for _, path in self.files)
        return [path.stem if stems[path.stem] == 1 else f"{genre}/{path.name}" for genre, path in self.files]


def scan(root: Path) -> AudioFolder:
    """Lists the audio files below each genre folder; opens none of them.

    Hidden entries and the `__MACOSX` folders that archives leave behind are passed over in silence; a folder
    named like a file, a link to nothing, a foreign file type, a name that is no text and an empty genre are noted.
    """
    files: list[tuple[str, Path]] = []
    notes: list[str] = []
    for genre_folder in sorted(path for path in root.iterdir() if path.is_dir() and _is_visible(path)):
        found = []
        for path in sorted(filter(_is_visible, _entries(genre_folder))):
            reason = _why_not(path)
            if reason is None:
                found.append((genre_folder.name, path))
            else:
                notes.append(f"{printable(f'{genre_folder.name}/{path.name}')}: passed over, {reason}")
        if not found:
            notes.append(f"{printable(genre_folder.name)}/: holds no usable audio file; the genre is left out")
        files += found
    return AudioFolder(root, tuple(files), tuple(notes))


def holds_audio(root: Path) -> bool:
    """Whether some folder directly below `root` holds a file with an audio suffix."""
    return any(
        path.suffix.lower() in AUDIO_SUFFIXES
        for folder in root.iterdir()
        if folder.is_dir() and _is_visible(folder)
        for path in _entries(folder)
        if _is_visible(path)
    )


def _entries(folder: Path) -> list[Path]:
    """What is in a folder; nothing where that may not be read."""
    try:
        return list(folder.iterdir())
    except PermissionError:
        return []


def printable(name: str) -> str:
    """A file's name on one line that any console can show; line breaks and foreign bytes are written as escapes."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in name)


def _is_visible(path: Path) -> bool:
    return not path.name.startswith(".") and path.name != "__MACOSX"


def _why_not(path: Path) -> str | None:
    if not _is_text(f"{path.parent.name}/{path.name}"):
        return "its name is not UTF-8: rename it"
    if path.is_dir():
        return "it is a folder"
    if not path.exists():
        return "the link points to nothing"
    if not path.is_file():
        return "it is a pipe or a device"
    if path.suffix.lower() not in AUDIO_SUFFIXES:
        return f"its suffix is none of {' '.join(AUDIO_SUFFIXES)}"
    return None


def _is_text(name: str) -> bool:
    """Whether a name can be written to tables; Python gives bytes that are no UTF-8 as lone surrogates."""
    return not any("\ud800" <= sign <= "\udfff" for sign in name)


def music_files(words: Iterable[str | Path]) -> list[Path]:
    """Every file once, in the order of the words.

    A file is taken whatever it is called, be it there or not; a folder stands for all audio files below it, a pattern
    (`*`, `?`, `[...]`, `**` for folders in between) for all files and folders that fit.

    Raises:
        GtzanError: a folder without audio, or a pattern that nothing fits.
    """
    return list(dict.fromkeys(path for word in words for path in _meant(word)))


def _meant(word: str | Path) -> list[Path]:
    path = Path(word)
    if path.is_dir():
        found = sorted(_audio_below(path))
        if not found:
            raise GtzanError(f"{word}: no audio file in this folder (looked for {' '.join(AUDIO_SUFFIXES)}).")
        return found
    if path.exists() or not has_magic(str(word)):
        return [path]
    fitting = [Path(name) for name in sorted(glob(str(word), recursive=True))]
    files = [file for fit in fitting for file in (sorted(_audio_below(fit)) if fit.is_dir() else [fit])]
    if not files:
        raise GtzanError(f"{word}: no file fits this pattern.")
    return files


def _audio_below(folder: Path) -> Iterator[Path]:
    """Audio files at any depth; hidden entries and the `__MACOSX` folders of archives are passed over."""
    for root, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__MACOSX"]
        for name in names:
            if not name.startswith(".") and Path(name).suffix.lower() in AUDIO_SUFFIXES:
                yield Path(root, name)
