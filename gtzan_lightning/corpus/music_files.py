"""The audio files that a user means by files, folders and patterns."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from pathlib import Path

from gtzan_lightning.corpus.folder import AUDIO_SUFFIXES
from gtzan_lightning.errors import GtzanError


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
