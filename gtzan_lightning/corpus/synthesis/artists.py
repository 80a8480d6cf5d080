"""Who plays a track: artists of two or three tracks."""

from __future__ import annotations

TRACKS_PER_ARTIST = 2.4  # on average: five artists share twelve tracks


def artist_sizes(tracks: int) -> list[int]:
    """Tracks of each artist of a genre, in order: 12 tracks are 3, 3, 2, 2, 2."""
    artists = max(1, round(tracks / TRACKS_PER_ARTIST))
    base, more = divmod(tracks, artists)
    return [base + (index < more) for index in range(artists)]


def artist_of_tracks(tracks: int) -> list[int]:
    """The artist's number of each track of a genre, `(tracks,)`."""
    return [artist for artist, size in enumerate(artist_sizes(tracks)) for _ in range(size)]
