"""Entries of the run card, `run.json`: how a score was obtained."""

from __future__ import annotations

import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from gtzan_lightning.config.identity import SCHEMA
from gtzan_lightning.runs.run_folder import changed_code
from gtzan_lightning.utils.code_hash import combined, short_list

REPETITIONS = ("seed", "split.seed", "split.fold")
"""Keys that repeat an experiment instead of changing it."""

SPLIT_ORDER = ("leaky", "grouped", "artist", "filtered")  # from the least to the most strict
PACKAGES = ("gtzan-lightning", "torch", "lightning", "torchaudio", "hydra-core", "numpy", "pandas", "scikit-learn")
LEAKY_WARNING = "LEAKY SPLIT: slices of one track are in train and test"
NO_TRACKS_WARNING = "NO TRACK NAMES: windows of one track may be in train and test"

LEAKAGE_WARNINGS = {
    "normalisation": "NORMALISATION FITTED ON ALL DATA, the test part included",
    "epoch selection": "MODEL SELECTION ON THE TEST SET: the score is that of the best test epoch",
}
"""Leakage warnings of runs that fail a check of the audit by design."""


def code_entry(files: Mapping[str, str], previous: Mapping[str, Any]) -> dict[str, Any]:
    """The entry `code`: hashes of the sources of a run.

    Args:
        files: hash of each source file.
        previous: the card of the run before, if this process continues it.
    """
    entry = {"sha256": combined(files), "files": dict(files)}
    changed = changed_code(previous, files)
    return entry | ({"changed": changed} if changed else {})


def mixed_code_warning(cards: Sequence[Mapping[str, Any]]) -> str | None:
    """A warning if runs were made with different versions of the same source file, or some recorded no code."""
    seen: dict[str, set[str]] = {}
    for card in cards:
        for name, digest in card.get("code", {}).get("files", {}).items():
            seen.setdefault(name, set()).add(digest)
    mixed = sorted(name for name, digests in seen.items() if len(digests) > 1)
    unknown = sum("code" not in card for card in cards)
    texts = [f"different versions of {short_list(mixed)}"] if mixed else []
    texts += [f"code that {unknown} of them did not record"] if unknown and seen else []
    return f"MIXED CODE: runs were made with {' and '.join(texts)}; repeat their commands" if texts else None


def version_differences(card: Mapping[str, Any]) -> list[str]:
    """The packages that have another version now than when the run was made, such as `torch 2.10.0 (now 2.11.0)`."""
    before, now = card.get("versions", {}), versions()
    return [f"{name} {before[name]} (now {now[name]})" for name in now if before.get(name, now[name]) != now[name]]


def new_card(
    run_id: str, config_hash: str, overrides: Sequence[str], seed: int, code: Mapping[str, Any]
) -> dict[str, Any]:
    """The entries that are known before any data is loaded."""
    return {
        "schema": SCHEMA,
        "status": "running",
        "run_id": run_id,
        "config_hash": config_hash,  # not part of a folder name that the user chose
        "overrides": list(overrides),
        "seed": seed,
        "command": " ".join([_program(), *sys.argv[1:]]),
        "code": code,
        "versions": versions(),
        "git": git_state(),
    }


def _program() -> str:
    """The program that was started; the script of `gtzan train` is inside the package."""
    script = Path(sys.argv[0])
    return "gtzan train" if script.parent.name == "cli" else script.name


@cache
def versions() -> dict[str, str]:
    """Versions of Python and of the packages that can change a result."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # a checkout that is not installed
            continue
    return found


@cache
def git_state() -> dict[str, Any]:
    """Commit of the checkout that contains the package, and whether it has changes; None outside a checkout."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    try:
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}
    return {"commit": found.removesuffix("-dirty"), "dirty": found.endswith("-dirty")}
