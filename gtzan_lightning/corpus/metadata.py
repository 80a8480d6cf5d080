"""The optional `metadata.csv` of a data root: artists, recordings and fault-filtered parts of the tracks.

It is read for a corpus, and written from B. L. Sturm's index of GTZAN or another CSV.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pandas as pd

from gtzan_lightning.corpus.audio_folder import MUSIC_SUFFIXES
from gtzan_lightning.corpus.table_files import TableFile, counted, read_table_file
from gtzan_lightning.corpus.table_rows import NAMES, plain
from gtzan_lightning.corpus.tracks import (
    GTZAN_GENRES,
    UNKNOWN_ARTIST,
    Track,
    artist_key,
    examples,
    genre_key,
    matched_tracks,
    normalised,
    numbered_artists,
    part_of,
)
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import as_cell, refuse_pipe, text_of_cell, write_text

FILE_NAME = "metadata.csv"
FILTERED_PARTS = ("train", "valid", "test", "excluded")
COLUMN_NAMES = {
    "track_id": NAMES["id"],
    "genre": NAMES["genre"],
    "artist": ("artist", "artists", "artistname", "performer", "band"),
    "artist_group": ("artistgroup",),
    "album": ("album", "albumtitle", "albumname", "release"),
    "recording_group": ("recordinggroup",),
    "filtered_part": ("filteredpart",),
}
"""Usual names of each column, as in `table_rows.NAMES`."""

Rows = list[dict[str, str]]


def with_metadata(
    tracks: Iterable[Track], path: Path, aliases: Mapping[str, str] | None = None, *, may_not_match: bool = False
) -> tuple[list[Track], list[str]]:
    """Adds the columns of the file to the tracks.

    Track names are compared by their normal form. A track of an unknown artist is a group of its own.

    Args:
        tracks: The tracks of the data.
        path: The file, a CSV of any dialect or another table.
        aliases: Other names of genres.
        may_not_match: Whether the file may belong to other data; it is then used only if it names every track.

    Returns:
        The tracks, and notes on what the file lacks and which spellings of artists are one.

    Raises:
        GtzanError: The file cannot be read, names no track of the data, has different rows for a track, a name of
            several tracks, another genre for a track than the data, or an unknown `filtered_part`.
    """
    tracks, (rows, table) = list(tracks), _rows(path)
    try:
        row_of = _row_of_tracks(tracks, rows, table)
    except GtzanError:
        if may_not_match:
            return tracks, []
        raise
    of_track, matched = [row_of.get(track.track_id, {}) for track in tracks], len(row_of)
    if may_not_match and (matched < len(tracks) or _other_genres(tracks, of_track, aliases or {})):
        return tracks, []
    if not matched:
        raise GtzanError(
            f"{path}: names none of the {len(tracks):,} tracks. It has {examples(row['track_id'] for row in rows)}; "
            f"the data have {examples(t.track_id for t in tracks)}.\nCorrect the column track_id, or remove the file."
        )
    if wrong := _other_genres(tracks, of_track, aliases or {}):
        raise GtzanError(
            f"{path}: {counted(len(wrong), 'track has', 'tracks have')} another genre than in the data: {wrong[0]}.\n"
            "Correct the column genre, leave it out, or set data.genres.aliases={there: here}."
        )
    notes = [f"{path.name}: names {matched} of {len(tracks)} tracks"] if matched < len(tracks) else []
    if may_not_match:
        notes.append(f"artists and parts come from {path}, which names all tracks")
    groups, more = artist_groups([_artist(row) for row in of_track], path.name)
    described = [
        replace(
            track,
            artist_group=track.artist_group if groups is None else group or f"{UNKNOWN_ARTIST}{track.track_id}",
            recording_group=row.get("recording_group") or None,
            filtered_part=_filtered_part(row, path),
        )
        for track, row, group in zip(tracks, of_track, groups or [""] * len(tracks), strict=True)
    ]
    return described, notes + more


def listed_artists(columns: Mapping[str, Sequence[str]], source: str) -> tuple[list[str] | None, list[str]]:
    """The artist of each row of a track list, else its album; as `artist_groups`."""
    named = {role: column_named(list(columns), COLUMN_NAMES[role]) for role in ("artist_group", "artist", "album")}
    of_role = {role: columns[name] for role, name in named.items() if name is not None}
    artists = of_role.get("artist_group") or of_role.get("artist") or []
    albums = of_role.get("album") or []
    count = max(len(artists), len(albums))
    groups, notes = artist_groups(artists, source)
    if not any(albums):
        return groups, notes
    known = groups or [""] * count
    by_album = [f"album: {artist_key(album)}" if artist_key(album) else "" for album in albums]
    return [group or album for group, album in zip(known, by_album, strict=True)], notes


def artist_groups(artists: Sequence[str], source: str) -> tuple[list[str] | None, list[str]]:
    """One name for all spellings of an artist, and notes.

    Args:
        artists: Artist of each track as written; "" where it is unknown.
        source: The file, for the notes.

    Returns:
        Name for each track, "" for an unknown artist; None instead of all if no artist is known.
    """
    keys = ["" if name.startswith("unknown:") else artist_key(name) for name in artists]
    if not any(keys):
        return None, []
    spellings: dict[str, set[str]] = {}
    for key, name in zip(keys, artists, strict=True):
        spellings.setdefault(key, set()).add(name)
    chosen = {key: min(names) for key, names in spellings.items()}
    several = {key: sorted(names) for key, names in spellings.items() if key and len(names) > 1}
    notes = []
    if several:
        shown = examples(next(iter(several.values())))
        notes.append(f"{source}: {counted(len(several), 'artist is', 'artists are')} spelled in several ways ({shown})")
    if numbered := numbered_artists(artists):
        notes.append(f"{source}: artists with a number in brackets are not merged with others: {examples(numbered)}")
    return [chosen[key] if key else "" for key in keys], notes


def _artist(row: Mapping[str, str]) -> str:
    return row.get("artist_group") or row.get("artist", "").casefold()


def _rows(path: Path) -> tuple[Rows, TableFile]:
    """The rows by the names of `COLUMN_NAMES`, and the file."""
    table = read_table_file(path, as_text=True)
    roles = {role: column_named(list(table.columns), names) for role, names in COLUMN_NAMES.items()}
    if roles["track_id"] is None:
        raise GtzanError(
            f"{path}: has no column track_id, so no row can be matched to a track. It has: {', '.join(table.columns)}."
        )
    columns = {role: list(table.columns[name]) for role, name in roles.items() if name is not None}
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)], table


def _row_of_tracks(tracks: Sequence[Track], rows: Rows, table: TableFile) -> dict[str, dict[str, str]]:
    """The row of each track that has one; rows with equal values count once."""
    row_of: dict[str, dict[str, str]] = {}
    found = matched_tracks([row["track_id"] for row in rows], tracks, str(table.path))
    for number, (row, track) in enumerate(zip(rows, found, strict=True)):
        if track is not None and row_of.setdefault(track, row) | {"track_id": ""} != row | {"track_id": ""}:
            where = f"{table.path}, {table.line(number)}"
            raise GtzanError(f"{where}: track {row['track_id']} is named twice. Delete one row.")
    return row_of


def column_named(columns: Sequence[str], names: Sequence[str]) -> str | None:
    """The column with the most likely of the usual names of a role; None if none has one."""
    found = [column for column in columns if plain(column) in names]
    return min(found, key=lambda column: names.index(plain(column)), default=None)


def _other_genres(tracks: Sequence[Track], rows: Sequence[Mapping[str, str]], aliases: Mapping[str, str]) -> list[str]:
    """Tracks whose genre differs from that of the file."""
    other = {genre_key(name): genre_key(genre) for name, genre in aliases.items()}
    wrong = []
    for track, row in zip(tracks, rows, strict=True):
        there = genre_key(row.get("genre", ""))
        if there and other.get(there, there) != genre_key(track.genre):
            wrong.append(f"{track.track_id} is {row['genre']} there, but {track.genre} in the data")
    return wrong


def _filtered_part(row: Mapping[str, str], path: Path) -> str | None:
    written = row.get("filtered_part", "")
    part = part_of(written)
    if part is None:
        raise GtzanError(
            f"{path}: {row['track_id']} has filtered_part {written!r}; allowed: {', '.join(FILTERED_PARTS)}."
        )
    return {"val": "valid", "": "excluded"}.get(part, part) if written else None


# The import of artists and titles, which writes the file.

MAX_INDEX_BYTES = 2**24  # the published one has 55 kB
ID_COLUMNS = ("track_id", "filename", "file")
TRACK_NAME = re.compile(rf"({'|'.join(GTZAN_GENRES)})\.\d{{5}}")
COLUMNS = (
    "track_id",
    "genre",
    "artist",
    "title",
    "artist_group",  # the same for all tracks of an artist; a group of its own where the artist is unknown
    "identical_group",  # the same for copies of the same audio; only from a CSV
    "recording_group",  # the same for tracks of the same artist and title
    "filtered_part",  # Kereliuk, Sturm & Larsen (2015), from torchaudio's lists
)


@dataclass(frozen=True)
class Entry:
    """Artist and title of a track; empty strings where unknown."""

    track_id: str
    artist: str
    title: str
    others: dict[str, str] = field(default_factory=dict)  # further columns of a CSV


@dataclass(frozen=True)
class ArtistIndex:
    """The entries of a file and its invalid lines."""

    entries: tuple[Entry, ...]
    bad_lines: tuple[str, ...]  # "line 7: reason"


Lines = Iterator["tuple[int, Entry | str]"]  # line number, and the entry or the error of the line


def read_index(path: Path) -> ArtistIndex:
    """Reads `GTZANindex.txt`, or a CSV if the suffix is `.csv`.

    A CSV needs the columns `track_id` (or `filename`) and `artist`; `title` and the other columns of `metadata.csv` are
    optional. Invalid lines and repeated tracks are left out and listed in `bad_lines`.

    Raises:
        GtzanError: The file is missing, too large, or has no valid line.
    """
    read: Callable[[str, Path], Lines] = _csv_rows if path.suffix.lower() == ".csv" else _index_lines
    entries: dict[str, Entry] = {}
    bad = []
    for number, entry in read(_text(path), path):
        if isinstance(entry, str):
            bad.append(f"line {number}: {entry}")
        elif entry.track_id in entries:
            bad.append(f"line {number}: names {entry.track_id} again; its first line counts")
        else:
            entries[entry.track_id] = entry
    if not entries:
        example = f"\nThe first: {bad[0]}" if bad else ""
        raise GtzanError(
            f"{path}: names no track. Lines look like `blues.00000.wav ::: Artist ::: Title`; "
            f"a CSV has the columns track_id,artist,title and a name that ends in .csv.{example}"
        )
    return ArtistIndex(tuple(entries.values()), tuple(bad))


def write_metadata(entries: Sequence[Entry], root: Path) -> Path | None:
    """Writes `metadata.csv` into a data root; values of a CSV take precedence over derived ones.

    Returns:
        Path of the backup of an older, different file; None if there was none.

    Raises:
        GtzanError: The root does not exist or is not writable.
    """
    if not root.is_dir():
        raise GtzanError(f"{root}: there is no such folder. Name the data root: --root FOLDER, or: gtzan data get")
    path = root / FILE_NAME
    content = _csv(entries)
    try:
        backup = _back_up(path, content)
        write_text(path, content)
    except OSError as error:
        raise GtzanError(f"{path}: cannot be written ({error.strerror}).") from error
    return backup


def _text(path: Path) -> str:
    refuse_pipe(path)
    try:
        if path.stat().st_size > MAX_INDEX_BYTES:
            raise GtzanError(f"{path}: is too large for an index of artists.")
        content = path.read_bytes()
    except OSError as error:
        raise GtzanError(f"{path}: cannot be read ({error.strerror}).") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # copies of the index exist in both encodings


def _index_lines(text: str, _path: Path) -> Lines:
    for number, line in enumerate(re.split(r"\r\n?|\n", text), start=1):
        if line.strip() and not line.startswith("#"):
            yield number, _entry(line)


def _entry(line: str) -> Entry | str:
    fields = [part.strip() for part in re.split(r":::?", line, maxsplit=2)]
    if len(fields) != 3:
        return f"{line.strip()[:60]!r} is not `<file> ::: <artist> ::: <title>`"
    track_id = _track_id(fields[0])
    if not TRACK_NAME.fullmatch(track_id):
        return f"{fields[0][:60]!r} is no track of GTZAN, such as blues.00000.wav"
    return Entry(track_id, " ".join(fields[1].split()), " ".join(fields[2].split()))


def _csv_rows(text: str, path: Path) -> Lines:
    reader = csv.DictReader(io.StringIO(text, newline=""), restkey="", strict=True)
    columns = list(reader.fieldnames or ())
    id_column = next((name for name in ID_COLUMNS if name in columns), None)
    if id_column is None or "artist" not in columns:
        raise GtzanError(f"{path}: needs the columns track_id and artist; it has {', '.join(columns) or 'none'}.")
    try:
        for row in reader:
            yield reader.line_num, _row(row, id_column)
    except csv.Error as error:
        raise GtzanError(f"{path}, line {reader.reader.line_num}: is no CSV ({error}). Correct the line.") from error


def _row(row: dict[str, str], id_column: str) -> Entry | str:
    if "" in row or None in row.values():
        return "has more or fewer values than the header has columns"
    values = {name: text_of_cell(value.strip()) for name, value in row.items()}
    track_id = _track_id(values.pop(id_column))
    if not track_id:
        return f"has no {id_column}"
    part = values.get("filtered_part", "")
    if part and part not in FILTERED_PARTS:
        return f"filtered_part {part!r} is none of {', '.join(FILTERED_PARTS)}"
    return Entry(track_id, values.pop("artist"), values.pop("title", ""), values)


def _track_id(file_name: str) -> str:
    stem, dot, suffix = file_name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in MUSIC_SUFFIXES else file_name


def _back_up(path: Path, content: str) -> Path | None:
    if not path.exists() or path.read_bytes() == content.encode():
        return None
    backup = next(free for number in count(1) if not (free := path.with_name(f"{path.name}.{number}")).exists())
    shutil.copy2(path, backup)
    return backup


def _csv(entries: Sequence[Entry]) -> str:
    recordings = _recordings(entries)
    parts = _filtered_parts()
    rows = [
        _derived(entry, recordings, parts) | {name: value for name, value in entry.others.items() if value}
        for entry in sorted(entries, key=lambda entry: entry.track_id)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return str(table.map(lambda value: as_cell(str(value))).to_csv(index=False, lineterminator="\n"))


def _derived(entry: Entry, recordings: dict[str, str], parts: dict[str, str]) -> dict[str, str]:
    is_gtzan = TRACK_NAME.fullmatch(entry.track_id) is not None
    genre = re.split(r"[./]", entry.track_id)[0]
    return {
        "track_id": entry.track_id,
        "genre": genre if genre in GTZAN_GENRES else "",
        "artist": entry.artist,
        "title": entry.title,
        "artist_group": normalised(entry.artist) or entry.artist or f"{UNKNOWN_ARTIST}{entry.track_id}",
        "recording_group": recordings.get(entry.track_id, ""),
        "filtered_part": parts.get(entry.track_id, "excluded" if is_gtzan else ""),
    }


def _recordings(entries: Sequence[Entry]) -> dict[str, str]:
    """The first track of the same artist and title, for tracks that share them with another."""
    groups: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if entry.artist and entry.title:
            groups.setdefault((normalised(entry.artist), normalised(entry.title)), []).append(entry.track_id)
    return {track_id: min(group) for group in groups.values() if len(group) > 1 for track_id in group}


def _filtered_parts() -> dict[str, str]:
    from torchaudio.datasets import gtzan  # slow to import

    lists = {"train": gtzan.filtered_train, "valid": gtzan.filtered_valid, "test": gtzan.filtered_test}
    return {track_id: part for part, track_ids in lists.items() for track_id in track_ids}
