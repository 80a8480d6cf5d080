"""Runs as a report sees them: card and settings, read once; a damaged run is one of them, not the end of the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import OmegaConf

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.folder import Card, RunFolder
from gtzan_lightning.runs.identity import LATER_KEYS, WITHOUT_EFFECT, flat

Settings = dict[str, Any]
"""Configuration with dotted keys, without what cannot change a result."""


@dataclass(frozen=True, eq=False)
class Record:
    """One run: its folder, its card and what it was told."""

    run: RunFolder
    card: Card
    settings: Settings

    @property
    def name(self) -> str:
        """Of the folder."""
        return self.run.path.name

    @property
    def done(self) -> bool:
        """Whether there are scores to report."""
        return self.card.get("status") == "done"

    @property
    def asked(self) -> str:
        """The command line's words about the question, without paths; the folder's name where there are none."""
        words = [word for word in self.card.get("overrides", []) if word.partition("=")[0] not in WITHOUT_EFFECT]
        return " ".join(words) or self.name

    @property
    def repetition(self) -> tuple[int | None, int | None]:
        """Split seed and fold: what draws the split anew."""
        return self.card["split"]["seed"], self.card["split"]["fold"]

    def accuracy(self, level: str) -> float:
        """On the test part."""
        return float(self.card["metrics"]["test"][level]["accuracy"])


def read_record(run: RunFolder, overrides: Sequence[str] | None = None) -> Record:
    """Reads card and configuration.

    Args:
        run: the folder.
        overrides: what a sweep called the run; a run that was finished before may have been asked for in other words.
    """
    try:
        card, settings = _usable_card(run), _settings(run)
    except GtzanError as error:
        card, settings = {"status": "damaged", "error": str(error)}, {}
    return Record(run, card if overrides is None else card | {"overrides": list(overrides)}, settings)


def reason(record: Record) -> str:
    """Why a run has no scores, in a line."""
    if record.card.get("error"):
        return str(record.card["error"]).partition("\n")[0]
    return "the same command goes on from the last checkpoint" if record.card.get("status") else "never started"


def _usable_card(run: RunFolder) -> Card:
    card = run.card()
    lacking = [] if card.get("status") != "done" else [key for key in ("metrics", "split", "model") if key not in card]
    if lacking:
        raise GtzanError(f"{run.path / 'run.json'}: no {', '.join(lacking)}. Repeat the run with rerun=true.")
    if card.get("status") == "done" and not run.predictions.is_file():
        raise GtzanError(f"{run.predictions}: missing. Repeat the run with rerun=true.")
    return card


def _settings(run: RunFolder) -> Settings:
    file = run.path / "config.yaml"
    if not file.is_file():
        return {}
    try:
        values = flat(OmegaConf.to_container(OmegaConf.load(file)))  # type: ignore[arg-type]
    except Exception as error:  # YAML and OmegaConf raise many kinds
        raise GtzanError(f"{file}: damaged ({error}). Repeat the run with rerun=true.") from error
    return {key: value for key, value in (LATER_KEYS | values).items() if key not in WITHOUT_EFFECT}
