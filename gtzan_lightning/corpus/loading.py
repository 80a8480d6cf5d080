"""Opens the corpus of a configuration."""

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

GTZAN_TRACKS = 990  # minimum number of tracks, out of 1,000, of a corpus that is named "gtzan"


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
        root: The data root; None for GTZAN_ROOT, else `data/gtzan`, else (`auto` only) the synthetic corpus.
        source: `tables`, `audio`, or None to choose by the features.
        features: Name of the features.
        cache_dir: Cache folder of the synthetic corpus; None for GTZAN_CACHE, else the system's cache folder.
        n_jobs: Number of processes that render the synthetic corpus.

    Raises:
        GtzanError: There is no usable data, or not the data that the features need.

    Examples:
        >>> from gtzan_lightning import open_corpus
        >>> corpus = open_corpus()
        >>> len(corpus.labels()) == len(corpus.tracks)
        True
    """
    data = find_source(kind, None if root is None else str(root), source, features, cache_dir)
    return load_corpus(data, cache_dir or default_cache_dir(), n_jobs)


def load_corpus(data: DataSource, cache_dir: Path, n_jobs: int = 1) -> Corpus:
    """Opens the corpus of a `DataSource`.

    Args:
        data: Location and source of the data.
        cache_dir: Cache folder of the synthetic corpus.
        n_jobs: Number of processes that render it.

    Raises:
        GtzanError: A table or `metadata.csv` is invalid, or there is only one genre.
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
    """The union of the tracks of the tables."""
    genre_of_track: dict[str, str] = {}
    notes: list[str] = []
    for path in location.tables:
        table = read_table(path)
        notes += table.notes
        genre_of_track |= zip(table.track_ids, table.genres, strict=True)  # names and labels agree
    return [Track(track_id, genre) for track_id, genre in genre_of_track.items()], notes


def _tracks_of_audio(location: Location) -> tuple[list[Track], list[str]]:
    assert location.audio is not None  # choose_source has checked it
    folder = scan(location.audio)
    tracks = [
        Track(track_id, genre, path) for track_id, (genre, path) in zip(folder.track_ids(), folder.files, strict=True)
    ]
    return tracks, list(folder.notes)


def _name(root: Path, tracks: list[Track]) -> str:
    is_gtzan = len(tracks) >= GTZAN_TRACKS and {track.genre for track in tracks} == set(GTZAN_GENRES)
    return "gtzan" if is_gtzan else root.resolve().name
