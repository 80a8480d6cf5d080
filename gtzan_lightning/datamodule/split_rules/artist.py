"""Split by artist, stratified by genre: all tracks of an artist are in one part."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus, known_artists
from gtzan_lightning.datamodule.assignment import SplitRule, assign
from gtzan_lightning.errors import GtzanError

GROUP_BY = "artist"
KEEPS = frozenset({"track", "recording", "artist"})  # a recording has one artist
HAS_FOLDS = True


def track_parts(corpus: Corpus, rule: SplitRule) -> NDArray[np.str_]:
    """The part of each track, `(tracks,)`.

    Raises:
        GtzanError: The artists are unknown.
    """
    if not corpus.has_artists:
        known = len(known_artists(corpus.tracks))
        raise GtzanError(
            f"split=artist needs the artists of at least half of the tracks, and those of {known} of "
            f"{len(corpus.tracks):,} are known in the corpus {corpus.name!r}.\n"
            f"Put a metadata.csv with the columns track_id and artist into {corpus.root}, or use split=grouped."
        )
    artists = np.asarray([str(track.artist_group) for track in corpus.tracks])
    return assign(artists, np.asarray(corpus.labels()), rule)
