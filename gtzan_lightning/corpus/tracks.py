"""Data classes of a corpus and its tracks, and the clusters for resampling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from gtzan_lightning.errors import GtzanError

GTZAN_GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")

GroupBy = Literal["artist", "recording", "track"]


@dataclass(frozen=True)
class Track:
    """One recording of a corpus, about 30 s."""

    track_id: str  # unique in the corpus: "blues.00007", or "<genre>/<stem>" where two genres share a name
    genre: str
    path: Path | None = None  # the audio file; None for a track of a feature table
    artist_group: str | None = None  # the same for all tracks of an artist; None where artists are unknown
    recording_group: str | None = None  # the same for all copies of a recording; None where there is no other copy
    filtered_part: str | None = None  # "train", "valid", "test" or "excluded" in the fault-filtered lists


@dataclass(frozen=True)
class Corpus:
    """The tracks of one data set and the source of their features."""

    name: str  # "gtzan", "synthetic", or the name of the folder; shown in tables, cards and figures
    tracks: tuple[Track, ...]  # sorted by track_id
    genres: tuple[str, ...]  # sorted; a label is an index into it
    source: Literal["tables", "audio"]  # whether `stats` are read from the published tables or computed
    root: Path  # the folder that holds the tables or the audio
    sha256: str  # changes when the data may have changed, see `location.fingerprint`
    notes: tuple[str, ...] = ()  # what was repaired, skipped or omitted, one sentence each

    @property
    def has_artists(self) -> bool:
        """Whether the artist of every track is known."""
        return all(track.artist_group is not None for track in self.tracks)

    def labels(self) -> list[int]:
        """Genre of each track as an index into `genres`, `(tracks,)`."""
        position = {genre: index for index, genre in enumerate(self.genres)}
        return [position[track.genre] for track in self.tracks]

    def shard(self, number: int, count: int) -> Corpus:
        """Every `count`-th track from the `number`-th (from 1) on.

        Raises:
            GtzanError: There are fewer tracks than shards.
        """
        if count > len(self.tracks):
            raise GtzanError(f"--shard {number}/{count}: {self.root} has only {len(self.tracks)} tracks.")
        return replace(self, tracks=self.tracks[number - 1 :: count])


def resampling_clusters(tracks: Sequence[Track]) -> tuple[GroupBy, list[str]]:
    """Kind of the clusters that confidence intervals resample, and the cluster of each track.

    Windows of a track are not independent, nor are tracks of an artist. The clusters are artists where all are known,
    else recordings where any are known, else tracks; all intervals of a run use the same clusters.
    """
    if tracks and all(track.artist_group is not None for track in tracks):
        return "artist", [str(track.artist_group) for track in tracks]
    if any(track.recording_group is not None for track in tracks):
        return "recording", [track.recording_group or f"track:{track.track_id}" for track in tracks]
    return "track", [track.track_id for track in tracks]
