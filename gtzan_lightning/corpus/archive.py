"""GTZAN out of an archive into a data root: all of it or nothing, and nothing overwritten.

MERGED: What an archive holds, one member after the other, and what must not be in it.
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
from pathlib import Path, PurePosixPath
from tarfile import TarError
from typing import IO
from zipfile import BadZipFile

from gtzan_lightning.corpus.audio_folder import AUDIO_SUFFIXES
from gtzan_lightning.corpus.location import GTZAN_AUDIO_FOLDERS, TABLE_NAMES
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


CHUNK_BYTES = 2**20
# RuntimeError: encrypted; NotImplementedError, one of its kind: an unknown compression; ValueError: impossible headers.
DAMAGE = (EOFError, zlib.error, TarError, BadZipFile, RuntimeError, ValueError)


@dataclass(frozen=True)
class Unpacked:
    """What came out of an archive."""

    clips: int
    genres: int
    tables: tuple[str, ...]  # names of the published tables that were in it
    passed_over: int  # files that GTZAN's users do not need: spectrogram images, hidden files


def unpack(archive: Path, root: Path) -> Unpacked:
    """Unpacks `genres.tar.gz`, or the Kaggle zip, into `root`.

    Everything is unpacked into a hidden folder on the same disk first, and moved when it is complete.

    Raises:
        GtzanError: the archive is missing, damaged, malicious, or not GTZAN; `root` has such files already; the disk
            is full. Then `root` is as it was.
    """
    home = root if root.is_dir() else root.parent
    with _format_error(archive, root):
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".unpacking-", dir=home) as staging:
            fresh = Path(staging) / "root"
            fresh.mkdir()
            contents = _fill(fresh, archive, root)
            _move(fresh, root)
    return contents


def place_of(name: str) -> PurePosixPath | None:
    """Where below a data root a member belongs, by its name in the archive; None: it is not needed.

    `genres/<genre>/<clip>`, `genres_original/<genre>/<clip>` and the tables, at the top or in one folder (`Data/`).
    """
    parts = PurePosixPath(name).parts
    if any(part.startswith(".") or part == "__MACOSX" for part in parts):
        return None
    if 1 <= len(parts) <= 2 and parts[-1] in TABLE_NAMES:
        return PurePosixPath(parts[-1])
    is_clip = 3 <= len(parts) <= 4 and parts[-3] in GTZAN_AUDIO_FOLDERS
    return PurePosixPath(*parts[-3:]) if is_clip and PurePosixPath(name).suffix.lower() in AUDIO_SUFFIXES else None


@contextmanager
def _format_error(archive: Path, root: Path) -> Iterator[None]:
    try:
        yield
    except GtzanError:
        raise
    except FileNotFoundError as error:
        raise GtzanError(f"{archive}: there is no such file.") from error
    except DAMAGE as error:
        raise _damaged(archive, error) from error
    except OSError as error:
        if error.errno is None:  # gzip's own errors have no number
            raise _damaged(archive, error) from error
        raise GtzanError(f"Unpacking {archive} into {root}: {error.strerror} ({error.filename}).") from error


def _damaged(archive: Path, error: Exception) -> GtzanError:
    return GtzanError(f"{archive}: is damaged or cut short ({error}); nothing was unpacked. Get the archive again.")


def _fill(fresh: Path, archive: Path, root: Path) -> Unpacked:
    """Writes the members that GTZAN needs below `fresh`."""
    taken: set[str] = set()
    genres: set[str] = set()
    tables: list[str] = []
    passed_over = 0
    for member in checked_members(archive):
        place = place_of(member.name)
        if place is None:
            passed_over += 1
            continue
        if str(place).casefold() in taken:  # some disks do not tell a from A
            raise GtzanError(f"{archive}: holds {place} twice; nothing was unpacked. Get the archive elsewhere.")
        taken.add(str(place).casefold())
        _refuse_present(root / place.parts[0])
        _copy(member, fresh / place)
        if len(place.parts) == 1:
            tables.append(place.name)
        else:
            genres.add(place.parts[1])
    if not taken:
        raise GtzanError(
            f"{archive}: holds neither genres/ or genres_original/ with <genre>/<clip>, nor {' or '.join(TABLE_NAMES)}."
        )
    return Unpacked(len(taken) - len(tables), len(genres), tuple(tables), passed_over)


def _refuse_present(path: Path) -> None:
    if os.path.lexists(path):
        raise GtzanError(
            f"{path}: is there already and will not be overwritten. Move it away or choose another --root."
        )


def _copy(member: Member, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    left_bytes = member.size_bytes
    with member.open() as source, target.open("xb") as file:
        while chunk := source.read(CHUNK_BYTES):  # to the end, where zipfile compares its checksum
            file.write(chunk)
            left_bytes -= len(chunk)
    if left_bytes:
        raise EOFError(f"{member.name}: {left_bytes} bytes are missing")


def _move(fresh: Path, root: Path) -> None:
    """A new root appears at once; an existing one gets each table and each audio folder at once."""
    if not root.is_dir():
        os.rename(fresh, root)
        return
    for path in sorted(fresh.iterdir()):
        _refuse_present(root / path.name)
        os.rename(path, root / path.name)
