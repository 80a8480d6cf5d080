"""What is wrong with the disk, in a sentence."""

from __future__ import annotations

import errno

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
