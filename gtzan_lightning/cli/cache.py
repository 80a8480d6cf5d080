"""`gtzan cache ls|prune`: what the cache holds, and how it gets smaller."""

from __future__ import annotations

import argparse
from typing import Any

DAY_S = 86400.0
KINDS = {
    "file": "features of a file",
    "corpus": "features of a corpus, joined",
    "synthetic": "synthetic corpus, rendered",
    "unfinished": "left by interrupted jobs",
}


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser("cache", help="list or shrink the cache of features and synthetic music")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("ls", help="what it holds, with sizes")
    pruning = actions.add_parser("prune", help="remove what was not used for some days")
    pruning.add_argument(
        "--older-than-days", type=float, default=30.0, metavar="N", help="default 30; 0 removes everything"
    )
    for action, run in ((listing, _list), (pruning, _prune)):
        action.add_argument(
            "--cache-dir", metavar="FOLDER", help="default: GTZAN_CACHE, else the system's cache folder"
        )
        action.set_defaults(run=run)


def _list(arguments: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.table import Table

    from gtzan_lightning.features.cache_pruning import list_entries
    from gtzan_lightning.utils.caching import cache_dir

    folder = cache_dir(arguments.cache_dir)
    entries = list_entries(folder)
    table = Table(title=str(folder), title_justify="left")
    for name in ("what", "entries", "MiB"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for kind, what in KINDS.items():
        sizes = [entry.size_bytes for entry in entries if entry.kind == kind]
        table.add_row(what, str(len(sizes)), f"{sum(sizes) / 2**20:.1f}")
    table.add_section()
    table.add_row("all", str(len(entries)), f"{sum(entry.size_bytes for entry in entries) / 2**20:.1f}")
    Console().print(table)


def _prune(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.features.cache_pruning import prune
    from gtzan_lightning.utils.caching import cache_dir

    removed = prune(cache_dir(arguments.cache_dir), arguments.older_than_days * DAY_S)
    print(f"Removed {len(removed)} entries, {sum(entry.size_bytes for entry in removed) / 2**20:.1f} MiB.")
