"""A download as a line on the console.

MERGED: A corpus as a table on the console. | Features as a summary on the console and as a table on disk.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.table import Table

from gtzan_lightning.corpus.tracks import Corpus, resampling_clusters
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_matrix import Features
from gtzan_lightning.utils.files import replacing


def print_corpus(corpus: Corpus, console: Console | None = None) -> None:
    """Tracks, artists and filtered parts of each genre, and what is wrong."""
    console = console or Console()
    cluster, _ = resampling_clusters(corpus.tracks)
    table = Table(
        title=f"{escape(corpus.name)}: {len(corpus.tracks)} tracks, {corpus.source}, {corpus.root}",
        title_justify="left",
    )
    table.add_column("genre")
    for name in ("tracks", "artists", "in filtered lists"):
        table.add_column(name, justify="right")
    for genre in corpus.genres:
        tracks = [track for track in corpus.tracks if track.genre == genre]
        artists = len({track.artist_group for track in tracks}) if corpus.has_artists else None
        parts = Counter(track.filtered_part for track in tracks)
        listed = sum(count for part, count in parts.items() if part not in (None, "excluded"))
        table.add_row(
            escape(genre), str(len(tracks)), "unknown" if artists is None else str(artists), str(listed or "-")
        )
    console.print(table)
    console.print(
        f"Independent cluster of the intervals: {cluster}. Fingerprint: {corpus.sha256[:16]}", highlight=False
    )
    for note in corpus.notes:
        console.print(f"Note: {escape(note)}", highlight=False)


def print_features(corpus: Corpus, features: Features, console: Console | None = None) -> None:
    """How much was read, and each file that was repaired, cut, skipped or passed over, with the reason."""
    console = console or Console()
    rows, columns = features.values.shape
    tracks = len(np.unique(features.track_index))
    console.print(
        f"{features.name} of {escape(corpus.name)}: {tracks} of {len(corpus.tracks)} tracks, {rows:,} rows of "
        f"{features.row_s:.3g} s, {columns} columns, {rows * columns * 4 / 2**20:.1f} MiB",
        highlight=False,
    )
    if corpus.source == "audio":
        console.print(", ".join(_outcomes(corpus, features)), highlight=False)
    for note in (*corpus.notes, *features.notes):
        console.print(f"Note: {escape(note)}", highlight=False, soft_wrap=True)


def _outcomes(corpus: Corpus, features: Features) -> list[str]:
    """How many files had which outcome; a file has one note at most."""
    skipped = sum(": skipped, " in note for note in features.notes)
    repaired = len(features.notes) - skipped
    counts = {
        "read as they are": len(corpus.tracks) - skipped - repaired,
        "repaired or cut": repaired,
        "skipped": skipped,
        "passed over": sum(": passed over, " in note for note in corpus.notes),
    }
    return [f"{count:,} {outcome}" for outcome, count in counts.items()]


def write_features(corpus: Corpus, features: Features, path: Path) -> None:
    """Writes `track_id, genre, start_s` and the columns as CSV.

    Raises:
        GtzanError: the file exists, or its folder does not.
    """
    if path.exists():
        raise GtzanError(f"{path}: is there already, and is not overwritten. Remove it or give another name.")
    if not path.parent.is_dir():
        raise GtzanError(f"{path.parent}: there is no such folder. Make it first.")
    table = pd.DataFrame(np.asarray(features.values), columns=list(features.columns))
    tracks = [corpus.tracks[index] for index in features.track_index]
    table.insert(0, "track_id", [track.track_id for track in tracks])
    table.insert(1, "genre", [track.genre for track in tracks])
    table.insert(2, "start_s", features.start_s)
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.9g", lineterminator="\n")


@contextmanager
def download_progress(name: str, console: Console | None = None) -> Iterator[Callable[[int, int | None], None]]:
    """Gives a function to call with the bytes that have arrived, and the bytes in all (None: not known)."""
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
