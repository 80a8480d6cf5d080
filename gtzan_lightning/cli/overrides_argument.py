"""The argument of commands that take the same overrides as train.py."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gtzan_lightning.config.schema import Config


def add_overrides(parser: argparse.ArgumentParser) -> None:
    """Adds the positional argument for overrides `group=member` and `key=value`, and Hydra's options."""
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="as for train.py, for example data.root=/music"
    )
    add_config_options(parser)


def add_config_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options of train.py for an own configuration."""
    parser.add_argument(
        "--config-dir", "-cd", "--config-path", "-cp", metavar="DIR", help="a folder with own members of the groups"
    )
    parser.add_argument("--config-name", "-cn", metavar="NAME", default="train", help="another primary configuration")


def add_trust(parser: argparse.ArgumentParser) -> None:
    """Adds the option that allows the code of a model from outside this package."""
    parser.add_argument(
        "--trust", action="append", default=[], metavar="PACKAGE", help="run the code of a model of this package"
    )


def configuration(overrides: Sequence[str], arguments: argparse.Namespace) -> Config:
    """The checked configuration of a command line.

    Args:
        overrides: `group=member` and `key=value`.
        arguments: with the options of `add_config_options`.

    Raises:
        GtzanError: what is wrong with it.
    """
    from gtzan_lightning.config.composition import ConfigSources  # Hydra is slow to import
    from gtzan_lightning.config.overrides import checked_composition, error_message
    from gtzan_lightning.config.schema import validate_config
    from gtzan_lightning.errors import GtzanError

    sources = ConfigSources(arguments.config_dir, arguments.config_name)
    try:
        cfg = checked_composition(overrides, sources)
        return validate_config(cfg, overrides, dict(cfg.hydra.runtime.choices))
    except Exception as error:
        message = error_message(error)
        if message is None:
            raise
        raise GtzanError(message) from error
