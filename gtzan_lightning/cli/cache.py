"""`gtzan cache ls|prune`: lists and shrinks the cache."""

from __future__ import annotations

import argparse
from typing import Any

DAY_S = 86400.0


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser("cache", help="list or shrink the cache of features and synthetic music")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("ls", help="contents and sizes")
    pruning = actions.add_parser("prune", help="remove entries that were not used for some days")
    pruning.add_argument(
        "--older-than-days", type=float, default=30.0, metavar="N", help="default 30; 0 removes everything"
    )
    for action, run in ((listing, _list), (pruning, _prune)):
        action.add_argument(
            "--cache-dir", metavar="FOLDER", help="default: GTZAN_CACHE, else the system's cache folder"
        )
        action.set_defaults(run=run)


def _list(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.features.feature_cache import list_entries
    from gtzan_lightning.report.corpus_tables import print_cache
    from gtzan_lightning.utils.caching import cache_dir

    folder = cache_dir(arguments.cache_dir)
    print_cache(folder, list_entries(folder))
    print("Next: gtzan cache prune --older-than-days 30")


def _prune(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.features.feature_cache import prune
    from gtzan_lightning.utils.caching import cache_dir

    removed = prune(cache_dir(arguments.cache_dir), arguments.older_than_days * DAY_S)
    print(f"Removed {len(removed)} entries, {sum(entry.size_bytes for entry in removed) / 2**20:.1f} MiB.")
    print("Next: gtzan cache ls")
