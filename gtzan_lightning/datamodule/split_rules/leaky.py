"""Split by slice, stratified by genre: slices of a track are in several parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import SplitRule, assign
from gtzan_lightning.datamodule.slices import SliceTable

GROUP_BY = "slice"
KEEPS: frozenset[str] = frozenset()
HAS_FOLDS = True


def slice_parts(corpus: Corpus, slices: SliceTable, rule: SplitRule) -> NDArray[np.str_]:
    """The part of each slice, `(slices,)`."""
    return assign(np.arange(len(slices)), np.asarray(corpus.labels())[slices.track_index], rule)
