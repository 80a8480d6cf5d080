"""`gtzan features`: computes the features of a corpus into the cache, and says what became of each file."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(verbs: Any) -> None:
    """Adds the verb."""
    from gtzan_lightning.cli.configured import add_overrides

    parser = verbs.add_parser(
        "features", help="compute features into the cache: gtzan features data.root=/music features=mfcc"
    )
    add_overrides(parser)
    parser.add_argument("--csv", metavar="FILE", help="also write them as a table, one row a window or frame")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from pathlib import Path

    from gtzan_lightning.cli.configured import configuration
    from gtzan_lightning.experiment import load_configured_features, open_configured_corpus
    from gtzan_lightning.report.features import print_features, write_features

    config = configuration(arguments.overrides)
    corpus = open_configured_corpus(config)
    features = load_configured_features(config, corpus)
    print_features(corpus, features)
    if arguments.csv:
        write_features(corpus, features, Path(arguments.csv))
        print(f"Written: {arguments.csv}")
