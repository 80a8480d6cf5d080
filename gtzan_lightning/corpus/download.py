"""GTZAN into a data root: from an archive at hand, or from the network.

MERGED: Which archive to download, from where, and how to know that it is the right one. | A download over HTTP that goes on where a cut connection left it. | Downloading GTZAN: mirror after mirror, hash checked, resumed where it was cut.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pooch
import requests
from filelock import FileLock, Timeout
from urllib3.exceptions import HTTPError

from gtzan_lightning.corpus.archive import Unpacked, unpack
from gtzan_lightning.corpus.location import GTZAN_AUDIO_FOLDERS
from gtzan_lightning.errors import GtzanError

HEX_DIGITS = {"md5": 32, "sha256": 64}


@dataclass(frozen=True)
class Mirrors:
    """An archive and the addresses that offer it."""

    archive: str  # the file's name
    hash: str  # "<algorithm>:<hex digits>"; what has another is refused
    urls: tuple[str, ...]  # in the order in which they are tried


def known_mirrors() -> Mirrors:
    """The list that is shipped beside this file."""
    from omegaconf import OmegaConf  # slow to import for a command that may need no download

    listed = OmegaConf.load(Path(__file__).with_name("mirrors.yaml"))
    return Mirrors(str(listed.archive), str(listed.hash), tuple(map(str, listed.urls)))


def chosen_mirrors(urls: Sequence[str], expected_hash: str | None) -> Mirrors:
    """The known mirrors, with the user's own addresses and hash in the place of the listed ones.

    Raises:
        GtzanError: the hash is not written as `sha256:<64 hex digits>` or `md5:<32 hex digits>`.
    """
    mirrors = known_mirrors()
    if expected_hash is not None:
        mirrors = replace(mirrors, hash=_checked_hash(expected_hash))
    return replace(mirrors, urls=tuple(urls)) if urls else mirrors


def _checked_hash(text: str) -> str:
    algorithm, _, digits = text.lower().partition(":")
    if not re.fullmatch(f"[0-9a-f]{{{HEX_DIGITS.get(algorithm, 0)}}}", digits) or algorithm not in HEX_DIGITS:
        forms = " or ".join(f"{name}:<{count} hex digits>" for name, count in HEX_DIGITS.items())
        raise GtzanError(f"--hash {text}: is not a hash. Write {forms}.")
    return f"{algorithm}:{digits}"


CHUNK_BYTES = 2**16  # what a cut costs at most
CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S = 10, 60
MAX_ARCHIVE_BYTES = 8 * 2**30  # six times GTZAN: a server must not fill the disk before its hash is known to be wrong

Report = Callable[[int, "int | None"], None]  # bytes that have arrived, and bytes in all where the server tells


class TransferError(requests.ConnectionError):
    """The server answered, but the file did not arrive."""


class ResumingDownloader:
    """Stands in for pooch's downloader.

    Args:
        part: the file that keeps what has arrived, also from one process to the next.
        report: told after each chunk.
    """

    def __init__(self, part: Path, report: Report) -> None:
        self.part = part
        self.report = report

    def __call__(self, url: str, output_file: Any, pooch: Any, *, check_only: bool | None = False) -> None:
        """Downloads and moves the whole to `output_file`; a part stays where it is when this fails.

        Raises:
            requests.RequestException: the server cannot be reached, refuses, or stops.
            ValueError: the file is too large to be the archive.
        """
        del pooch, check_only  # pooch's protocol
        self._complete(url)
        os.replace(self.part, output_file)

    def arrived_bytes(self) -> int:
        """The size of the part."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _complete(self, url: str) -> None:
        done = self.arrived_bytes()
        # The file as it is, not packed once more for the way: ranges and the hash are about these bytes.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
        timeouts = (CONNECT_TIMEOUT_S, SILENCE_TIMEOUT_S)
        with requests.get(url, headers=headers, stream=True, timeout=timeouts) as response:
            if done and response.status_code == requests.codes.requested_range_not_satisfiable:
                return  # nothing is left to send; whether the part is the archive, its hash tells
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                done = 0  # the server knows no ranges and sends everything
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                raise TransferError("sends another part than it was asked for")
            self._append(response, done)

    def _append(self, response: requests.Response, done: int) -> None:
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else None
        with self.part.open("ab" if done else "wb") as file:
            try:
                # A server that calls a .gz file "gzip-encoded" must not make us unpack it: hence the raw stream.
                for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                    done += len(chunk)
                    if max(done, total or 0) > MAX_ARCHIVE_BYTES:
                        raise ValueError(f"more than {MAX_ARCHIVE_BYTES / 2**30:g} GiB")
                    file.write(chunk)
                    self.report(done, total)
            except HTTPError as error:
                raise TransferError(f"the connection was cut after {done} of {total or 'unknown'} bytes") from error
        if total is not None and done != total:
            raise TransferError(f"the connection was cut after {done} of {total} bytes")


MAX_CUTS = 20  # of one mirror, as long as each connection brings the download further


class _MirrorError(Exception):
    """Why a mirror did not deliver."""


def download(mirrors: Mirrors, folder: Path, report: Report) -> Path:
    """Fetches the archive from the first mirror that delivers it.

    A part of an earlier attempt is completed, by whichever mirror: all offer the same bytes, and the hash tells.

    Args:
        mirrors: the archive, its hash and the addresses.
        folder: takes the archive and the part; nothing else should be in it.
        report: told how many bytes there are, and of how many.

    Returns:
        The archive, its hash checked.

    Raises:
        GtzanError: no mirror delivers (the message says what to do), the disk is full, or another download runs.
    """
    pooch.get_logger().setLevel("ERROR")  # what it has to say, the progress bar and the messages here say
    failures = []
    with _alone_in(folder):
        for url in mirrors.urls:
            try:
                return _from_mirror(url, mirrors, folder, report)
            except _MirrorError as error:
                failures.append(f"  {url}: {error}")
            except OSError as error:
                raise GtzanError(f"{folder}: cannot be written ({error.strerror}). Make room and repeat.") from error
    kept = _part(folder, mirrors).exists()
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)
    raise GtzanError(_remedy(failures, kept))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two downloads would write into one part."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout:
        raise GtzanError(f"Another download into {folder} is running. Wait for it, or stop it.") from None
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise GtzanError(f"{folder}: is no folder to write to ({error.strerror}). Choose another --root.") from error


def _part(folder: Path, mirrors: Mirrors) -> Path:
    """Parts of archives with different hashes never meet."""
    return folder / f"{mirrors.hash.replace(':', '-')}.part"


def _from_mirror(url: str, mirrors: Mirrors, folder: Path, report: Report) -> Path:
    downloader = ResumingDownloader(_part(folder, mirrors), report)
    from_others = downloader.arrived_bytes() > 0  # an earlier attempt, or another mirror, began the part
    for _ in range(MAX_CUTS):
        before = downloader.arrived_bytes()
        try:
            return Path(pooch.retrieve(url, mirrors.hash, fname=mirrors.archive, path=folder, downloader=downloader))
        except requests.RequestException as error:
            reason = _reason(error)
            if downloader.arrived_bytes() <= before:
                break
        except ValueError as error:  # pooch's word for a wrong hash
            downloader.part.unlink(missing_ok=True)
            reason = f"delivers another file ({str(error).splitlines()[0]})"
            if not from_others:
                break
            from_others = False  # the older part may have been the wrong one: once more from the beginning
    raise _MirrorError(reason)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectTimeout):
        return f"no answer within {CONNECT_TIMEOUT_S} s"
    if isinstance(error, requests.ConnectionError) and not isinstance(error, TransferError):
        return "cannot be reached"
    return str(error)


def _remedy(failures: list[str], kept: bool) -> str:
    resume = "What has arrived is kept: the same command goes on from there.\n" if kept else ""
    return (
        "No mirror delivers GTZAN:\n" + "\n".join(failures) + f"\n{resume}"
        "What to do, whichever is easiest:\n"
        "- Check the connection (a proxy is taken from HTTPS_PROXY) and repeat the command later.\n"
        "- Have the archive from elsewhere, genres.tar.gz or the zip of Kaggle's \"GTZAN Dataset - Music Genre\n"
        '  Classification", and unpack it with: gtzan data get FILE\n'
        "- Know another address: gtzan data get --url ADDRESS, with --hash sha256:... if it is another archive.\n"
        "- Have no data at all: everything runs on the embedded synthetic corpus, data=synthetic."
    )


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

    folder = root.absolute().parent / f".{root.name}.download"
    unpacked = unpack(download(mirrors, folder, report), root)
    shutil.rmtree(folder, ignore_errors=True)
    return unpacked
