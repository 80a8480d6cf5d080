"""The argument of commands that take the same overrides as train.py."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gtzan_lightning.config.schema import Config


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Adds the positional argument for overrides `group=member` and `key=value`."""
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="as for train.py, for example data.root=/music"
    )


def configuration(overrides: Sequence[str]) -> Config:
    """The checked configuration of a command line.

    Raises:
        GtzanError: what is wrong with it.
    """
    from gtzan_lightning.config.composition import compose, conf_dir
    from gtzan_lightning.config.overrides import (
        check_overrides,  # Hydra is slow to import, and most commands do without
    )
    from gtzan_lightning.config.schema import validate_config

    check_overrides(overrides, compose(), conf_dir())
    cfg = compose(overrides)
    return validate_config(cfg, overrides, dict(cfg.hydra.runtime.choices))
