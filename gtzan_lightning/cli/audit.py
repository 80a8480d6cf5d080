"""The command `gtzan audit`: leakage checks of a split, manifest or run, random-label control, model info sheet."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gtzan_lightning.training.audit_targets import AuditTarget

FOUND = 1  # exit status if there is an error
RANDOM_LABELS = "random_labels="
DEFAULT_PROBES = {"track": "nearest", "artist": "kernel"}


def add_to(commands: Any) -> None:
    """Adds the command to the subparsers."""
    from gtzan_lightning.cli.overrides_argument import add_config_options, add_trust

    parser = commands.add_parser(
        "audit",
        help="look for leaks: gtzan audit split=grouped, gtzan audit RUN, gtzan audit split.manifest=FILE",
        epilog="Exit status 1: an error was found, the split breaks its own rule.",
    )
    parser.add_argument(
        "words", nargs="*", metavar="RUN or KEY=VALUE", help="a run's path or name, or overrides as for train.py; "
        "random_labels=track or random_labels=artist adds a test with random labels",
    )  # fmt: skip
    parser.add_argument("--draws", type=int, default=20, metavar="B", help="sets of random labels; default 20")
    parser.add_argument(
        "--probe",
        choices=("nearest", "linear", "kernel", "model"),
        help="model trained on random labels: 1-NN (default by track), ridge, kernel ridge (seconds; default by "
        "artist: it recognises artists that the nearest neighbour misses) or the configured model (slow)",
    )
    parser.add_argument("--fingerprint", action="store_true", help="also compare the sound of the audio files")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="also write the model info sheet as Markdown")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    add_config_options(parser)
    add_trust(parser)
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from gtzan_lightning.audit.info_sheet import info_sheet
    from gtzan_lightning.report.audit_tables import print_audit, print_random_labels
    from gtzan_lightning.training.audit_targets import audited, random_label_control_of, with_random_labels
    from gtzan_lightning.utils.files import write_text

    clusters = [word.removeprefix(RANDOM_LABELS) for word in arguments.words if word.startswith(RANDOM_LABELS)]
    target = _target([word for word in arguments.words if not word.startswith(RANDOM_LABELS)], arguments)
    outcome = audited(target, fingerprint=arguments.fingerprint)
    if clusters and arguments.probe == "model" and target.card:  # of a run, which may be a stranger's
        from gtzan_lightning.inference.trained_run import refuse_training_code

        refuse_training_code(Path(target.title), target.config, arguments.trust)
    for cluster in clusters:
        probe = arguments.probe or DEFAULT_PROBES.get(cluster, "nearest")
        result = random_label_control_of(target, cluster, probe, arguments.draws)
        print_random_labels(result, probe)
        outcome = with_random_labels(outcome, target, result)
    print_audit(outcome.card(), target.title)
    if arguments.sheet:
        write_text(arguments.sheet, info_sheet(target.audit_input, outcome, target.card))
        print(f"Written: {arguments.sheet}")
    further = "--sheet sheet.md" if clusters else "random_labels=track"
    print(" ".join(["Next: gtzan audit", *arguments.words, further]))
    return FOUND if outcome.errors else 0


def _target(words: list[str], arguments: argparse.Namespace) -> AuditTarget:
    """The run or configuration that the arguments describe.

    Raises:
        GtzanError: There are several runs, or a run together with overrides.
    """
    from gtzan_lightning.cli.overrides_argument import configuration
    from gtzan_lightning.errors import GtzanError
    from gtzan_lightning.runs.browser import named_run
    from gtzan_lightning.training.audit_targets import run_target, split_target

    runs = [word for word in words if "=" not in word and not re.match(r"~\w", word)]  # ~key deletes a key
    if not runs:
        return split_target(configuration(words, arguments))
    if len(words) > 1:
        raise GtzanError(f"gtzan audit {' '.join(words)}: give one run, or the overrides of one command, not both.")
    return run_target(named_run(runs[0], arguments.outputs))
