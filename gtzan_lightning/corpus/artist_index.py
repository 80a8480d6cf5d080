"""`metadata.csv` out of an index of artists: groups derived, an older file kept.

MERGED: Who made which track: B. L. Sturm's index of GTZAN, or a CSV of one's own.
"""

from __future__ import annotations

import csv
import io
import re
import shutil
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from gtzan_lightning.corpus.audio_folder import AUDIO_SUFFIXES
from gtzan_lightning.corpus.metadata import FILE_NAME, FILTERED_PARTS
from gtzan_lightning.corpus.tracks import GTZAN_GENRES
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import write_text

MAX_INDEX_BYTES = 2**24  # the published one has 55 kB
ID_COLUMNS = ("track_id", "filename", "file")
TRACK_NAME = re.compile(rf"({'|'.join(GTZAN_GENRES)})\.\d{{5}}")


@dataclass(frozen=True)
class Entry:
    """What is known of a track; empty where nothing is."""

    track_id: str
    artist: str
    title: str
    others: dict[str, str] = field(default_factory=dict)  # further columns of a CSV


@dataclass(frozen=True)
class ArtistIndex:
    """The entries of a file, and what could not be read of it."""

    entries: tuple[Entry, ...]
    bad_lines: tuple[str, ...]  # "line 7: why", one each


Lines = Iterator["tuple[int, Entry | str]"]  # line number, and the entry or what is wrong with the line


def read_index(path: Path) -> ArtistIndex:
    """Reads `GTZANindex.txt`, or a CSV where the name ends so.

    A CSV needs the columns `track_id` (or `filename`) and `artist`; `title` and the other columns of `metadata.csv` are
    taken where they are. A line that cannot be read, or names a track again, is left out and told.

    Raises:
        GtzanError: the file is missing, far too large, or has no good line at all.
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


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_INDEX_BYTES:
            raise GtzanError(f"{path}: is too large for an index of artists.")
        content = path.read_bytes()
    except OSError as error:
        raise GtzanError(f"{path}: cannot be read ({error.strerror}).") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("latin-1")  # copies of the index are in either


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
        return "has more or fewer values than the head has columns"
    values = {name: value.strip() for name, value in row.items()}
    track_id = _track_id(values.pop(id_column))
    if not track_id:
        return f"has no {id_column}"
    part = values.get("filtered_part", "")
    if part and part not in FILTERED_PARTS:
        return f"filtered_part {part!r} is none of {', '.join(FILTERED_PARTS)}"
    return Entry(track_id, values.pop("artist"), values.pop("title", ""), values)


def _track_id(file_name: str) -> str:
    stem, dot, suffix = file_name.rpartition(".")
    return stem if f"{dot}{suffix}".lower() in AUDIO_SUFFIXES else file_name


COLUMNS = (
    "track_id",
    "genre",
    "artist",
    "title",
    "artist_group",  # equal for the tracks of one artist; a group of its own where the artist is unknown
    "identical_group",  # equal for copies of the same audio; an index does not tell, a CSV may
    "recording_group",  # equal where artist and title are
    "filtered_part",  # Kereliuk, Sturm & Larsen (2015), from torchaudio's lists
)


def write_metadata(entries: Sequence[Entry], root: Path) -> Path | None:
    """Writes `metadata.csv` into a data root; what a CSV gave for a column counts before what is derived.

    Returns:
        Where an older, different file was moved to; None: there was none.

    Raises:
        GtzanError: there is no such root, or it cannot be written to.
    """
    if not root.is_dir():
        raise GtzanError(f"{root}: there is no such folder. Name the data root: --root FOLDER, or: gtzan data get")
    path = root / FILE_NAME
    content = _csv(entries)
    try:
        kept = _keep(path, content)
        write_text(path, content)
    except OSError as error:
        raise GtzanError(f"{path}: cannot be written ({error.strerror}).") from error
    return kept


def normalised(text: str) -> str:
    """Without case, accents and punctuation: `AC/DC` and `Ac Dc` are one artist."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(re.sub(r"[\W_]+", " ", letters.casefold()).split())


def _keep(path: Path, content: str) -> Path | None:
    if not path.exists() or path.read_bytes() == content.encode():
        return None
    kept = next(older for number in count(1) if not (older := path.with_name(f"{path.name}.{number}")).exists())
    shutil.copy2(path, kept)
    return kept


def _csv(entries: Sequence[Entry]) -> str:
    recordings = _recordings(entries)
    parts = _filtered_parts()
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for entry in sorted(entries, key=lambda entry: entry.track_id):
        given = {name: value for name, value in entry.others.items() if value}
        writer.writerow(_derived(entry, recordings, parts) | given)
    return file.getvalue()


def _derived(entry: Entry, recordings: dict[str, str], parts: dict[str, str]) -> dict[str, str]:
    is_gtzan = TRACK_NAME.fullmatch(entry.track_id) is not None
    genre = re.split(r"[./]", entry.track_id)[0]
    return {
        "track_id": entry.track_id,
        "genre": genre if genre in GTZAN_GENRES else "",
        "artist": entry.artist,
        "title": entry.title,
        "artist_group": normalised(entry.artist) or entry.artist or f"unknown:{entry.track_id}",
        "recording_group": recordings.get(entry.track_id, ""),
        "filtered_part": parts.get(entry.track_id, "excluded" if is_gtzan else ""),
    }


def _recordings(entries: Sequence[Entry]) -> dict[str, str]:
    """Track -> first track of the same artist and title, where there are two or more."""
    groups: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if entry.artist and entry.title:
            groups.setdefault((normalised(entry.artist), normalised(entry.title)), []).append(entry.track_id)
    return {track_id: min(group) for group in groups.values() if len(group) > 1 for track_id in group}


def _filtered_parts() -> dict[str, str]:
    from torchaudio.datasets import gtzan  # slow to import, and needed here alone

    lists = {"train": gtzan.filtered_train, "valid": gtzan.filtered_valid, "test": gtzan.filtered_test}
    return {track_id: part for part, track_ids in lists.items() for track_id in track_ids}
