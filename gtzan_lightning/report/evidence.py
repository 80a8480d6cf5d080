"""The test parts of runs, each read once while it is asked for again and again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.predictions import Predictions, read_predictions
from gtzan_lightning.runs.folder import RunFolder
from gtzan_lightning.runs.results import read_units

KEPT = 64  # test parts in memory, about 0.5 MB each


@dataclass(frozen=True, eq=False)
class TestPart:
    """What a run said about its test slices, and the independent unit of each track."""

    predictions: Predictions
    units: dict[str, str]  # by track; empty where an old run did not record them


class Evidence:
    """Reads test parts; give one to all who need them."""

    def __init__(self) -> None:
        self.of = lru_cache(maxsize=KEPT)(_read)


def _read(run: RunFolder) -> TestPart:
    """The test part of a finished run.

    Raises:
        GtzanError: predictions.csv is damaged.
    """
    try:
        units = read_units(run)
    except (GtzanError, KeyError, ValueError):
        units = {}
    return TestPart(read_predictions(run.predictions).only("test"), units)
