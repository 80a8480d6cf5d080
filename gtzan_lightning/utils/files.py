"""What is wrong with the disk, in a sentence.

MERGED: Files that a reader never sees half written. | Files that are either complete or not there.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gtzan_lightning.errors import GtzanError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` to write to; puts it in place when the block ends without an error."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=f".tmp{path.suffix}")
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _to_disk(temporary)  # else a loss of power could leave an empty file under the name
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files for the owner's eyes only
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    """Writes or replaces a whole file."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Writes or replaces a whole file, as UTF-8."""
    write_bytes(path, content.encode())


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current


UNFINISHED = ".unfinished-"  # begins the name of what is still being written


def write_atomically(target: Path, write: Callable[[Path], None]) -> None:
    """Writes a file or a folder under another name and renames it when complete.

    A process killed on the way leaves a file of a name that nobody reads. If another process has put a folder there
    meanwhile, that one stays: what has the same name in the cache is the same.

    Args:
        target: where it shall be.
        write: makes the file or folder at the path that it is given.

    Raises:
        GtzanError: the disk is full, or the folder cannot be written.
    """
    unfinished = target.parent / f"{UNFINISHED}{uuid.uuid4().hex}"
    with explained(target.parent):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            write(unfinished)
            _rename(unfinished, target)
        finally:
            remove(unfinished)


@contextmanager
def explained(folder: Path) -> Iterator[None]:
    """Turns the errors of a disk into sentences that name the remedy."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise GtzanError(
                f"{folder}: the disk is full; what the cache holds so far stays usable.\n"
                "Free some space (`gtzan cache prune`), or choose another cache folder, and run again."
            ) from error
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            raise GtzanError(f"{folder}: no permission to write the cache there. Choose another folder.") from error
        raise


def remove(path: Path) -> None:
    """Deletes a file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _rename(unfinished: Path, target: Path) -> None:
    try:
        unfinished.replace(target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise


REMEDIES = {
    errno.ENOSPC: "The disk is full. Free some space",
    errno.EDQUOT: "The quota of the disk is used up. Free some space",
    errno.EFBIG: "The system's limit on file sizes (ulimit -f) forbids so large a file. Raise the limit",
    errno.EROFS: "The disk is read-only. Choose another folder with outputs=FOLDER",
    errno.EACCES: "You may not write there. Choose another folder with outputs=FOLDER",
    errno.EPERM: "You may not write there. Choose another folder with outputs=FOLDER",
    errno.ENOTDIR: "A file stands where a folder should be. Choose another folder with outputs=FOLDER",
    errno.EEXIST: "A file stands where a folder should be. Choose another folder with outputs=FOLDER",
}  # fmt: skip


def disk_trouble(error: BaseException) -> str | None:
    """The disk's part in an error: the file, what is wrong and what to do; None if the disk has none."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.errno in REMEDIES:
            where = cause.filename or "The run could not be written"
            return f"{where}: {cause.strerror}.\n{REMEDIES[cause.errno]}; then the same command goes on."
        cause = cause.__cause__ or cause.__context__
    return None
