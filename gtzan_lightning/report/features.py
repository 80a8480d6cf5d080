"""Features as a summary on the console and as a table on disk."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.markup import escape

from gtzan_lightning.atomic import replacing
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.matrix import Features


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
