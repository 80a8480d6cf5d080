"""What a corpus is: a list of tracks, each with its genre and the groups that it belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

GTZAN_GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")

GroupBy = Literal["artist", "recording", "track"]


@dataclass(frozen=True)
class Track:
    """One recording of a corpus, about 30 s."""

    track_id: str  # unique in the corpus: "blues.00007", or "<genre>/<stem>" where two genres share a name
    genre: str
    path: Path | None = None  # the audio file; None where only a feature table knows the track
    artist_group: str | None = None  # tracks of one artist share it; None where artists are not known
    recording_group: str | None = None  # tracks of one recording share it; None: no other track is known to
    filtered_part: str | None = None  # "train", "valid", "test" or "excluded" in the fault-filtered lists


@dataclass(frozen=True)
class Corpus:
    """The tracks of one data set, and where their numbers come from."""

    name: str  # "gtzan", "synthetic", or the folder's name; stands in every table, card and figure
    tracks: tuple[Track, ...]  # in a fixed order: sorted by track_id
    genres: tuple[str, ...]  # sorted; a label is a position in it
    source: Literal["tables", "audio"]  # whether `stats` come from the published tables or are computed
    root: Path  # the folder that holds the tables or the audio
    sha256: str  # of names, sizes and times of the files; changes when the data may have changed
    notes: tuple[str, ...] = ()  # what was repaired, skipped or left out, one sentence each

    @property
    def has_artists(self) -> bool:
        """Whether every track knows its artist."""
        return all(track.artist_group is not None for track in self.tracks)

    def labels(self) -> list[int]:
        """Genre of each track as a position in `genres`, `(tracks,)`."""
        position = {genre: index for index, genre in enumerate(self.genres)}
        return [position[track.genre] for track in self.tracks]


def resampling_clusters(tracks: Sequence[Track]) -> tuple[GroupBy, list[str]]:
    """The cluster that intervals resample, and each track's cluster: artist where known, else recording, else track.

    Windows of a track are no independent evidence, nor are tracks of one artist; the first cluster of that order
    that the whole corpus knows is taken, and is the same for every interval of a run.
    """
    if tracks and all(track.artist_group is not None for track in tracks):
        return "artist", [str(track.artist_group) for track in tracks]
    if any(track.recording_group is not None for track in tracks):
        return "recording", [track.recording_group or f"track:{track.track_id}" for track in tracks]
    return "track", [track.track_id for track in tracks]
