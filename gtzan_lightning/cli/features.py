"""`gtzan features`: computes the features of a corpus into the cache."""

from __future__ import annotations

import argparse
import re
from contextlib import nullcontext
from pathlib import Path
from typing import Any

DESCRIPTION = """\
Computes features into the cache that training reads: gtzan features data.root=/music features=mfcc. Files that are in
the cache are not computed again, so an interrupted command resumes when it is repeated. Commands that run at the same
time on one cache share the work."""


def add_to(commands: Any) -> None:
    """Adds the command."""
    from gtzan_lightning.cli.overrides_argument import add_overrides

    parser = commands.add_parser("features", help="compute features into the cache", description=DESCRIPTION)
    add_overrides(parser)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="also write them to a CSV file")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="compute on the workers of this Dask cluster, as tcp://192.168.0.1:8786"
    )
    parser.add_argument(
        "--shard", type=_shard, metavar="K/N", help="only every Nth track, from the Kth: for N machines with one cache"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.cli.overrides_argument import configuration
    from gtzan_lightning.features.extraction import dask_workers
    from gtzan_lightning.report.corpus_tables import print_features, write_features
    from gtzan_lightning.training.split_data import load_configured_corpus, load_configured_features

    config = configuration(arguments.overrides, arguments)
    corpus = load_configured_corpus(config)
    if arguments.shard:
        corpus = corpus.shard(*arguments.shard)
    with dask_workers(arguments.scheduler) if arguments.scheduler else nullcontext():
        features = load_configured_features(config, corpus)
    print_features(corpus, features)
    if arguments.csv:
        write_features(corpus, features, arguments.csv)
        print(f"Written: {arguments.csv}")
    print(" ".join(["Next: gtzan train", *arguments.overrides]))


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text} is not K/N with K from 1 to N, such as 2/8")
    return int(match[1]), int(match[2])
