"""Opens the corpus of a configuration."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import soundfile
import yaml

from gtzan_lightning.corpus.audio_folder import audio_of
from gtzan_lightning.corpus.feature_table import FeatureTable, read_feature_table, read_published_table
from gtzan_lightning.corpus.location import TABLE, TABLE_NAMES, DataOptions, DataSource, Location, find_source
from gtzan_lightning.corpus.metadata import listed_artists, with_metadata
from gtzan_lightning.corpus.synthetic_corpus import synthetic_corpus
from gtzan_lightning.corpus.tracks import (
    GTZAN_GENRES,
    SEVERAL,
    UNKNOWN_ARTIST,
    Corpus,
    Track,
    artists_are_known,
    examples,
    genre_names,
    known_artists,
)
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.caching import cache_dir as default_cache_dir

GTZAN_TRACKS = 990  # minimum number of tracks, out of 1,000, of a corpus that is named "gtzan"
TRACK_LIST = "tracks.csv"  # a list of this name is named after its folder
KNOWN_SHARE = 0.8  # of the known digests; rounding and single repaired clips differ


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
        kind: `auto`, `gtzan`, `folder`, `tracks` or `synthetic`, as in the config group `data`.
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
    tracks, notes, tables, columns = _tracks(data)
    table = next(iter(tables.values()), None)
    aliases = data.options.aliases
    if location.metadata is not None:
        tracks, more = with_metadata(tracks, location.metadata, aliases, may_not_match=location.may_not_match)
        notes += more
    tracks.sort(key=lambda track: track.track_id)
    genres = tuple(sorted({track.genre for track in tracks}))
    if len(genres) < 2:
        spelled = [note for note in notes if "spellings of one genre" in note]
        raise GtzanError(
            "\n".join([f"{location.root}: one genre only ({genres[0]}); a classifier needs at least two.", *spelled])
        )
    notes += _small_genres(tracks, data.options.min_tracks)
    named = len(known_artists(tracks))
    if named and not artists_are_known(tracks):
        notes.append(f"artists are known of {named} of {len(tracks):,} tracks, fewer than half: they are not used")
    return Corpus(
        name=data.options.name or _name(data, tracks, table),
        tracks=tuple(tracks),
        genres=genres,
        source=data.source,
        root=location.root,
        sha256=data.sha256,
        notes=tuple(notes),
        tables=tables,
        reading=tuple(line for each in tables.values() for line in each.reading),
        has_tracks=table.has_tracks if table else True,
        columns=_columns(table) if table else columns,
    )


Columns = dict[str, dict[str, str]]
"""Value of each track in each further column of the data, by the name of the column."""


def _tracks(data: DataSource) -> tuple[list[Track], list[str], dict[str, FeatureTable], Columns]:
    """Tracks, notes, the tables that they come from, and the columns of a track list."""
    assert data.location is not None
    if data.own_table:
        table = read_feature_table(data.location.tables, data.options.reading)
        genre_of_track = dict(zip(table.track_ids, table.genres, strict=True))
        return (
            [Track(track_id, genre) for track_id, genre in genre_of_track.items()],
            list(table.notes),
            {TABLE: table},
            {},
        )
    if data.source == "tables":
        return *_tracks_of_tables(data.location, data.options), {}
    tracks, notes, columns = _tracks_of_audio(data.location, data.options)
    return tracks, notes, {}, columns


def _tracks_of_tables(
    location: Location, options: DataOptions
) -> tuple[list[Track], list[str], dict[str, FeatureTable]]:
    """The union of the tracks of the published tables; one that cannot be read is noted if there is another."""
    genre_of_track: dict[str, str] = {}
    notes: list[str] = []
    errors: list[GtzanError] = []
    tables: dict[str, FeatureTable] = {}
    for path in location.tables:
        try:
            tables[path.name] = table = read_published_table(path, options.reading)
        except GtzanError as error:
            errors.append(error)
            notes.append(f"{path.name}: not used: {str(error).partition(chr(10))[0].removeprefix(f'{path}: ')}")
            continue
        notes += table.notes
        genre_of_track |= zip(table.track_ids, table.genres, strict=True)
    if not tables:
        raise errors[0]
    return [Track(track_id, genre) for track_id, genre in genre_of_track.items()], notes, tables


def _tracks_of_audio(location: Location, options: DataOptions) -> tuple[list[Track], list[str], Columns]:
    """Tracks, notes, and the columns of a track list.

    Raises:
        GtzanError: Too many entries of a track list have no file.
    """
    assert location.audio is not None  # choose_source has checked it
    folder = audio_of(location.audio)
    notes = list(folder.notes)
    if folder.missing:
        what = (
            f"{location.audio}: {len(folder.missing)} of {len(folder.missing) + len(folder.files)} entries have no file"
        )
        what += f" ({examples(folder.missing)})"
        most = options.reading.max_skipped_share
        if len(folder.missing) > most * (len(folder.missing) + len(folder.files)):
            raise GtzanError(
                f"{what}, more than the allowed {most:.0%}.\nComplete it, or raise data.max_skipped_share."
            )
        notes.append(what)
    spelling, more = genre_names([genre for genre, _ in folder.files], options.aliases)
    names = folder.track_ids()
    artists, spellings = listed_artists(folder.columns, location.audio.name) if folder.columns else (None, [])
    of_file: Sequence[str | None] = artists or [None] * len(names)
    tracks = [
        Track(
            track_id,
            spelling[genre],
            path,
            artist_group=None if artist is None else artist or f"{UNKNOWN_ARTIST}{track_id}",
        )
        for track_id, (genre, path), artist in zip(names, folder.files, of_file, strict=True)
    ]
    columns = {name: dict(zip(names, values, strict=True)) for name, values in folder.columns.items()}
    return tracks, [*notes, *more, *spellings], columns


def _columns(table: FeatureTable) -> Columns:
    """Value of each track in the other columns; several values of one track are joined."""
    columns = {}
    for name, values in table.others.items():
        of_track: dict[str, dict[str, None]] = {}
        for track, value in zip(table.track_ids, values, strict=True):
            of_track.setdefault(track, {})[value] = None
        columns[name] = {track: SEVERAL.join(several) for track, several in of_track.items()}
    return columns


def _small_genres(tracks: Sequence[Track], fewest: int) -> list[str]:
    counts = Counter(track.genre for track in tracks)
    small = [f"{genre} ({count})" for genre, count in sorted(counts.items()) if count < fewest]
    return [f"genres of fewer than {fewest} tracks (data.min_tracks): {', '.join(small)}"] if small else []


def _name(data: DataSource, tracks: Sequence[Track], table: FeatureTable | None) -> str:
    """`gtzan` if the content is GTZAN's, else the name of the folder, or of the file of `features=table`."""
    location = data.location
    assert location is not None
    if len(tracks) >= GTZAN_TRACKS and {track.genre for track in tracks} == set(GTZAN_GENRES):
        known = _known_values(table) if table else _known_samples(tracks)
        if known:
            return "gtzan"
    files = location.tables if data.own_table else (location.audio,) if location.is_list else ()
    names = [file.name.partition(".")[0] for file in files if file and file.name not in (*TABLE_NAMES, TRACK_LIST)]
    return names[0] if len(names) == 1 else location.root.resolve().name


def _known_values(table: FeatureTable) -> bool:
    """Whether a table has GTZAN's values; other music can have its track names."""
    if "rms_mean" not in table.columns:
        return False
    column, digests = table.columns.index("rms_mean"), _digests()["clips" if table.whole_clips else "windows"]
    values = table.in_file[column][table.order]
    first = {track: row for row, track in reversed(list(enumerate(table.track_ids)))}
    found = [
        _digest(f"{track} {values[first[track]]:.3f}".encode()) == digest
        for track, digest in digests.items()
        if track in first
    ]
    return sum(found) >= KNOWN_SHARE * len(digests)


def _known_samples(tracks: Sequence[Track]) -> bool:
    """Whether clips have GTZAN's samples."""
    path_of, found = {track.track_id: track.path for track in tracks}, []
    for track, digest in _digests()["samples"].items():
        if (path := path_of.get(track)) is None:
            continue
        try:
            samples, _ = soundfile.read(path, dtype="int16")
        except (OSError, RuntimeError):
            continue
        found.append(_digest(samples.astype("<i2").tobytes()) == digest)
    return bool(found) and sum(found) >= KNOWN_SHARE * len(found)


@cache
def _digests() -> dict[str, dict[str, str]]:
    loaded: dict[str, dict[str, str]] = yaml.safe_load(Path(__file__).with_name("gtzan_digests.yaml").read_text())
    return loaded


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:12]
