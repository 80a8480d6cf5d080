"""Who made which track: B. L. Sturm's index of GTZAN, or a CSV of one's own.

GTZAN came without artists and titles. Sturm identified most of its excerpts and published them as `GTZANindex.txt` with
B. L. Sturm, "An analysis of the GTZAN music genre dataset", Proc. ACM MIRUM, 2012, and
B. L. Sturm, "The GTZAN dataset: Its contents, its faults, their effects on evaluation, and its future use",
arXiv:1306.1461, 2013: cite the latter. It is on the author's pages, and a copy comes with the GTZAN-Rhythm annotations
of U. Marchand and G. Peeters (DAFx 2015). Its lines are

    blues.00000.wav ::: Artist ::: Title

where artist and title may be empty, the blank before or after `:::` may be missing, and `#` begins a remark.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gtzan_lightning.corpus.folder import AUDIO_SUFFIXES
from gtzan_lightning.corpus.metadata import FILTERED_PARTS
from gtzan_lightning.corpus.tracks import GTZAN_GENRES
from gtzan_lightning.errors import GtzanError

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
