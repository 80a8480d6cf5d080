"""What a multirun cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override

from gtzan_lightning.composition import composed
from gtzan_lightning.errors import GtzanError

DECIDE = ("trainer", "trainer.devices", "experiment", "debug")  # the words that may set the number of processes


def refuse_shared_jobs(overrides: Sequence[str]) -> None:
    """Refuses a multirun whose jobs train in several processes each.

    Such a process is the command once more, which would be the whole multirun.

    Raises:
        GtzanError: a job would; the message says what to do instead.
    """
    parsed = [OverridesParser.create().parse_override(text) for text in overrides]
    for words in product(*(_each(override) for override in parsed if override.key_or_group in DECIDE)):
        trainer = composed(words).trainer
        if isinstance(trainer.devices, int) and trainer.devices > 1:
            raise GtzanError(
                f"trainer.devices={trainer.devices}: a multirun cannot share one job out among several processes. "
                "Run such jobs one by one, without -m, or several at a time on one device each: "
                "trainer=cpu hydra/launcher=joblib."
            )


def _each(override: Override) -> list[str]:
    """One override for each value of a sweep."""
    if not override.is_choice_sweep():
        return [str(override.input_line)]
    return [f"{override.key_or_group}={value}" for value in override.sweep_string_iterator()]
