"""Any folder of audio laid out as `<genre>/<file>`."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

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
    named like a file, a link to nothing, a foreign file type and an empty genre are noted.
    """
    files: list[tuple[str, Path]] = []
    notes: list[str] = []
    for genre_folder in sorted(path for path in root.iterdir() if path.is_dir() and _is_visible(path)):
        found = []
        for path in sorted(filter(_is_visible, genre_folder.iterdir())):
            reason = _why_not(path)
            if reason is None:
                found.append((genre_folder.name, path))
            else:
                notes.append(f"{genre_folder.name}/{path.name}: passed over, {reason}")
        if not found:
            notes.append(f"{genre_folder.name}/: holds no audio file; the genre is left out")
        files += found
    return AudioFolder(root, tuple(files), tuple(notes))


def holds_audio(root: Path) -> bool:
    """Whether some folder directly below `root` holds a file with an audio suffix."""
    return any(
        path.suffix.lower() in AUDIO_SUFFIXES
        for folder in root.iterdir()
        if folder.is_dir() and _is_visible(folder)
        for path in folder.iterdir()
        if _is_visible(path)
    )


def _is_visible(path: Path) -> bool:
    return not path.name.startswith(".") and path.name != "__MACOSX"


def _why_not(path: Path) -> str | None:
    if path.is_dir():
        return "it is a folder"
    if not path.exists():
        return "the link points to nothing"
    if path.suffix.lower() not in AUDIO_SUFFIXES:
        return f"its suffix is none of {' '.join(AUDIO_SUFFIXES)}"
    return None
