"""`metadata.csv` out of an index of artists: groups derived, an older file kept."""

from __future__ import annotations

import csv
import io
import re
import shutil
import unicodedata
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from gtzan_lightning.atomic import write_text
from gtzan_lightning.corpus.artist_index import TRACK_NAME, Entry
from gtzan_lightning.corpus.metadata import FILE_NAME
from gtzan_lightning.corpus.tracks import GTZAN_GENRES
from gtzan_lightning.errors import GtzanError

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
