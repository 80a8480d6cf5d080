"""`gtzan audit`: looks for leaks in a split, a manifest or a finished run; placebo labels; the model info sheet."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gtzan_lightning.training.audit_targets import Subject


FOUND = 1  # exit status: an error was found
PLACEBO = "placebo="
DEFAULT_PROBES = {"track": "nearest", "artist": "kernel"}


def add_to(verbs: Any) -> None:
    """Adds the verb."""
    parser = verbs.add_parser(
        "audit",
        help="look for leaks: gtzan audit split=grouped, gtzan audit RUN, gtzan audit split.manifest=FILE",
        epilog="Exit status 1 tells that an error was found: the split is not what it promises.",
    )
    parser.add_argument(
        "words", nargs="*", metavar="RUN or KEY=VALUE", help="a run's path or name, or what train.py would be given; "
        "placebo=track or placebo=artist adds a test with labels that mean nothing",
    )  # fmt: skip
    parser.add_argument("--draws", type=int, default=20, metavar="B", help="sets of placebo labels; default 20")
    parser.add_argument(
        "--probe",
        choices=("nearest", "linear", "kernel", "model"),
        help="what is trained on placebo labels: 1-NN (default by track), ridge, kernel ridge (seconds; default by "
        "artist: it knows a voice again where the nearest neighbour does not) or the configured model (slow)",
    )
    parser.add_argument("--fingerprint", action="store_true", help="also compare the sound of the audio files")
    parser.add_argument("--sheet", type=Path, metavar="FILE", help="also write the model info sheet as Markdown")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    from gtzan_lightning.audit.info_sheet import info_sheet
    from gtzan_lightning.report.audit_tables import print_audit, print_placebo
    from gtzan_lightning.training.audit_targets import audited, placebo_of, with_placebo
    from gtzan_lightning.utils.files import write_text

    units = [word.removeprefix(PLACEBO) for word in arguments.words if word.startswith(PLACEBO)]
    words = [word for word in arguments.words if not word.startswith(PLACEBO)]
    subject = _subject(words, arguments.outputs)
    outcome = audited(subject, fingerprint=arguments.fingerprint)
    for unit in units:
        probe = arguments.probe or DEFAULT_PROBES.get(unit, "nearest")
        result = placebo_of(subject, unit, probe, arguments.draws)
        print_placebo(result, probe)
        outcome = with_placebo(outcome, subject, result)
    print_audit(outcome.card(), subject.title)
    if arguments.sheet:
        write_text(arguments.sheet, info_sheet(subject.case, outcome, subject.card))
        print(f"Written: {arguments.sheet}")
    return FOUND if outcome.errors else 0


def _subject(words: list[str], outputs: Path) -> Subject:
    """One run, or what a command line describes.

    Raises:
        GtzanError: several runs, or a run together with overrides.
    """
    from gtzan_lightning.cli.overrides_argument import configuration
    from gtzan_lightning.errors import GtzanError
    from gtzan_lightning.runs.browser import named_run
    from gtzan_lightning.training.audit_targets import finished, planned

    runs = [word for word in words if "=" not in word]
    if not runs:
        return planned(configuration(words))
    if len(words) > 1:
        raise GtzanError(f"gtzan audit {' '.join(words)}: give one run, or the overrides of one command, not both.")
    return finished(named_run(runs[0], outputs))
