"""A download over HTTP that goes on where a cut connection left it.

pooch checks hashes and puts files in place, but begins a cut download anew. Its downloader may be replaced, and this
is the replacement: what has arrived stays in a file of its own, and only the rest is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests
from urllib3.exceptions import HTTPError

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
