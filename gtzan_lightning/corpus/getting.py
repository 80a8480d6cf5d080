"""GTZAN into a data root: from an archive at hand, or from the network."""

from __future__ import annotations

import shutil
from pathlib import Path

from gtzan_lightning.corpus.location import GTZAN_AUDIO_FOLDERS
from gtzan_lightning.corpus.mirrors import Mirrors
from gtzan_lightning.corpus.resuming import Report
from gtzan_lightning.corpus.unpacking import Unpacked, unpack
from gtzan_lightning.errors import GtzanError


def audio_in(root: Path) -> Path | None:
    """The folder of clips that a data root has already."""
    return next((root / name for name in GTZAN_AUDIO_FOLDERS if (root / name).is_dir()), None)


def get_from_mirrors(mirrors: Mirrors, root: Path, report: Report) -> Unpacked:
    """Downloads the archive beside `root`, unpacks it there and removes it.

    Raises:
        GtzanError: no mirror delivers, or the archive cannot be unpacked; what has arrived stays for the next attempt.
    """
    if root.exists() and not root.is_dir():
        raise GtzanError(f"{root}: is a file. Choose another --root.")
    from gtzan_lightning.corpus.download import download  # its libraries are needed for this alone

    folder = root.absolute().parent / f".{root.name}.download"
    unpacked = unpack(download(mirrors, folder, report), root)
    shutil.rmtree(folder, ignore_errors=True)
    return unpacked
