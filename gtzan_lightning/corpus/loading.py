"""Opens the corpus that a configuration names."""

from __future__ import annotations

from pathlib import Path

from gtzan_lightning.corpus.audio_folder import scan
from gtzan_lightning.corpus.location import DataSource, Location, find_source
from gtzan_lightning.corpus.metadata import with_metadata
from gtzan_lightning.corpus.published_tables import read_table
from gtzan_lightning.corpus.synthetic_corpus import synthetic_corpus
from gtzan_lightning.corpus.tracks import GTZAN_GENRES, Corpus, Track
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.caching import cache_dir as default_cache_dir

GTZAN_TRACKS = 990  # a corpus with GTZAN's genres and at least so many of its 1,000 tracks is called "gtzan"


def open_corpus(
    kind: str = "auto",
    root: str | Path | None = None,
    *,
    source: str | None = None,
    features: str = "stats",
    cache_dir: Path | None = None,
    n_jobs: int = 1,
) -> Corpus:
    """Opens a corpus: GTZAN, any folder of `<genre>/<file>`, or the embedded synthetic one.

    Args:
        kind: `auto`, `gtzan`, `folder` or `synthetic`, as in the config group `data`.
        root: the data root; None takes GTZAN_ROOT, then `data/gtzan`, then (`auto` only) the synthetic corpus.
        source: `tables`, `audio`, or None for whichever the features need.
        features: the features to be computed, which decide the source.
        cache_dir: folder that the synthetic corpus is rendered to; None is GTZAN_CACHE, else the system's cache folder.
        n_jobs: processes that render the synthetic corpus.

    Raises:
        GtzanError: nothing usable there, or not what the features need.

    Example:
        >>> corpus = open_corpus("synthetic")
        >>> corpus.name, len(corpus.tracks), len(corpus.genres)
        ('synthetic', 120, 10)
    """
    data = find_source(kind, None if root is None else str(root), source, features)
    return load_corpus(data, cache_dir or default_cache_dir(), n_jobs)


def load_corpus(data: DataSource, cache_dir: Path, n_jobs: int = 1) -> Corpus:
    """The corpus of data that have been located.

    Args:
        data: where the data are.
        cache_dir: folder that the synthetic corpus is rendered to.
        n_jobs: processes that render it.

    Raises:
        GtzanError: the data cannot be used.
    """
    location = data.location
    if location is None:
        return synthetic_corpus(cache_dir, n_jobs=n_jobs)
    tracks, notes = _tracks_of_tables(location) if data.source == "tables" else _tracks_of_audio(location)
    if location.metadata is not None:
        tracks, more = with_metadata(tracks, location.metadata)
        notes += more
    tracks.sort(key=lambda track: track.track_id)
    genres = tuple(sorted({track.genre for track in tracks}))
    if len(genres) < 2:
        raise GtzanError(
            f"{location.root}: one genre only ({genres[0]}); a classifier needs at least two genre folders."
        )
    return Corpus(
        name=_name(location.root, tracks),
        tracks=tuple(tracks),
        genres=genres,
        source=data.source,
        root=location.root,
        sha256=data.sha256,
        notes=tuple(notes),
    )


def _tracks_of_tables(location: Location) -> tuple[list[Track], list[str]]:
    """Every track that some table names; the tables' own checks happen here, before any other work."""
    genre_of_track: dict[str, str] = {}
    notes: list[str] = []
    for path in location.tables:
        table = read_table(path)
        notes += table.notes
        genre_of_track |= zip(table.track_ids, table.genres, strict=True)  # names and labels agree, so tables do
    return [Track(track_id, genre) for track_id, genre in genre_of_track.items()], notes


def _tracks_of_audio(location: Location) -> tuple[list[Track], list[str]]:
    assert location.audio is not None  # choose_source has made sure
    folder = scan(location.audio)
    tracks = [
        Track(track_id, genre, path) for track_id, (genre, path) in zip(folder.track_ids(), folder.files, strict=True)
    ]
    return tracks, list(folder.notes)


def _name(root: Path, tracks: list[Track]) -> str:
    is_gtzan = len(tracks) >= GTZAN_TRACKS and {track.genre for track in tracks} == set(GTZAN_GENRES)
    return "gtzan" if is_gtzan else root.resolve().name
