"""What every study has in common: run cards in, tables and figures out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from matplotlib.figure import Figure
from rich.console import Console

from gtzan_lightning.config.identity import WITHOUT_EFFECT
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.figures import not_fatal
from gtzan_lightning.report.console import varied
from gtzan_lightning.report.tables import TextTable, leakage_warnings_markdown, print_table, table_markdown
from gtzan_lightning.runs.run_card import REPETITIONS
from gtzan_lightning.runs.run_folder import Card, limits_of
from gtzan_lightning.utils.files import replacing, write_text


@dataclass(frozen=True)
class StudyResult:
    """The outcome of a study."""

    tables: Sequence[TextTable]
    figures: Mapping[str, Figure] = field(default_factory=dict)  # by the name of the file, without suffix


class Study(ABC):
    """An analysis over the runs of one sweep.

    The experiment that needs it names the class as `study._target_` and declares the runs in `hydra.sweeper.params`;
    further keys of `study` are settings, which each run card keeps under `study`. A study may live in any module that
    can be imported.
    """

    name: ClassVar[str]  # of the files that are written: `<name>.md`
    settings: ClassVar[tuple[str, ...]] = ()  # keys of `study` that every run must set
    compares: ClassVar[tuple[str, ...] | None] = None  # keys it groups by itself; other varied keys: one analysis each

    @abstractmethod
    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:
        """Tables and figures of a sweep.

        Args:
            done: cards of finished runs.
            failed: cards of the other jobs; `status` and `error` say why.
        """


def study_class(settings: Mapping[str, Any]) -> type[Study]:
    """The class that `study._target_` names.

    Args:
        settings: the config section `study`.

    Raises:
        GtzanError: the class cannot be imported, is no study, or lacks a setting.
    """
    target = str(settings.get("_target_"))
    module, _, name = target.rpartition(".")
    try:
        found = getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise GtzanError(
            f"study._target_={target}: cannot be imported ({error}). Name it as package.module.Class."
        ) from error
    if not (isinstance(found, type) and issubclass(found, Study)):
        raise GtzanError(f"study._target_={target}: is not a subclass of gtzan_lightning.studies.study.Study.")
    missing = [key for key in found.settings if settings.get(key) is None]
    if missing:
        raise GtzanError(f"study._target_={target} needs study.{', study.'.join(missing)}. Set it in the experiment.")
    return found


def report_studies(cards: Sequence[Card], folder: Path, console: Console | None = None) -> None:
    """Prints and writes the studies that the jobs of a sweep were made for.

    Each study writes `<name>.md` and its figures as PNG files into the folder of the sweep.

    Args:
        cards: cards of all jobs; those without a `study` are passed over.
        folder: of the sweep.
        console: where the tables are printed.
    """
    targets = dict.fromkeys(card["study"]["_target_"] for card in cards if card.get("study"))
    for target in targets:
        own = [card for card in cards if (card.get("study") or {}).get("_target_") == target]
        done = _comparable([card for card in own if card.get("status") == "done"])
        if done:
            study = study_class(done[0]["study"])()
            _write(
                study.name,
                _result(study, done, [card for card in own if card.get("status") != "done"]),
                done,
                folder,
                console,
            )


def _result(study: Study, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:
    """The analysis; of each configuration for itself where the jobs vary a key that the study does not group by."""
    groups = by_configuration(done, study.compares) if study.compares is not None else {}
    if len(groups) < 2:
        return study.analyse(done, failed)
    tables, figures = [], dict[str, Figure]()
    for number, (label, cards) in enumerate(groups.items(), 1):
        result = study.analyse(cards, failed)
        tables += [replace(table, title=f"{table.title}, {label or 'otherwise'}") for table in result.tables]
        figures |= {f"{stem}_{number}": figure for stem, figure in result.figures.items()}
    return StudyResult(tables, figures)


def _comparable(cards: Sequence[Card]) -> list[Card]:
    """The complete runs; limited ones (`debug=fast`) only where there are no others, to try out a study."""
    return [card for card in cards if not limits_of(card)] or list(cards)


def by_configuration(cards: Sequence[Card], explained: Sequence[str]) -> dict[str, list[Card]]:
    """Groups cards by the overrides that vary between them, except seeds, folds and keys without effect.

    Args:
        cards: of one study.
        explained: further keys that the study itself compares.
    """
    ignored = {*REPETITIONS, "split.n_folds", *WITHOUT_EFFECT, "experiment", "study", *explained}
    groups: dict[str, list[Card]] = {}
    for card, label in zip(cards, varied(cards, ignored=ignored, default=""), strict=True):
        groups.setdefault(label, []).append(card)
    return groups


def accuracies_by_seed(cards: Sequence[Card], level: str) -> dict[int, float]:
    """Test accuracy by split seed; the mean where several training seeds share a split."""
    by_seed: dict[int, list[float]] = {}
    for card in cards:
        by_seed.setdefault(card["split"]["seed"], []).append(card["metrics"]["test"][level]["accuracy"])
    return {seed: float(np.mean(values)) for seed, values in by_seed.items()}


def mean_sizes(cards: Sequence[Card]) -> tuple[float, float]:
    """Mean number of training slices and of test slices."""
    train, test = (float(np.mean([card["split"]["slices"][part] for card in cards])) for part in ("train", "test"))
    return train, test


def _write(name: str, result: StudyResult, cards: Sequence[Card], folder: Path, console: Console | None) -> None:
    console = console or Console()
    for table in result.tables:
        print_table(table, console)
    texts = [table_markdown(table) for table in result.tables]
    write_text(folder / f"{name}.md", "\n".join(texts) + leakage_warnings_markdown(cards, "jobs"))
    print(f"Written: {folder / f'{name}.md'}")
    notes: list[str] = []
    for stem, figure in result.figures.items():
        path = folder / f"{stem}.png"
        with not_fatal(str(path), notes), replacing(path) as temporary:
            figure.savefig(temporary, format="png")
        if path.is_file():
            print(f"Picture: {path}")
    print(*notes, sep="\n", end="\n" * bool(notes))
