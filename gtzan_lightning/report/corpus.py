"""A corpus as a table on the console."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gtzan_lightning.corpus.tracks import Corpus, independent_units


def print_corpus(corpus: Corpus, console: Console | None = None) -> None:
    """Tracks, artists and filtered parts of each genre, and what is wrong."""
    console = console or Console()
    unit, _ = independent_units(corpus.tracks)
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
    console.print(f"Independent unit of the intervals: {unit}. Fingerprint: {corpus.sha256[:16]}", highlight=False)
    for note in corpus.notes:
        console.print(f"Note: {escape(note)}", highlight=False)
