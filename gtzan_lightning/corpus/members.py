"""What an archive holds, one member after the other, and what must not be in it.

An archive comes from strangers. Nothing here writes a file, and no name of a member is ever used as a path: the names
are checked, and whoever unpacks decides by himself where the bytes go.
"""

from __future__ import annotations

import gzip
import stat
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from gtzan_lightning.errors import GtzanError

MAX_MEMBERS = 50_000  # the published archives have up to 3,000
MAX_MEMBER_BYTES = 2**30  # a clip of GTZAN has 1.3 MB
MAX_TOTAL_BYTES = 8 * 2**30
MAX_HEADER_BYTES = 2**24  # a tar header, long names included, is read into memory in one piece

GZIP_MAGIC, ZIP_MAGIC = b"\x1f\x8b", b"PK\x03\x04"


@dataclass(frozen=True)
class Member:
    """A file or folder of an archive; to be read before the next one is asked for."""

    name: str
    size_bytes: int
    kind: str  # "file", "folder", or what else it is
    open: Callable[[], IO[bytes]]


def checked_members(archive: Path) -> Iterator[Member]:
    """The files of an archive (.tar.gz or .zip), folders left out.

    Raises:
        GtzanError: it is no such archive, or some member is a link or device, has a name that leads out of the folder,
            or an absurd size.
        OSError, EOFError, ValueError, RuntimeError, zlib.error, tarfile.TarError, zipfile.BadZipFile: it is damaged.
    """
    total_bytes = 0
    for number, member in enumerate(_members(archive), start=1):
        total_bytes += member.size_bytes
        reason = _why_not(member)
        if reason is None and (number > MAX_MEMBERS or total_bytes > MAX_TOTAL_BYTES):
            reason = f"exceeds {MAX_MEMBERS} members or {MAX_TOTAL_BYTES / 2**30:g} GiB in all"
        if reason:
            raise GtzanError(
                f"{archive}: its member {member.name!r} {reason}. GTZAN has nothing like it: nothing was unpacked, and "
                "nothing from this source should be trusted."
            )
        if member.kind == "file":
            yield member


def _members(archive: Path) -> Iterator[Member]:
    with archive.open("rb") as file:
        magic = file.read(len(ZIP_MAGIC))
    if magic.startswith(GZIP_MAGIC):
        return _tar_members(archive)
    if magic == ZIP_MAGIC:
        return _zip_members(archive)
    raise GtzanError(f"{archive}: is neither a .tar.gz nor a .zip archive (by its content, not its name).")


def _why_not(member: Member) -> str | None:
    """What is wrong with a member; None: nothing."""
    name = member.name
    if member.kind not in ("file", "folder"):
        return f"is {member.kind}"
    if not name or any(ord(character) < 32 for character in name):
        return "has no proper name"
    if name.startswith("/") or "\\" in name or name[1:2] == ":":
        return "has an absolute path, or one of another system"
    if ".." in PurePosixPath(name).parts:
        return "leads out of the folder"
    if not 0 <= member.size_bytes <= MAX_MEMBER_BYTES:
        return f"has {member.size_bytes} bytes"
    return None


class _BoundedGzip(gzip.GzipFile):
    """Refuses to read much at once: a header that claims gigabytes must not fill the memory."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(size)


def _tar_members(archive: Path) -> Iterator[Member]:
    with _BoundedGzip(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as tar:
        for info in tar:

            def opened(info: tarfile.TarInfo = info) -> IO[bytes]:
                stream = tar.extractfile(info)
                assert stream is not None  # it is a file
                return stream

            yield Member(info.name, info.size, _tar_kind(info), opened)
        # tarfile takes a damaged header for the end; the true end is a block of zeros, or no block.
        unzipped.seek(tar.offset)
        if unzipped.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError(f"no header at byte {tar.offset}")
        while unzipped.read(2**20):  # gzip's checksum stands at its end
            pass


def _tar_kind(info: tarfile.TarInfo) -> str:
    if info.isfile():
        return "file"
    if info.isdir():
        return "folder"
    return "a link" if info.issym() or info.islnk() else "a device or the like"


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():

            def opened(info: zipfile.ZipInfo = info) -> IO[bytes]:
                return zipped.open(info)

            yield Member(info.filename, info.file_size, _zip_kind(info), opened)


def _zip_kind(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16  # as Unix has it; 0 in archives made elsewhere
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a device or the like"
    return "folder" if info.is_dir() else "file"
