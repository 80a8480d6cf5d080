"""Downloading GTZAN: mirror after mirror, hash checked, resumed where it was cut."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pooch
import requests
from filelock import FileLock, Timeout

from gtzan_lightning.corpus.mirrors import Mirrors
from gtzan_lightning.corpus.resuming import CONNECT_TIMEOUT_S, Report, ResumingDownloader, TransferError
from gtzan_lightning.errors import GtzanError

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
