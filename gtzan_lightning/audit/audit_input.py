"""The input of the leakage audit: examples in parts, the split rule, and the settings of a run."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import EXCLUDED, PARTS
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.datamodule.split_rules import NAMES, rule_named
from gtzan_lightning.features.feature_request import Features

PROMISES = {name: rule_named(name).KEEPS for name in NAMES}
"""The groups (track, recording, artist) that each split rule keeps in one part."""


@dataclass(frozen=True)
class RunFacts:
    """Settings and fitted values of a run; None where they are not known."""

    mean: NDArray[np.floating] | None = None  # (features,), subtracted from every step
    scale: NDArray[np.floating] | None = None  # (features,), divisor of every step
    quantiles: NDArray[np.floating] | None = None  # (quantiles, features) of quantile scaling; empty for standard
    monitor: str | None = None  # metric that selects the best epoch, such as "val/loss"
    features_chosen_on: tuple[str, ...] | None = None  # parts whose labels selected the features; () for none
    by_design: frozenset[str] = frozenset()  # checks that the run fails on purpose, to measure the effect of the leak


@dataclass(frozen=True)
class AuditInput:
    """The argument of every check."""

    corpus: Corpus
    features: Features
    slices: SliceTable
    parts: NDArray[np.str_]  # (slices,), "train", "val", "test" or "" for none
    rule: str  # a key of PROMISES
    facts: RunFacts = field(default_factory=RunFacts)

    def promises(self, group: str) -> bool:
        """Whether the rule keeps each `track`, `recording` or `artist` in one part."""
        return group in PROMISES[self.rule]

    def part_of_track(self) -> dict[int, str]:
        """The part of each track in use; `test` precedes `val` and `train` for a track with several parts."""
        return {int(track): part for part in PARTS for track in np.unique(self.slices.track_index[self.parts == part])}

    def used_tracks(self) -> NDArray[np.int32]:
        """Sorted positions of the tracks with a slice in some part."""
        return np.unique(self.slices.track_index[self.parts != EXCLUDED])

    def track_ids(self, positions: NDArray[np.integer]) -> list[str]:
        """Names of the tracks at these positions."""
        return [self.corpus.tracks[position].track_id for position in positions]
