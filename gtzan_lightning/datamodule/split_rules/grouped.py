"""Split by track, stratified by genre: all slices of a track are in one part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import SplitRule, assign

GROUP_BY = "track"
KEEPS = frozenset({"track"})
HAS_FOLDS = True


def track_parts(corpus: Corpus, rule: SplitRule) -> NDArray[np.str_]:
    """The part of each track, `(tracks,)`."""
    return assign(np.arange(len(corpus.tracks)), np.asarray(corpus.labels()), rule)
