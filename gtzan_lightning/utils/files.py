"""Atomic writes of files and folders, and messages for errors of the file system."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtzan_lightning.errors import GtzanError

if TYPE_CHECKING:
    import pandas as pd

UNFINISHED = ".unfinished-"  # prefix of every temporary name, so that leftovers of killed processes can be found
TEMPORARY_NAME = 32  # characters of the name of a file in that of its temporary file

NO_SPACE = {
    errno.ENOSPC: "The disk is full. Free some space",
    errno.EDQUOT: "The disk quota is used up. Free some space",
    errno.EFBIG: "The system's limit on file sizes (ulimit -f) forbids so large a file. Raise the limit",
}
REMEDIES = {
    **NO_SPACE,
    errno.EROFS: "The disk is read-only. Choose another folder with outputs=FOLDER",
    errno.EACCES: "Permission denied. Choose another folder with outputs=FOLDER",
    errno.EPERM: "Permission denied. Choose another folder with outputs=FOLDER",
    errno.ENOTDIR: "A file stands where a folder should be. Choose another folder with outputs=FOLDER",
    errno.EEXIST: "A file stands where a folder should be. Choose another folder with outputs=FOLDER",
}  # fmt: skip


_FORMULA = re.compile(r"'*[=+\-@\t\r]")


def as_cell(text: str) -> str:
    """Text as a cell of a CSV file that a spreadsheet does not take for a formula; `text_of_cell` is the inverse.

    An apostrophe is put before text that starts with `=`, `+`, `-`, `@`, a tab or a carriage return, unless it is a
    number (CWE-1236).
    """
    return f"'{text}" if _FORMULA.match(text) and not is_number(text) else text


def text_of_cell(cell: str) -> str:
    """The text that `as_cell` made a cell of."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def quoted(cell: str) -> str:
    """A cell as the file has it: in quotes if it contains a comma, a quote or a line break."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerow([cell, ""])
    return buffer.getvalue()[:-2]


def row_of_cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of a CSV file whose texts are cells as those of `as_cell`."""
    return {name: as_cell(value) if isinstance(value, str) else value for name, value in row.items()}


def with_cells(table: pd.DataFrame) -> pd.DataFrame:
    """A table whose texts and column names are cells as those of `as_cell`."""
    made = table.map(lambda value: as_cell(value) if isinstance(value, str) else value)
    return made.rename(columns=as_cell)


def is_number(text: str) -> bool:
    """Whether a text is a number as Python writes it."""
    try:
        float(text)
    except ValueError:
        return False
    return True


@contextmanager
def replacing(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Yields a temporary path beside `path` and renames it to `path` when the block ends without an error.

    Readers see the old content or the new, never a part. A folder does not replace an existing folder that is not
    empty: another process has written the same content meanwhile.

    Args:
        path: The file or folder to create or replace.
        sync: Flush the file to disk before renaming, so that a power failure cannot leave an empty file.
    """
    start = path.stem[:TEMPORARY_NAME]  # a longer one could exceed the 255 bytes of a file name
    temporary = path.with_name(f"{UNFINISHED}{start}.{uuid.uuid4().hex[:12]}.tmp{path.suffix}")
    try:
        yield temporary
        if sync:
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
        try:
            os.replace(temporary, path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    except OSError as error:
        of_this_file = error.filename is None or str(error.filename) == str(temporary)  # None: writing on a full disk
        if of_this_file and error.errno is not None:
            error.filename = str(path)
        raise
    finally:
        remove(temporary)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes or replaces a file atomically."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Writes or replaces a UTF-8 file atomically; bytes of file names that are not UTF-8 are escaped."""
    write_bytes(path, content.encode(errors="backslashreplace"))


def write_atomically(target: Path, write: Callable[[Path], object]) -> None:
    """Writes a file or folder of the cache atomically, and its parent folders where they are missing.

    Nothing is flushed to disk: a cache entry damaged by a power failure is computed again.

    Args:
        target: The file or folder to write.
        write: Creates the file or folder at the path it is called with.

    Raises:
        GtzanError: The disk is full, or the folder is not writable.
    """
    with explained(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target, sync=False) as temporary:
            write(temporary)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Converts file system errors of the cache into a `GtzanError` that names the remedy."""
    try:
        yield
    except OSError as error:
        other = "another folder with cache_dir=FOLDER (or GTZAN_CACHE=FOLDER)"
        if error.errno in NO_SPACE:
            raise GtzanError(
                f"{folder}: {error.strerror}; what the cache holds so far stays usable.\n"
                f"{NO_SPACE[error.errno]} (`gtzan cache prune`), or choose {other}, and run again."
            ) from error
        if error.errno in REMEDIES:
            raise GtzanError(
                f"{folder}: the cache cannot be written there ({error.strerror}). Choose {other}."
            ) from error
        raise


def disk_trouble(error: BaseException) -> str | None:
    """The message for an error of the file system, also where it is a cause of `error`; None for other errors."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in REMEDIES:
            where = cause.filename or "The run could not be written"
            return f"{where}: {cause.strerror}.\n{REMEDIES[cause.errno]}; then run the same command again to resume."
        cause = cause.__cause__ or cause.__context__
    return None


def refuse_pipe(path: Path) -> None:
    """Refuses a pipe or a device in place of a file: files are read more than once, and a pipe without a writer waits.

    Raises:
        GtzanError: It is one.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        raise GtzanError(f"{path}: a pipe or a device, which can be read only once. Save its content as a file first.")


def remove(path: Path) -> None:
    """Deletes a file or a folder if it exists."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
