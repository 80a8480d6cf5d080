"""Corpora, features, the cache and downloads on the console, and features as a CSV file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

from gtzan_lightning.corpus.audio_folder import printable
from gtzan_lightning.corpus.table_files import counted
from gtzan_lightning.corpus.tracks import Corpus, known_artists, resampling_clusters
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_cache import CacheEntry
from gtzan_lightning.features.feature_request import Features
from gtzan_lightning.report.tables import TextTable, print_lines, print_table
from gtzan_lightning.utils.files import replacing, with_cells

CACHE_KINDS = {
    "file": "features of a file",
    "corpus": "features of a corpus, joined",
    "synthetic": "synthetic corpus, rendered",
    "unfinished": "left by interrupted jobs",
}


def print_corpus(corpus: Corpus, file_notes: Sequence[str] = (), console: Console | None = None) -> None:
    """Prints tracks, artists and tracks in the filtered lists of each genre, and the notes on corpus and files."""
    rows = []
    for genre in corpus.genres:
        tracks = [track for track in corpus.tracks if track.genre == genre]
        artists = known_artists(tracks)
        shown = str(len(set(artists))) if corpus.has_artists else "unknown"
        listed = sum(track.filtered_part not in (None, "excluded") for track in tracks)
        rows.append([genre, str(len(tracks)), shown, str(listed or "-")])
    cluster, _ = resampling_clusters(corpus.tracks)
    unknown = len(corpus.tracks) - len(known_artists(corpus.tracks)) if corpus.has_artists else 0
    notes = [
        f"Independent cluster of the intervals: {cluster}. Fingerprint: {corpus.sha256[:16]}",
        *([f"Unknown artists: {unknown} tracks, each of which is a group of its own"] if unknown else []),
        *(f"Read: {line}" for line in corpus.reading),
        *([_outcomes(corpus, file_notes)] if corpus.source == "audio" else []),
        *(f"Note: {note}" for note in (*corpus.notes, *file_notes)),
    ]
    title = f"{corpus.name}: {len(corpus.tracks)} tracks, {corpus.source}, {corpus.root}"
    print_table(TextTable(title, ("genre", "tracks", "artists", "filtered\nlists"), rows, notes), console)


def print_features(corpus: Corpus, features: Features, console: Console | None = None) -> None:
    """Prints the size of the feature matrix, and the note on each file that was repaired, cut, skipped or ignored."""
    rows, columns = features.values.shape
    tracks = len(np.unique(features.track_index))
    lines = [
        f"{features.name} of {corpus.name}: {tracks} of {len(corpus.tracks)} tracks, {rows:,} rows of "
        f"{features.row_s:.3g} s, {columns} columns, {rows * columns * 4 / 2**20:.1f} MiB",
        *([_outcomes(corpus, features.notes)] if corpus.source == "audio" else []),
        *(f"Note: {note}" for note in (*corpus.notes, *features.notes)),
    ]
    print_lines(map(escape, lines), console or Console())


def copies_note(groups: Sequence[Sequence[int]]) -> str:
    """A note on groups of files of the same content, by position in the corpus."""
    n_files = sum(map(len, groups))
    in_groups = counted(len(groups), "group", "groups")
    return f"{n_files} files in {in_groups} have the same content; --duplicates also lists other copies"


def print_duplicates(corpus: Corpus, groups: Sequence[Sequence[int]], method: str) -> None:
    """Prints the groups of tracks that share a sound, by position in the corpus."""
    rows = [
        [", ".join(corpus.tracks[track].track_id for track in group), _genres(corpus, group), str(len(group))]
        for group in groups
    ]
    several = sum(", " in row[1] for row in rows)
    title = f"Duplicates by {method}: {counted(len(groups), 'group', 'groups')}, {sum(map(len, groups))} tracks"
    notes = [f"{counted(several, 'group has', 'groups have')} several genres."] if several else []
    print_table(TextTable(title, ("tracks of one sound", "genre", "tracks"), rows, notes, text_columns=2))


def write_duplicates(corpus: Corpus, groups: Sequence[Sequence[int]], path: Path) -> None:
    """Writes `group, track_id, genre, file` as CSV, groups numbered from 1."""
    rows = [
        [
            number,
            track.track_id,
            track.genre,
            "" if track.path is None else printable(str(track.path)),
        ]
        for number, group in enumerate(groups, start=1)
        for track in (corpus.tracks[position] for position in group)
    ]
    table = with_cells(pd.DataFrame(rows, columns=["group", "track_id", "genre", "file"]))
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def _genres(corpus: Corpus, group: Sequence[int]) -> str:
    return ", ".join(sorted({corpus.tracks[track].genre for track in group}))


def _outcomes(corpus: Corpus, file_notes: Sequence[str]) -> str:
    """The number of files with each outcome; a file has one note at most."""
    skipped = sum(": skipped, " in note for note in file_notes)
    repaired = len(file_notes) - skipped
    counts = {
        "read as they are": len(corpus.tracks) - skipped - repaired,
        "repaired or cut": repaired,
        "skipped": skipped,
        "passed over": sum(": passed over, " in note for note in corpus.notes),
    }
    return ", ".join(f"{count:,} {outcome}" for outcome, count in counts.items())


def write_features(corpus: Corpus, features: Features, path: Path) -> None:
    """Writes `track_id, genre, start_s` and the feature columns as CSV.

    Raises:
        GtzanError: the file exists, or its folder does not.
    """
    if path.exists():
        raise GtzanError(f"{path}: exists already, and is not overwritten. Remove it or give another name.")
    if not path.parent.is_dir():
        raise GtzanError(f"{path.parent}: there is no such folder. Create it first.")
    table = pd.DataFrame(np.asarray(features.values), columns=list(features.columns))
    tracks = [corpus.tracks[index] for index in features.track_index]
    table.insert(0, "track_id", [track.track_id for track in tracks])
    table.insert(1, "genre", [track.genre for track in tracks])
    table.insert(2, "start_s", features.start_s)
    with replacing(path) as temporary:
        with_cells(table).to_csv(temporary, index=False, float_format="%.9g", lineterminator="\n")


def print_cache(folder: Path, entries: Sequence[CacheEntry], console: Console | None = None) -> None:
    """Prints the number and size of the cache's entries of each kind."""
    groups = {text: [entry for entry in entries if entry.kind == kind] for kind, text in CACHE_KINDS.items()}
    rows = [
        [text, str(len(some)), f"{sum(entry.size_bytes for entry in some) / 2**20:.1f}"]
        for text, some in {**groups, "all": entries}.items()
    ]
    columns = ("content", "entries", "MiB")
    print_table(TextTable(str(folder), columns, rows, sections=(len(groups) - 1,)), console)


@contextmanager
def download_progress(name: str, console: Console | None = None) -> Iterator[Callable[[int, int | None], None]]:
    """Yields a function to call with the bytes received so far and the total bytes (None: unknown)."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console or Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
