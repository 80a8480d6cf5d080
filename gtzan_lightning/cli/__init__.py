"""The command line `gtzan`, one module per command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path

from gtzan_lightning import __version__
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import NO_SPACE
from gtzan_lightning.utils.terminal import tolerant_output, visible

COMMANDS = (
    "data",
    "features",
    "cache",
    "runs",
    "compare",
    "report",
    "audit",
    "predict",
    "evaluate",
    "robustness",
    "export",
    "card",
    "demo",
)
USER_ERROR = 2


@tolerant_output()
def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command `gtzan` and returns its exit status."""
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if arguments[:1] == ["train"]:  # Hydra parses its arguments
        from gtzan_lightning.cli.train_command import run

        return run(arguments[1:])
    chosen = argparse.Namespace()
    try:
        chosen = _parsed(parser(), _with_known_command(arguments))
        for name, value in vars(chosen).items():
            if isinstance(value, Path):
                setattr(chosen, name, value.expanduser())  # a shell leaves --csv=~/x as it is
        return int(chosen.run(chosen) or 0)
    except GtzanError as error:
        print(visible(str(error)), file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except OSError as error:
        if error.filename is None:
            raise
        print(visible(f"{error.filename}: {error.strerror}. {_remedy(error, chosen)}."), file=sys.stderr)
        return USER_ERROR


def _remedy(error: OSError, chosen: argparse.Namespace) -> str:
    """What to do about a file that cannot be read or written, with the option that names it."""
    if error.errno in NO_SPACE:
        return NO_SPACE[error.errno]
    path = Path(str(error.filename))
    places = [(name, place) for name, place in vars(chosen).items() if isinstance(place, Path)]
    option = next((name for name, place in places if path == place or place in path.parents), None)
    return f"Choose another file or folder{f' with --{option}' if option else ''}"


def parser() -> argparse.ArgumentParser:
    """The parser of `gtzan` with all its commands; the documentation prints their help."""
    top = argparse.ArgumentParser(prog="gtzan", description="Trains and evaluates genre classifiers.")
    top.add_argument("--version", action="version", version=f"gtzan-lightning {__version__}")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    commands.add_parser("train", help="train a model, or a sweep with -m: gtzan train model=lstm; the same as train.py")
    for name in COMMANDS:
        import_module(f"gtzan_lightning.cli.{name}").add_to(commands)
    return top


def _parsed(of: argparse.ArgumentParser, arguments: Sequence[str]) -> argparse.Namespace:
    """Parses arguments and options in any order; argparse itself does so only without subcommands."""
    subcommands = [action for action in of._actions if isinstance(action, argparse._SubParsersAction)]
    if not subcommands:
        return of.parse_intermixed_args(arguments)
    if arguments and arguments[0] in subcommands[0].choices:
        return _parsed(subcommands[0].choices[arguments[0]], arguments[1:])
    return of.parse_args(arguments)


def _with_known_command(arguments: list[str]) -> list[str]:
    if arguments and not arguments[0].startswith("-") and arguments[0] not in COMMANDS:
        close = get_close_matches(arguments[0], ("train", *COMMANDS), n=1)
        hint = f"Did you mean {close[0]}? " if close else ""
        hint = f"Did you mean gtzan train {' '.join(arguments)}? " if "=" in arguments[0] else hint
        raise GtzanError(f"gtzan {arguments[0]}: unknown command. {hint}Commands: train, {', '.join(COMMANDS)}.")
    return arguments
