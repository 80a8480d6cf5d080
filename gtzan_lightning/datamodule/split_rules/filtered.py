"""The published fault-filtered split (Kereliuk, Sturm & Larsen 2015): no artist is in two parts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import EXCLUDED, SplitRule
from gtzan_lightning.errors import GtzanError

GROUP_BY = "artist"
KEEPS = frozenset({"track", "recording", "artist"})  # a recording has one artist
HAS_FOLDS = False


def track_parts(corpus: Corpus, rule: SplitRule) -> NDArray[np.str_]:  # noqa: ARG001, the split is fixed
    """The fault-filtered part of each track (Kereliuk, Sturm & Larsen 2015), `(tracks,)`.

    From the metadata of the corpus if it contains them, otherwise from the lists in torchaudio.

    Raises:
        GtzanError: The lists contain none of the tracks.
    """
    named = {track.track_id: track.filtered_part for track in corpus.tracks if track.filtered_part}
    if not named:
        from torchaudio.datasets import gtzan  # slow to import

        lists = {"train": gtzan.filtered_train, "valid": gtzan.filtered_valid, "test": gtzan.filtered_test}
        named = {track_id: part for part, track_ids in lists.items() for track_id in track_ids}
    part_of = {"train": "train", "valid": "val", "test": "test"}
    parts = np.asarray([part_of.get(named.get(track.track_id, ""), EXCLUDED) for track in corpus.tracks])
    if (parts == EXCLUDED).all():
        raise GtzanError(
            f"split=filtered is a list of GTZAN's tracks, and the corpus {corpus.name!r} has none of them.\n"
            "Use split=grouped or split=artist, or set data.root to GTZAN."
        )
    return parts
