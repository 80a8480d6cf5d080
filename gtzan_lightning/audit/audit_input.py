"""What is audited: examples in parts, the rule that they claim to follow, and what is known of a run on them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import EXCLUDED, PARTS
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.datamodule.split_rules import NAMES, rule_named
from gtzan_lightning.features.feature_matrix import Features

PROMISES = {name: rule_named(name).KEEPS for name in NAMES}
"""What each split rule promises to keep in one part."""


@dataclass(frozen=True)
class RunFacts:
    """What a run did with the parts, as far as it is known."""

    mean: NDArray[np.floating] | None = None  # (features,), subtracted from every step
    scale: NDArray[np.floating] | None = None  # (features,), divided by
    quantiles: NDArray[np.floating] | None = None  # (quantiles, features), of a quantile scale; empty for another one
    monitor: str | None = None  # what chose the best epoch, such as "val/loss"
    features_chosen_on: tuple[str, ...] | None = None  # parts whose labels chose the features; () if nothing did
    by_design: frozenset[str] = frozenset()  # checks that the run says it fails, to measure what the leak is worth


@dataclass(frozen=True)
class AuditInput:
    """Plain data; every check is a function of it."""

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
        """The part of each track that has one; of several parts, the one nearest to the test."""
        return {int(track): part for part in PARTS for track in np.unique(self.slices.track_index[self.parts == part])}

    def used_tracks(self) -> NDArray[np.int32]:
        """Positions of the tracks that have a slice in some part."""
        return np.unique(self.slices.track_index[self.parts != EXCLUDED])

    def track_ids(self, positions: NDArray[np.integer]) -> list[str]:
        """Names of tracks."""
        return [self.corpus.tracks[position].track_id for position in positions]
