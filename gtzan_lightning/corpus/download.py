"""Downloads the GTZAN archive from a list of mirrors: hash checked, interrupted downloads resumed."""

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

CHUNK_BYTES = 2**16
CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 10, 60
MAX_ARCHIVE_BYTES = 8 * 2**30  # six times GTZAN: limits the disk space used before the hash can be checked
MAX_CUTS = 20  # interrupted connections per mirror, as long as each one transfers something

Report = Callable[[int, "int | None"], None]  # bytes received, and in total where the server reports the size


@dataclass(frozen=True)
class Mirrors:
    """An archive and the URLs that offer it."""

    archive: str  # file name
    hash: str  # "<algorithm>:<hex digits>"
    urls: tuple[str, ...]  # in the order in which they are tried


def known_mirrors() -> Mirrors:
    """The mirrors listed in `mirrors.yaml`."""
    from omegaconf import OmegaConf  # slow to import for a command that may need no download

    listed = OmegaConf.load(Path(__file__).with_name("mirrors.yaml"))
    return Mirrors(str(listed.archive), str(listed.hash), tuple(map(str, listed.urls)))


def chosen_mirrors(urls: Sequence[str], expected_hash: str | None) -> Mirrors:
    """The known mirrors, with the user's URLs and hash in place of the listed ones where given.

    Raises:
        GtzanError: The hash is not of the form `sha256:<64 hex digits>` or `md5:<32 hex digits>`.
    """
    mirrors = known_mirrors()
    if expected_hash is not None:
        if not re.fullmatch("md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", expected_hash.lower()):
            raise GtzanError(
                f"--hash {expected_hash}: is not a hash. Write md5:<32 hex digits> or sha256:<64 hex digits>."
            )
        mirrors = replace(mirrors, hash=expected_hash.lower())
    return replace(mirrors, urls=tuple(urls)) if urls else mirrors


def audio_in(root: Path) -> Path | None:
    """The folder of clips in a data root, if there is one."""
    return next((root / name for name in GTZAN_AUDIO_FOLDERS if (root / name).is_dir()), None)


def get_from_mirrors(mirrors: Mirrors, root: Path, report: Report) -> Unpacked:
    """Downloads the archive beside `root`, unpacks it into `root` and removes it.

    Raises:
        GtzanError: No mirror delivers the archive, or it cannot be unpacked. A partial download is kept.
    """
    if root.exists() and not root.is_dir():
        raise GtzanError(f"{root}: is a file. Choose another --root.")
    folder = root.absolute().parent / f".{root.name}.download"
    unpacked = unpack(download(mirrors, folder, report), root)
    shutil.rmtree(folder, ignore_errors=True)
    return unpacked


def download(mirrors: Mirrors, folder: Path, report: Report) -> Path:
    """Downloads the archive from the first mirror that delivers it.

    A partial download is completed from any mirror: all offer the same bytes, which the hash confirms.

    Args:
        mirrors: The archive, its hash and the URLs.
        folder: Receives the archive and the partial download; must not be used for anything else.
        report: Called after each chunk.

    Returns:
        Path of the archive, its hash checked.

    Raises:
        GtzanError: No mirror delivers the archive, the disk is full, or another download into `folder` is running.
    """
    pooch.get_logger().setLevel("ERROR")  # progress and errors are reported here
    part = folder / f"{mirrors.hash.replace(':', '-')}.part"  # one per hash
    failures = []
    with _locked(folder):
        for url in mirrors.urls:
            try:
                return _from_mirror(url, mirrors, folder, ResumingDownloader(part, report))
            except _MirrorError as error:
                failures.append(f"  {url}: {error}")
            except OSError as error:
                raise GtzanError(f"{folder}: cannot be written ({error.strerror}). Make room and repeat.") from error
    kept = part.exists()
    if not kept:
        shutil.rmtree(folder, ignore_errors=True)
    raise GtzanError(_remedy(failures, kept))


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Creates the folder and locks it against other downloads."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "lock", timeout=0):
            yield
    except Timeout:
        raise GtzanError(f"Another download into {folder} is running. Wait for it, or stop it.") from None
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise GtzanError(f"{folder}: is no folder to write to ({error.strerror}). Choose another --root.") from error


def _remedy(failures: list[str], kept: bool) -> str:
    resume = "The partial download is kept: run the same command again to resume it.\n" if kept else ""
    return (
        "No mirror delivers GTZAN:\n" + "\n".join(failures) + f"\n{resume}"
        "Possible remedies:\n"
        "- Check the connection (a proxy is taken from HTTPS_PROXY) and repeat the command later.\n"
        '- Get genres.tar.gz, or the zip of Kaggle\'s "GTZAN Dataset - Music Genre Classification", from elsewhere,\n'
        "  and unpack it with: gtzan data get FILE\n"
        "- Use another URL: gtzan data get --url URL, with --hash sha256:... if it is another archive.\n"
        "- Work without GTZAN: every command runs on the embedded synthetic corpus, data=synthetic."
    )


class _MirrorError(Exception):
    """The reason why a mirror did not deliver."""


def _from_mirror(url: str, mirrors: Mirrors, folder: Path, downloader: ResumingDownloader) -> Path:
    is_resumed = downloader.received_bytes() > 0
    for _ in range(MAX_CUTS):
        before = downloader.received_bytes()
        try:
            return Path(pooch.retrieve(url, mirrors.hash, fname=mirrors.archive, path=folder, downloader=downloader))
        except requests.RequestException as error:
            reason = _reason(error)
            if downloader.received_bytes() <= before:
                break
        except ValueError as error:  # raised by pooch for a wrong hash
            downloader.part.unlink(missing_ok=True)
            reason = f"delivers another file ({str(error).splitlines()[0]})"
            if not is_resumed:
                break
            is_resumed = False  # the older part may have been wrong: try once more from the beginning
    raise _MirrorError(reason)


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectTimeout):
        return f"no answer within {CONNECT_TIMEOUT_S} s"
    if isinstance(error, requests.ConnectionError) and not isinstance(error, TransferError):
        return "cannot be reached"
    return str(error)


class TransferError(requests.ConnectionError):
    """The server responded, but the transfer failed."""


class ResumingDownloader:
    """A pooch downloader that resumes; `pooch.HTTPDownloader` cannot, and decodes what a server calls gzip-encoded.

    Args:
        part: File of the partial download, kept between attempts and processes.
        report: Called after each chunk.
    """

    def __init__(self, part: Path, report: Report) -> None:
        self.part = part
        self.report = report

    def __call__(self, url: str, output_file: Any, pooch: Any, *, check_only: bool | None = False) -> None:
        """Completes the partial download and moves it to `output_file`.

        Raises:
            requests.RequestException: The server cannot be reached, refuses, or stops sending.
            ValueError: The file is larger than `MAX_ARCHIVE_BYTES`.
        """
        del pooch, check_only  # required by pooch's protocol
        self._complete(url)
        os.replace(self.part, output_file)

    def received_bytes(self) -> int:
        """Size of the partial download."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _complete(self, url: str) -> None:
        done = self.received_bytes()
        # No content encoding: ranges and the hash refer to the bytes of the file itself.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={done}-"} if done else {})
        timeouts = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        with requests.get(url, headers=headers, stream=True, timeout=timeouts) as response:
            if done and response.status_code == requests.codes.requested_range_not_satisfiable:
                return  # nothing is left to send; the hash is checked afterwards
            response.raise_for_status()
            if response.status_code != requests.codes.partial_content:
                done = 0  # the server ignores ranges and sends the whole file
            elif not response.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                raise TransferError("sends a range that was not requested")
            self._append(response, done)

    def _append(self, response: requests.Response, done: int) -> None:
        length = response.headers.get("Content-Length", "")
        total = done + int(length) if length.isdigit() else None
        with self.part.open("ab" if done else "wb") as file:
            try:
                # The raw stream: `iter_content` decompresses a .gz file that the server declares as gzip-encoded.
                for chunk in response.raw.stream(CHUNK_BYTES, decode_content=False):
                    done += len(chunk)
                    if max(done, total or 0) > MAX_ARCHIVE_BYTES:
                        raise ValueError(f"more than {MAX_ARCHIVE_BYTES / 2**30:g} GiB")
                    file.write(chunk)
                    self.report(done, total)
            except HTTPError as error:
                raise TransferError(f"the connection was cut after {done} of {total or 'unknown'} bytes") from error
        if total is not None and done != total:  # urllib3 1 does not check it
            raise TransferError(f"the connection was cut after {done} of {total} bytes")
