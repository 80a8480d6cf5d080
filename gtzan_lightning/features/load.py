"""The features of a corpus, from its tables or from its audio."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gtzan_lightning.corpus.tables import STATS_COLUMNS, TABLE_OF_WINDOW_S, read_table
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.corpus_audio import features_of_audio
from gtzan_lightning.features.frame_kinds import NAMES as FRAME_KINDS
from gtzan_lightning.features.matrix import Features
from gtzan_lightning.features.rendition import Rendition
from gtzan_lightning.features.settings import FrameSettings

FEATURE_NAMES = ("stats", *FRAME_KINDS)


def load_features(
    corpus: Corpus,
    *,
    name: str,
    window_s: float,
    settings: FrameSettings,
    cache_dir: Path,
    n_jobs: int = 1,
    max_skipped_share: float = 0.05,
    rendition: Rendition | None = None,
) -> Features:
    """The features of every track that has them.

    Args:
        corpus: the tracks.
        name: `stats` (58 columns a window), `mfcc` or `logmel` (one row a frame).
        window_s: length of a window of `stats`; 30 means the whole clip, as in the published 30-s table.
        settings: how audio becomes features; not used for tables.
        cache_dir: where computed features are kept.
        n_jobs: processes that compute them.
        max_skipped_share: no more than this share of the files may be unusable.
        rendition: of each track, instead of the track itself; needs audio.

    Raises:
        GtzanError: features that this corpus cannot have, or too many files that cannot be used.
    """
    if name not in FEATURE_NAMES:
        raise GtzanError(f"features={name}: no such features. Choose one of {', '.join(FEATURE_NAMES)}.")
    if name == "stats" and corpus.source == "tables" and rendition is None:
        return _from_table(corpus, window_s)
    _require_audio(corpus, name)
    return features_of_audio(corpus, name, window_s, settings, cache_dir, n_jobs, max_skipped_share, rendition)


def _from_table(corpus: Corpus, window_s: float) -> Features:
    """The rows of a published table, in the order of the corpus."""
    if window_s not in TABLE_OF_WINDOW_S:
        raise GtzanError(
            f"features.window_s={window_s:g}: the published tables have windows of "
            f"{' and '.join(f'{length:g} s' for length in TABLE_OF_WINDOW_S)} only.\n"
            "Compute other windows from audio with data.source=audio."
        )
    path = corpus.root / TABLE_OF_WINDOW_S[window_s]
    if not path.is_file():
        raise GtzanError(
            f"{path}: windows of {window_s:g} s need this table, and it is not there.\n"
            "Put it there, or compute the features from audio with data.source=audio."
        )
    table = read_table(path)
    position = {track.track_id: index for index, track in enumerate(corpus.tracks)}
    track_index = np.array([position.get(track_id, -1) for track_id in table.track_ids], np.int32)
    rows = np.flatnonzero(track_index >= 0)
    rows = rows[np.lexsort((table.start_s[rows], track_index[rows]))]
    without = len(corpus.tracks) - len(np.unique(track_index[rows]))
    notes = (f"{path.name}: {without} tracks of the corpus have no row",) if without else ()
    return Features(
        name="stats",
        columns=STATS_COLUMNS,
        values=table.values[rows].astype(np.float32),
        track_index=track_index[rows],
        start_s=table.start_s[rows],
        row_s=window_s,
        notes=notes,
    )


def _require_audio(corpus: Corpus, name: str) -> None:
    with_audio = sum(track.path is not None for track in corpus.tracks)
    if with_audio == len(corpus.tracks):
        return
    if with_audio == 0:
        raise GtzanError(
            f"features={name} needs audio, and {corpus.root} has tables only.\n"
            "Give a data.root with genres_original/<genre>/*.wav, or use features=stats."
        )
    raise GtzanError(
        f"features={name} needs audio, and only {with_audio} of {len(corpus.tracks)} tracks in {corpus.root} have it.\n"
        "data.source=audio uses only those; features=stats uses the tables."
    )
