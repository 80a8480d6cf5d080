"""`gtzan data check`: what a data root holds, and what is wrong with it."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(verbs: Any) -> None:
    """Adds the verb."""
    from gtzan_lightning.cli.configured import add_overrides

    parser = verbs.add_parser("data", help="look at the data: gtzan data check data.root=/music")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    check = actions.add_parser("check", help="what the data root holds, and what is wrong with it")
    add_overrides(check)
    check.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.cli.configured import configuration
    from gtzan_lightning.experiment import open_configured_corpus
    from gtzan_lightning.report.corpus import print_corpus

    print_corpus(open_configured_corpus(configuration(arguments.overrides)))
