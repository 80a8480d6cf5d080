"""Files that are either complete or not there."""

from __future__ import annotations

import errno
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from gtzan_lightning.errors import GtzanError

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
