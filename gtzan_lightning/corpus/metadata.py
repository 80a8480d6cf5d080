"""Reads artists, recordings and fault-filtered parts of the tracks from the optional `metadata.csv` of a data root."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pandas as pd

from gtzan_lightning.corpus.tracks import Track
from gtzan_lightning.errors import GtzanError

FILE_NAME = "metadata.csv"
FILTERED_PARTS = ("train", "valid", "test", "excluded")


def with_metadata(tracks: Iterable[Track], path: Path) -> tuple[list[Track], list[str]]:
    """Adds the columns of the file to the tracks.

    A track of an unknown artist is a group of its own.

    Returns:
        The tracks, and a note if the file does not list all of them.

    Raises:
        GtzanError: The file cannot be read, has no column `track_id`, lists a track twice, has another genre for a
            track than the data, or an unknown `filtered_part`.
    """
    rows = _rows(path)
    tracks = list(tracks)
    unnamed = [track.track_id for track in tracks if track.track_id not in rows]
    notes = [f"{path.name}: names {len(tracks) - len(unnamed)} of {len(tracks)} tracks"] if unnamed else []
    of_track = [rows.get(track.track_id, {}) for track in tracks]
    has_artists = any(row.get("artist_group") or row.get("artist") for row in of_track)
    return [_described(track, row, has_artists, path) for track, row in zip(tracks, of_track, strict=True)], notes


def _rows(path: Path) -> dict[str, dict[str, str]]:
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError, OSError) as error:
        raise GtzanError(f"{path}: cannot be read as CSV ({error}). Correct or remove the file.") from error
    if "track_id" not in table.columns:
        raise GtzanError(f"{path}: has no column track_id, so no row can be matched to a track.")
    twice = table["track_id"][table["track_id"].duplicated()]
    if len(twice):
        raise GtzanError(f"{path}, line {twice.index[0] + 2}: track {twice.iloc[0]} is named twice. Delete one row.")
    return {row["track_id"]: {str(name): value for name, value in row.items()} for row in table.to_dict("records")}


def _described(track: Track, row: dict[str, str], has_artists: bool, path: Path) -> Track:
    if (row.get("genre") or track.genre) != track.genre:
        raise GtzanError(f"{path}: {track.track_id} is {row['genre']} there, but {track.genre} in the data.")
    part = row.get("filtered_part") or None
    if part is not None and part not in FILTERED_PARTS:
        raise GtzanError(f"{path}: {track.track_id} has filtered_part {part!r}; allowed: {', '.join(FILTERED_PARTS)}.")
    artist = row.get("artist_group") or row.get("artist", "").casefold() or f"unknown:{track.track_id}"
    return replace(
        track,
        artist_group=artist if has_artists else None,
        recording_group=row.get("recording_group") or None,
        filtered_part=part,
    )
