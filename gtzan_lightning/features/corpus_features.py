"""The features of a corpus, from its tables or from its audio.

MERGED: How many unusable files are too many. | The features of a corpus of audio files, through the cache.
"""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

import numpy as np

from gtzan_lightning.corpus.audio_folder import printable
from gtzan_lightning.corpus.published_tables import STATS_COLUMNS, TABLE_OF_WINDOW_S, read_table
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.cache_pruning import features_cache
from gtzan_lightning.features.feature_cache import (
    ContentIndex,
    FileCache,
    FileSummary,
    StoredCorpus,
    key_of,
    load_corpus,
    store_corpus,
)
from gtzan_lightning.features.feature_matrix import Features
from gtzan_lightning.features.feature_request import AugmentedCopy, FeatureRequest, FrameSettings
from gtzan_lightning.features.frame_kinds import NAMES as FRAME_KINDS
from gtzan_lightning.features.frames import frame_columns

SHOWN = 100  # files that the message lists


def check_skipped(skipped: dict[str, str], total: int, max_share: float) -> None:
    """Stops if too many files could not be used.

    Args:
        skipped: reason by file.
        total: files in all.
        max_share: share that may be skipped.

    Raises:
        GtzanError: more than that was.
    """
    if len(skipped) <= math.floor(max_share * total + 1e-9) and len(skipped) < total:
        return
    shown = [f"  {file}: {reason}" for file, reason in list(skipped.items())[:SHOWN]]
    more = [f"  ... and {len(skipped) - SHOWN} more"] if len(skipped) > SHOWN else []
    raise GtzanError(
        "\n".join(
            [
                f"{len(skipped)} of {total} audio files cannot be used, more than the allowed {max_share:.0%}:",
                *shown,
                *more,
                "Repair or remove them, or raise data.max_skipped_share.",
            ]
        )
    )


ATTEMPTS = 3  # to join the entries of files while other processes prune them


def features_of_audio(
    corpus: Corpus,
    name: str,
    window_s: float,
    settings: FrameSettings,
    cache_dir: Path,
    n_jobs: int,
    max_skipped_share: float,
    augmented_copy: AugmentedCopy | None = None,
) -> Features:
    """Computes what the cache does not hold, and maps the result into memory. Arguments as `load_features`."""
    request = FeatureRequest(name, window_s, settings, augmented_copy)
    paths = [track.path for track in corpus.tracks if track.path is not None]
    stored = _stored(paths, corpus.root, request, features_cache(cache_dir), n_jobs)
    names = [
        printable(str(path.relative_to(corpus.root) if path.is_relative_to(corpus.root) else path)) for path in paths
    ]
    skipped = {name_: file.skipped for name_, file in zip(names, stored.files, strict=True) if file.skipped}
    check_skipped(skipped, len(paths), max_skipped_share)
    message = [_format_error(file) for file in stored.files]
    notes = [f"{name_}: {text}" for name_, text in zip(names, message, strict=True) if text]
    n_rows = stored.n_rows
    row_in_track = np.arange(n_rows.sum()) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    return Features(
        name=name,
        columns=STATS_COLUMNS if name == "stats" else frame_columns(name, settings),
        values=stored.values,
        track_index=np.repeat(np.arange(len(paths), dtype=np.int32), n_rows),
        start_s=row_in_track * request.row_s,
        row_s=request.row_s,
        notes=tuple(notes),
    )


def _format_error(file: FileSummary) -> str:
    """What became of a file that was not simply read."""
    return "; ".join([*([f"skipped, {file.skipped}"] if file.skipped else []), *file.notes])


def _stored(
    paths: list[Path], corpus_root: Path, request: FeatureRequest, cache_root: Path, n_jobs: int
) -> StoredCorpus:
    index = ContentIndex(cache_root, corpus_root)
    digests = index.hashes(paths)
    if all(digest is not None for digest in digests):
        stored = load_corpus(cache_root, key_of(digests, request.config_hash()))
        if stored is not None:
            return stored
    # torch, numba and joblib are slow to import: only those who compute pay for them
    from gtzan_lightning.features.extraction import extract

    for _ in range(ATTEMPTS):
        results = extract(paths, request, cache_root, n_jobs)
        index.remember([(result.path, result.state, result.digest) for result in results])
        key = key_of([result.digest for result in results], request.config_hash())
        if (stored := load_corpus(cache_root, key)) is not None:
            return stored
        with suppress(LookupError):  # an entry was pruned or damaged in between: once more
            store_corpus(FileCache(cache_root), key, [(result.key, result.summary) for result in results])
        if (stored := load_corpus(cache_root, key)) is not None:
            return stored
    raise RuntimeError(f"{cache_root}: entries vanish as fast as they are written")


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
    augmented_copy: AugmentedCopy | None = None,
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
        augmented_copy: of each track, instead of the track itself; needs audio.

    Raises:
        GtzanError: features that this corpus cannot have, or too many files that cannot be used.
    """
    if name not in FEATURE_NAMES:
        raise GtzanError(f"features={name}: no such features. Choose one of {', '.join(FEATURE_NAMES)}.")
    if name == "stats" and corpus.source == "tables" and augmented_copy is None:
        return _from_table(corpus, window_s)
    _require_audio(corpus, name)
    return features_of_audio(corpus, name, window_s, settings, cache_dir, n_jobs, max_skipped_share, augmented_copy)


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
