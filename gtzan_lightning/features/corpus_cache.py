"""The features of a whole corpus as one array on disk, which is mapped into memory instead of read."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from gtzan_lightning.features.atomic import remove, write_atomically
from gtzan_lightning.features.cache import UNREADABLE, FileCache, FileSummary


@dataclass(frozen=True)
class StoredCorpus:
    """Features of a corpus, file after file."""

    values: NDArray[np.float32]  # (rows, features), a read-only memory map
    files: tuple[FileSummary, ...]  # what became of each file, in order

    @property
    def n_rows(self) -> NDArray[np.int64]:
        """Rows of each file, `(files,)`."""
        return np.array([file.rows for file in self.files], np.int64)


def load_corpus(root: Path, key: str) -> StoredCorpus | None:
    """What is stored of a corpus, or None; what a power failure has damaged is removed."""
    folder = root / "corpora" / key
    try:
        about = json.loads((folder / "about.json").read_text("utf-8"))
        files = tuple(FileSummary(**{**file, "notes": tuple(file["notes"])}) for file in about)
        stored = StoredCorpus(np.load(folder / "values.npy", mmap_mode="r"), files)
        if len(stored.values) != stored.n_rows.sum():
            raise ValueError(f"{folder}: rows are missing")
    except FileNotFoundError:
        return None
    except UNREADABLE:
        remove(folder)
        return None
    with suppress(OSError):  # a shared cache may be read-only
        os.utime(folder)  # pruning goes by the last use
    return stored


def store_corpus(cache: FileCache, key: str, entries: Sequence[tuple[str, FileSummary]]) -> None:
    """Joins the entries of files, one after the other: memory does not grow with the corpus.

    Args:
        cache: holds the entries.
        key: of the corpus.
        entries: key and summary of each file, in order.

    Raises:
        LookupError: an entry is gone, or damaged; it has been removed.
    """
    n_rows = sum(summary.rows for _, summary in entries)
    n_columns = max((summary.columns for _, summary in entries), default=0)

    def write(folder: Path) -> None:
        folder.mkdir()
        # plain writes, not a memory map: on a full disk they fail with an error instead of a signal
        with (folder / "values.npy").open("wb") as file:
            header = {"descr": "<f4", "fortran_order": False, "shape": (n_rows, n_columns)}
            npy.write_array_header_1_0(file, header)
            for file_key, summary in entries:
                if summary.rows:
                    file.write(cache.values(file_key).astype("<f4").tobytes())
        (folder / "about.json").write_text(json.dumps([asdict(summary) for _, summary in entries]), "utf-8")

    write_atomically(cache.root / "corpora" / key, write)
