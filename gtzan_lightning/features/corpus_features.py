"""Features of a corpus, from published tables or from audio through the cache."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.audio_folder import printable
from gtzan_lightning.corpus.feature_table import STATS_COLUMNS, FeatureTable, read_published_table
from gtzan_lightning.corpus.location import TABLE, TABLE_OF_WINDOW_S
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_cache import (
    FileCache,
    FileSummary,
    StoredCorpus,
    features_cache,
    load_stored_corpus,
    store_corpus,
)
from gtzan_lightning.features.feature_request import (
    WHOLE_CLIP_S,
    AugmentedCopy,
    FeatureRequest,
    Features,
    FrameSettings,
    feature_columns,
)
from gtzan_lightning.features.kinds import NAMES
from gtzan_lightning.utils.content_index import ContentIndex, key_of

LENGTH = "length"  # in samples, a column of the published tables
SMALLEST = 1e-6  # keeps logarithms of 0 finite
ATTEMPTS = 3  # at joining the entries of files while other processes prune them
MAX_LISTED = 100  # unusable files listed in the error message


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
    transform: str | None = None,
    pooling: str | None = None,
    drop: Sequence[str] = (),
) -> Features:
    """The features of every track that has them.

    Features of audio that the cache does not contain are computed; the result is mapped into memory.

    Args:
        corpus: The tracks.
        name: `stats` or `musicnn` (one row per window), `mfcc` or `logmel` (one row per frame).
        window_s: Length of a window; 30 is the whole clip, as in the published 30-s table.
        settings: Parameters of the analysis of audio; not used for tables.
        cache_dir: Folder of the cache.
        n_jobs: Number of processes that compute features.
        max_skipped_share: Largest share of unusable files.
        augmented_copy: An augmented copy of each track instead of the track itself; requires audio.
        transform: `logit` or `log` of the values of a table.
        pooling: `clip` for mean and standard deviation over the rows of a track of a table.
        drop: Columns to leave out; a table is read without them.

    Raises:
        GtzanError: The corpus cannot have these features, lacks one to drop, or too many files are unusable.
    """
    if name == TABLE:
        return _from_own_table(corpus, corpus.tables[TABLE], transform, pooling)
    if name not in NAMES:
        raise GtzanError(f"features={name}: no such features. Choose one of {', '.join(NAMES)}.")
    if name == "stats" and corpus.source == "tables" and augmented_copy is None:
        return without_columns(_from_table(corpus, window_s), drop, settings.sample_rate_hz)
    _require_audio(corpus, name)
    request = FeatureRequest(name, window_s, settings, augmented_copy)
    computed = _from_audio(corpus, request, features_cache(cache_dir), n_jobs, max_skipped_share)
    return without_columns(computed, drop, settings.sample_rate_hz)


def without_columns(features: Features, drop: Sequence[str], sample_rate_hz: int) -> Features:
    """Features without the columns named in `drop`; the length of the rows is kept as `length_s`.

    Raises:
        GtzanError: There is no such column, or none is left.
    """
    if unknown := [name for name in drop if name not in features.columns]:
        raise GtzanError(
            f"features.drop: {features.name} has no column {unknown[0]}. Its columns: {', '.join(features.columns)}."
        )
    kept = [place for place, name in enumerate(features.columns) if name not in drop]
    if not kept:
        raise GtzanError("features.drop leaves no column. Name fewer.")
    if LENGTH in features.columns:
        samples = features.values[:, features.columns.index(LENGTH)]
        features = replace(features, length_s=samples.astype(np.float64) / sample_rate_hz)
    if not drop:
        return features
    return replace(features, columns=tuple(features.columns[place] for place in kept), values=features.values[:, kept])


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
        hint = "use whole clips: slice=30s slice.step_s=30" if window_s < WHOLE_CLIP_S else "add it"
        raise GtzanError(
            f"{path}: windows of {window_s:g} s need this table, which does not exist.\n"
            f"Either {hint}, or compute the features from audio with data.source=audio."
        )
    table = corpus.tables.get(path.name) or read_published_table(path)
    lacking = sorted(set(corpus.genres) - set(table.genres))
    if lacking:
        raise GtzanError(
            f"{path}: has no row of {', '.join(lacking)}, which another table in {corpus.root} has.\n"
            "Move the table that you do not use out of the folder, or complete this one."
        )
    rows, track_index, without = _rows_of_tracks(corpus, table)
    return Features(
        name="stats",
        columns=STATS_COLUMNS,
        values=table.single(rows),
        track_index=track_index,
        start_s=table.start_s[rows],
        row_s=window_s,
        notes=(f"{path.name}: {without} tracks of the corpus have no row",) if without else (),
    )


def _rows_of_tracks(corpus: Corpus, table: FeatureTable) -> tuple[NDArray[np.intp], NDArray[np.int32], int]:
    """Rows of a table in the order of the corpus, the track of each, and the number of tracks without a row."""
    position = {track.track_id: index for index, track in enumerate(corpus.tracks)}
    track_index = np.array([position.get(track_id, -1) for track_id in table.track_ids], np.int32)
    rows = np.flatnonzero(track_index >= 0)
    rows = rows[np.lexsort((table.start_s[rows], track_index[rows]))]
    without = len(corpus.tracks) - len(np.unique(track_index[rows]))
    return rows, track_index[rows], without


def _from_own_table(corpus: Corpus, table: FeatureTable, transform: str | None, pooling: str | None) -> Features:
    """The rows of a user's table, transformed and pooled as configured."""
    rows, track_index, _ = _rows_of_tracks(corpus, table)
    start_s, columns = table.start_s[rows], table.columns
    pools = pooling is not None and not table.whole_clips
    values: NDArray[Any] = table.values[rows] if pools or transform is not None else table.single(rows)
    if transform is not None:
        values = _transformed(values, columns, transform)
    if pools:
        first = np.flatnonzero(np.r_[True, np.diff(track_index) != 0])
        groups = np.split(values, first[1:])
        values = np.stack([np.concatenate([each.mean(axis=0), each.std(axis=0)]) for each in groups])
        track_index, start_s = track_index[first], np.zeros(len(first))
        columns = (*(f"{name}_mean" for name in columns), *(f"{name}_std" for name in columns))
    single, whole = values.astype(np.float32, copy=False), pools or table.whole_clips
    return Features(TABLE, columns, single, track_index, start_s, table.window_s, whole_clips=whole)


def _transformed(values: NDArray[np.float64], columns: tuple[str, ...], transform: str) -> NDArray[np.float64]:
    """Logarithm or log odds of each value.

    Raises:
        GtzanError: A value is outside the range of the function.
    """
    outside = (values < 0) | (values > 1) if transform == "logit" else values < 0
    if outside.any():
        name = columns[int(np.argmax(outside.any(axis=0)))]
        expected = "probabilities between 0 and 1" if transform == "logit" else "values of 0 or more"
        raise GtzanError(
            f"features.transform={transform} needs {expected}; {name} has {values[outside][0]:g}. Leave it out."
        )
    if transform == "log":
        return np.log(values + SMALLEST)
    bounded = values.clip(SMALLEST, 1 - SMALLEST)
    return np.log(bounded / (1 - bounded))


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


def _from_audio(
    corpus: Corpus, request: FeatureRequest, cache_root: Path, n_jobs: int, max_skipped_share: float
) -> Features:
    paths = [track.path for track in corpus.tracks if track.path is not None]
    stored = _stored_or_computed(paths, corpus.root, request, cache_root, n_jobs)
    names = _file_names(corpus)
    skipped = {name: file.skipped for name, file in zip(names, stored.files, strict=True) if file.skipped}
    _check_skipped(skipped, len(paths), max_skipped_share)
    n_rows = stored.n_rows
    row_in_track = np.arange(n_rows.sum()) - np.repeat(np.cumsum(n_rows) - n_rows, n_rows)
    return Features(
        name=request.name,
        columns=feature_columns(request.name, request.settings),
        values=stored.values,
        track_index=np.repeat(np.arange(len(paths), dtype=np.int32), n_rows),
        start_s=row_in_track * request.row_s,
        row_s=request.row_s,
        notes=_notes(names, stored.files),
    )


def reading_notes(corpus: Corpus, settings: FrameSettings, n_jobs: int = 1) -> tuple[str, ...]:
    """A note on each audio file that cannot be used, or not as it is; reads the files, and computes no features."""
    from joblib import Parallel, delayed

    paths = [track.path for track in corpus.tracks if track.path is not None]
    outcomes = Parallel(n_jobs=n_jobs)(
        delayed(_reading_outcome)(path, settings.sample_rate_hz, settings.max_clip_s) for path in paths
    )
    return _notes(_file_names(corpus), outcomes)


def _reading_outcome(path: Path, rate_hz: int, max_s: float) -> FileSummary:
    from gtzan_lightning.features.audio_reading import read_audio  # imports soxr, which cached features do not need

    reading = read_audio(path, rate_hz, max_s)
    return FileSummary(0, 0, reading.notes, reading.skipped)


def _file_names(corpus: Corpus) -> list[str]:
    """Printable path of each audio file below the data root."""
    paths = [track.path for track in corpus.tracks if track.path is not None]
    return [
        printable(str(path.relative_to(corpus.root) if path.is_relative_to(corpus.root) else path)) for path in paths
    ]


def _notes(names: Sequence[str], files: Iterable[FileSummary]) -> tuple[str, ...]:
    """One sentence for each file that was skipped or not used as it is."""
    notes = []
    for name, file in zip(names, files, strict=True):
        texts = [f"skipped, {file.skipped}"] * bool(file.skipped) + list(file.notes)
        if texts:
            notes.append(f"{name}: {'; '.join(texts)}")
    return tuple(notes)


def _check_skipped(skipped: dict[str, str], total: int, max_share: float) -> None:
    """Refuses a corpus if more than `max_share` of its files, or all of them, were skipped.

    Args:
        skipped: Reason by file.
        total: Number of files.
        max_share: Largest share that may be skipped.

    Raises:
        GtzanError: Too many files were skipped.
    """
    if len(skipped) <= math.floor(max_share * total + 1e-9) and len(skipped) < total:
        return
    listed = [f"  {file}: {reason}" for file, reason in list(skipped.items())[:MAX_LISTED]]
    if len(skipped) > MAX_LISTED:
        listed.append(f"  ... and {len(skipped) - MAX_LISTED} more")
    raise GtzanError(
        f"{len(skipped)} of {total} audio files cannot be used, more than the allowed {max_share:.0%}:\n"
        + "\n".join(listed)
        + "\nRepair or remove them, or raise data.max_skipped_share."
    )


def _stored_or_computed(
    paths: list[Path], corpus_root: Path, request: FeatureRequest, cache_root: Path, n_jobs: int
) -> StoredCorpus:
    index = ContentIndex(cache_root, corpus_root)
    digests = index.hashes(paths)
    if all(digest is not None for digest in digests):
        stored = load_stored_corpus(cache_root, key_of(digests, request.cache_fields()))
        if stored is not None:
            return stored
    from gtzan_lightning.features.extraction import extract  # imports torch, numba and joblib, which is slow

    for _ in range(ATTEMPTS):
        results = extract(paths, request, cache_root, n_jobs)
        with suppress(GtzanError):  # a cache that cannot be written only costs reading the files again
            index.update((result.path, result.state, result.digest) for result in results)
        key = key_of([result.digest for result in results], request.cache_fields())
        if (stored := load_stored_corpus(cache_root, key)) is not None:
            return stored
        with suppress(LookupError):  # an entry was pruned or damaged meanwhile: compute it again
            store_corpus(FileCache(cache_root), key, [(result.key, result.summary) for result in results])
        if (stored := load_stored_corpus(cache_root, key)) is not None:
            return stored
    raise RuntimeError(f"{cache_root}: cache entries are removed as fast as they are written")
