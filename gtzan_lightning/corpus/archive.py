"""Unpacks a GTZAN archive into a data root, all of it or nothing, without overwriting files.

Member names are checked here for both formats. `tarfile.data_filter` removes the leading slash of an absolute name and
accepts `..` and links that stay inside the folder, `zipfile` renames such members silently; here they are errors,
because no published archive has any. Neither library limits the number or the size of the members.
"""

from __future__ import annotations

import gzip
import os
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, Any

from gtzan_lightning.corpus.audio_folder import AUDIO_SUFFIXES
from gtzan_lightning.corpus.location import GTZAN_AUDIO_FOLDERS, TABLE_NAMES
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import refuse_pipe

MAX_MEMBERS = 50_000  # the published archives have up to 3,000
MAX_MEMBER_BYTES = 2**30  # a clip of GTZAN has 1.3 MB
MAX_TOTAL_BYTES = 8 * 2**30
MAX_HEADER_BYTES = 2**24  # of a tar header with its long names
CHUNK_BYTES = 2**20

GZIP_MAGIC, ZIP_MAGIC = b"\x1f\x8b", b"PK\x03\x04"
# RuntimeError: encrypted, or (NotImplementedError) an unknown compression; ValueError: invalid headers.
DAMAGE = (EOFError, zlib.error, tarfile.TarError, zipfile.BadZipFile, RuntimeError, ValueError)


@dataclass(frozen=True)
class Unpacked:
    """Contents of an unpacked archive."""

    clips: int
    genres: int
    tables: tuple[str, ...]  # names of the published tables
    ignored: int  # files that are not part of the data, such as spectrogram images and hidden files


@dataclass(frozen=True)
class Member:
    """A file or folder of an archive. A member must be read before the next one is requested."""

    name: str
    size_bytes: int
    kind: str  # "file", "folder", or the name of another type
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, root: Path) -> Unpacked:
    """Unpacks `genres.tar.gz`, or the Kaggle zip, into `root`.

    Everything is unpacked into a hidden folder on the same disk first and moved when it is complete.

    Raises:
        GtzanError: The archive is missing, damaged, malicious, or not GTZAN; `root` already has such files; the disk
            is full. `root` is then unchanged.
    """
    refuse_pipe(archive)
    home = root if root.is_dir() else root.parent
    with _explained(archive, root):
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=home) as staging:
            unpacked_root = Path(staging) / "root"
            unpacked_root.mkdir()
            contents = _extract(archive, unpacked_root, root)
            _move(unpacked_root, root)
    return contents


@contextmanager
def _explained(archive: Path, root: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise GtzanError(f"{archive}: there is no such file.") from error
    except (OSError, *DAMAGE) as error:
        if isinstance(error, OSError) and error.errno is not None:  # gzip's own errors have no number
            raise GtzanError(f"Unpacking {archive} into {root}: {error.strerror} ({error.filename}).") from error
        raise GtzanError(
            f"{archive}: is damaged or cut short ({error}); nothing was unpacked. Get the archive again."
        ) from error


def _extract(archive: Path, target: Path, root: Path) -> Unpacked:
    """Writes the clips and tables of the archive below `target`; files of these names must not exist in `root`."""
    taken: set[str] = set()
    genres: set[str] = set()
    tables: list[str] = []
    ignored = 0
    for member in checked_members(archive):
        place = place_of(member.name)
        if place is None:
            ignored += 1
            continue
        if str(place).casefold() in taken:  # some file systems ignore case
            raise GtzanError(f"{archive}: holds {place} twice; nothing was unpacked. Get the archive elsewhere.")
        taken.add(str(place).casefold())
        _refuse_present(root / place.parts[0])
        _copy(member, target / place)
        if len(place.parts) == 1:
            tables.append(place.name)
        else:
            genres.add(place.parts[1])
    if not taken:
        raise GtzanError(
            f"{archive}: holds neither genres/ or genres_original/ with <genre>/<clip>, nor {' or '.join(TABLE_NAMES)}."
        )
    return Unpacked(len(taken) - len(tables), len(genres), tuple(tables), ignored)


def place_of(name: str) -> PurePosixPath | None:
    """Path of a member below the data root, from its name in the archive; None for a file that is not needed.

    `genres/<genre>/<clip>`, `genres_original/<genre>/<clip>` and the tables, at the top or in one folder (`Data/`).
    """
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return None
    if 1 <= len(parts) <= 2 and parts[-1] in TABLE_NAMES:
        return PurePosixPath(parts[-1])
    is_clip = 3 <= len(parts) <= 4 and parts[-3] in GTZAN_AUDIO_FOLDERS
    return PurePosixPath(*parts[-3:]) if is_clip and PurePosixPath(name).suffix.lower() in AUDIO_SUFFIXES else None


def _copy(member: Member, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    left_bytes = member.size_bytes
    with member.open() as source, target.open("xb") as file:
        while chunk := source.read(CHUNK_BYTES):  # to the end, where zipfile compares the checksum
            file.write(chunk)
            left_bytes -= len(chunk)
    if left_bytes:
        raise EOFError(f"{member.name}: {left_bytes} bytes are missing")


def _move(unpacked_root: Path, root: Path) -> None:
    """Renames the whole root where there is none yet, else each table and audio folder."""
    if not root.is_dir():
        os.rename(unpacked_root, root)
        return
    for path in sorted(unpacked_root.iterdir()):
        _refuse_present(root / path.name)
        os.rename(path, root / path.name)


def _refuse_present(path: Path) -> None:
    if os.path.lexists(path):
        raise GtzanError(
            f"{path}: is there already and will not be overwritten. Move it away or choose another --root."
        )


def checked_members(archive: Path) -> Iterator[Member]:
    """The files of an archive (.tar.gz or .zip), without its folders.

    Raises:
        GtzanError: It is not such an archive, or a member is a link or device, has a name that leads out of the
            folder, or is too large.
        OSError, EOFError, ValueError, RuntimeError, zlib.error, tarfile.TarError, zipfile.BadZipFile: It is damaged.
    """
    total_bytes = 0
    for number, member in enumerate(_members(archive), start=1):
        total_bytes += member.size_bytes
        reason = _reason_to_refuse(member)
        if reason is None and (number > MAX_MEMBERS or total_bytes > MAX_TOTAL_BYTES):
            reason = f"exceeds {MAX_MEMBERS} members or {MAX_TOTAL_BYTES / 2**30:g} GiB in total"
        if reason:
            raise GtzanError(
                f"{archive}: its member {member.name!r} {reason}. The published archives have no such member: nothing "
                "was unpacked, and the source of this file should not be trusted."
            )
        if member.kind == "file":
            yield member


def _reason_to_refuse(member: Member) -> str | None:
    name = member.name
    if member.kind not in ("file", "folder"):
        return f"is {member.kind}"
    if not name or any(ord(character) < 32 for character in name):
        return "has an empty name or one with control characters"
    if name.startswith("/") or "\\" in name or name[1:2] == ":":
        return "has an absolute path, or one of another system"
    if ".." in PurePosixPath(name).parts:
        return "leads out of the folder"
    if not 0 <= member.size_bytes <= MAX_MEMBER_BYTES:
        return f"has {member.size_bytes} bytes"
    return None


def _members(archive: Path) -> Iterator[Member]:
    with archive.open("rb") as file:
        magic = file.read(len(ZIP_MAGIC))
    if magic.startswith(GZIP_MAGIC):
        return _tar_members(archive)
    if magic == ZIP_MAGIC:
        return _zip_members(archive)
    raise GtzanError(f"{archive}: is neither a .tar.gz nor a .zip archive (by its content, not its name).")


class _BoundedGzip(gzip.GzipFile):
    """Limits the size of a read: tarfile reads a header of any claimed size into memory at once."""

    def read(self, size: int | None = -1) -> bytes:
        if size is None or not 0 <= size <= MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        return super().read(size)


def _tar_members(archive: Path) -> Iterator[Member]:
    with _BoundedGzip(archive) as unzipped, tarfile.open(fileobj=unzipped, mode="r:") as tar:
        extractfile: Any = tar.extractfile  # returns None for folders only
        for info in tar:
            link = "a link" if info.issym() or info.islnk() else "a device or the like"
            kind = "file" if info.isfile() else "folder" if info.isdir() else link
            yield Member(info.name, info.size, kind, partial(extractfile, info))
        # tarfile takes a damaged header for the end of the archive, which is a block of zeros or the end of the file.
        unzipped.seek(tar.offset)
        if unzipped.read(tarfile.BLOCKSIZE).strip(b"\0"):
            raise tarfile.ReadError(f"no header at byte {tar.offset}")
        while unzipped.read(CHUNK_BYTES):  # to the end, where gzip compares the checksum
            pass


def _zip_members(archive: Path) -> Iterator[Member]:
    with zipfile.ZipFile(archive) as zipped:
        for info in zipped.infolist():
            mode = stat.S_IFMT(info.external_attr >> 16)  # the Unix mode, 0 in archives written on other systems
            kind = "folder" if info.is_dir() else "file"
            if mode not in (0, stat.S_IFREG, stat.S_IFDIR):  # zipfile has no test for links and devices
                kind = "a link" if mode == stat.S_IFLNK else "a device or the like"
            yield Member(info.filename, info.file_size, kind, partial(zipped.open, info))
