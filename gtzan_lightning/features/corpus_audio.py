"""The features of a corpus of audio files, through the cache."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np

from gtzan_lightning.corpus.folder import printable
from gtzan_lightning.corpus.tables import STATS_COLUMNS
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.features.cache import FileCache, FileSummary, key_of
from gtzan_lightning.features.columns import frame_columns
from gtzan_lightning.features.contents import ContentIndex
from gtzan_lightning.features.corpus_cache import StoredCorpus, load_corpus, store_corpus
from gtzan_lightning.features.matrix import Features
from gtzan_lightning.features.pruning import features_cache
from gtzan_lightning.features.rendition import Rendition
from gtzan_lightning.features.request import FeatureRequest
from gtzan_lightning.features.settings import FrameSettings
from gtzan_lightning.features.skipping import check_skipped

ATTEMPTS = 3  # to join the entries of files while other processes prune them


def features_of_audio(
    corpus: Corpus,
    name: str,
    window_s: float,
    settings: FrameSettings,
    cache_dir: Path,
    n_jobs: int,
    max_skipped_share: float,
    rendition: Rendition | None = None,
) -> Features:
    """Computes what the cache does not hold, and maps the result into memory. Arguments as `load_features`."""
    request = FeatureRequest(name, window_s, settings, rendition)
    paths = [track.path for track in corpus.tracks if track.path is not None]
    stored = _stored(paths, corpus.root, request, features_cache(cache_dir), n_jobs)
    names = [
        printable(str(path.relative_to(corpus.root) if path.is_relative_to(corpus.root) else path)) for path in paths
    ]
    skipped = {name_: file.skipped for name_, file in zip(names, stored.files, strict=True) if file.skipped}
    check_skipped(skipped, len(paths), max_skipped_share)
    told = [_told(file) for file in stored.files]
    notes = [f"{name_}: {text}" for name_, text in zip(names, told, strict=True) if text]
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


def _told(file: FileSummary) -> str:
    """What became of a file that was not simply read."""
    return "; ".join([*([f"skipped, {file.skipped}"] if file.skipped else []), *file.notes])


def _stored(
    paths: list[Path], corpus_root: Path, request: FeatureRequest, cache_root: Path, n_jobs: int
) -> StoredCorpus:
    index = ContentIndex(cache_root, corpus_root)
    digests = index.hashes(paths)
    if all(digest is not None for digest in digests):
        stored = load_corpus(cache_root, key_of(digests, request.identity()))
        if stored is not None:
            return stored
    # torch, numba and joblib are slow to import: only those who compute pay for them
    from gtzan_lightning.features.extraction import extract

    for _ in range(ATTEMPTS):
        results = extract(paths, request, cache_root, n_jobs)
        index.remember([(result.path, result.stamp, result.digest) for result in results])
        key = key_of([result.digest for result in results], request.identity())
        if (stored := load_corpus(cache_root, key)) is not None:
            return stored
        with suppress(LookupError):  # an entry was pruned or damaged in between: once more
            store_corpus(FileCache(cache_root), key, [(result.key, result.summary) for result in results])
        if (stored := load_corpus(cache_root, key)) is not None:
            return stored
    raise RuntimeError(f"{cache_root}: entries vanish as fast as they are written")
