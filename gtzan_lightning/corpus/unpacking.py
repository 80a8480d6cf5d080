"""GTZAN out of an archive into a data root: all of it or nothing, and nothing overwritten."""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tarfile import TarError
from zipfile import BadZipFile

from gtzan_lightning.corpus.folder import AUDIO_SUFFIXES
from gtzan_lightning.corpus.location import GTZAN_AUDIO_FOLDERS, TABLE_NAMES
from gtzan_lightning.corpus.members import Member, checked_members
from gtzan_lightning.errors import GtzanError

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
    with _told(archive, root):
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
def _told(archive: Path, root: Path) -> Iterator[None]:
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
