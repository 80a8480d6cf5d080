"""Which archive to download, from where, and how to know that it is the right one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

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
