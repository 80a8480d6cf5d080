"""`gtzan features`: computes the features of a corpus into the cache, and says what became of each file."""

from __future__ import annotations

import argparse
import re
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.errors import GtzanError

DESCRIPTION = """\
Computes features into the cache, where training finds them: gtzan features data.root=/music features=mfcc. Files that
the cache holds are not computed again, so a command that was interrupted goes on where it was. Commands that run at
once on one cache share the work."""


def add_to(commands: Any) -> None:
    """Adds the command."""
    from gtzan_lightning.cli.overrides_argument import add_overrides

    parser = commands.add_parser("features", help="compute features into the cache", description=DESCRIPTION)
    add_overrides(parser)
    parser.add_argument("--csv", metavar="FILE", help="also write them as a table, one row a window or frame")
    parser.add_argument(
        "--scheduler", metavar="ADDRESS", help="compute on the workers of this Dask cluster, as tcp://192.168.0.1:8786"
    )
    parser.add_argument(
        "--shard", type=_shard, metavar="K/N", help="every Nth track only, from the Kth: for N machines with one cache"
    )
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from gtzan_lightning.cli.overrides_argument import configuration
    from gtzan_lightning.report.corpus_tables import print_features, write_features
    from gtzan_lightning.training.split_data import load_configured_features, open_configured_corpus

    config = configuration(arguments.overrides)
    corpus = open_configured_corpus(config)
    if arguments.shard:
        corpus = _shard_of(corpus, *arguments.shard)
    with _workers(arguments.scheduler):
        features = load_configured_features(config, corpus)
    print_features(corpus, features)
    if arguments.csv:
        write_features(corpus, features, Path(arguments.csv))
        print(f"Written: {arguments.csv}")


def _workers(scheduler: str | None) -> AbstractContextManager[None]:
    if scheduler is None:
        return nullcontext()
    from gtzan_lightning.features.extraction import dask_workers

    return dask_workers(scheduler)


def _shard_of(corpus: Corpus, number: int, count: int) -> Corpus:
    if count > len(corpus.tracks):
        raise GtzanError(f"--shard {number}/{count}: {corpus.root} has {len(corpus.tracks)} tracks only.")
    return replace(corpus, tracks=corpus.tracks[number - 1 :: count])


def _shard(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text} is not K/N with K from 1 to N, such as 2/8")
    return int(match[1]), int(match[2])
