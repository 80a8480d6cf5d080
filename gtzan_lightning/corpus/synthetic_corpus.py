"""The embedded synthetic corpus: ten genres rendered from a seed, to run everything without GTZAN.

Its scores say nothing about real music. Tracks of an artist share a sound, so that accuracy differs between window,
track and artist splits as it does on GTZAN.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import suppress
from io import BytesIO
from pathlib import Path

from gtzan_lightning.corpus.synthesis import RENDERER_VERSION, SAMPLE_RATE_HZ, TRACK_S
from gtzan_lightning.corpus.tracks import GTZAN_GENRES, Corpus, Track
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import explained, write_atomically
from gtzan_lightning.utils.terminal import is_live, quiet_workers

FOLDERS = "synthetic-v*"  # glob pattern of its folders in the cache folder
NOTE = "synthetic: a demonstration rendered by this project; its scores say nothing about real music"


def synthetic_corpus(
    cache_dir: Path, *, seed: int = 0, tracks_per_genre: int = 12, n_jobs: int = 2, duration_s: float = TRACK_S
) -> Corpus:
    """The synthetic corpus; files missing in `cache_dir` are rendered.

    Args:
        cache_dir: The cache folder; each seed and size has a folder in it.
        seed: Seed of the artists and tracks.
        tracks_per_genre: At least 1; twelve tracks have five artists.
        n_jobs: Number of rendering processes.
        duration_s: Duration of every track.

    Raises:
        GtzanError: An argument is too small, or the cache cannot be written.
    """
    if tracks_per_genre < 1 or seed < 0 or duration_s <= 0:
        raise GtzanError(
            f"the synthetic corpus cannot have seed={seed}, tracks_per_genre={tracks_per_genre}, "
            f"duration_s={duration_s}: give a seed of 0 or more, at least one track and a positive duration"
        )
    from gtzan_lightning.corpus.synthesis.style import artist_of_tracks  # reads tables of sounds

    sha256 = _fingerprint(seed, tracks_per_genre, duration_s)
    root = Path(cache_dir) / f"synthetic-v{RENDERER_VERSION}-{sha256[:12]}"
    artists = artist_of_tracks(tracks_per_genre)
    tracks = _tracks(root, artists)
    if any(not path.is_file() for path in _paths(tracks)):
        _complete(root, tracks, artists, seed, duration_s, n_jobs)
    with suppress(OSError):  # a shared cache may be read-only
        os.utime(root)  # the time of the last use, for pruning
    return Corpus("synthetic", tracks, GTZAN_GENRES, "audio", root, sha256, notes=(NOTE,))


def _fingerprint(seed: int, tracks_per_genre: int, duration_s: float) -> str:
    """sha256 of the parameters of the corpus, the same on all machines."""
    parameters = {
        "renderer": RENDERER_VERSION,
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "seed": seed,
        "tracks_per_genre": tracks_per_genre,
        "duration_s": float(duration_s),
    }
    return hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()


def _tracks(root: Path, artists: Sequence[int]) -> tuple[Track, ...]:
    """All tracks, sorted by id. The `s` distinguishes the ids from those of GTZAN."""
    return tuple(
        Track(
            track_id=f"{genre}.s{number:05d}",
            genre=genre,
            path=root / genre / f"{genre}.s{number:05d}.flac",
            artist_group=f"synthetic {genre} artist {artist}",
        )
        for genre in GTZAN_GENRES
        for number, artist in enumerate(artists)
    )


def _paths(tracks: tuple[Track, ...]) -> list[Path]:
    return [track.path for track in tracks if track.path is not None]


def _complete(
    root: Path, tracks: tuple[Track, ...], artists: Sequence[int], seed: int, duration_s: float, n_jobs: int
) -> None:
    """Renders the missing files; concurrent processes wait for the first."""
    from filelock import FileLock  # not needed for a complete corpus

    with explained(root):
        root.mkdir(parents=True, exist_ok=True)
        with FileLock(root / ".lock"):
            jobs = [
                (seed, track.genre, artists[place % len(artists)], place % len(artists), duration_s, path)
                for place, (track, path) in enumerate(zip(tracks, _paths(tracks), strict=True))
                if not path.is_file()
            ]
            _render_all(jobs, n_jobs)


def _render_all(jobs: list[tuple[int, str, int, int, float, Path]], n_jobs: int) -> None:
    """Renders one track per job, with a progress bar on a terminal."""
    from joblib import Parallel, delayed
    from rich.console import Console
    from rich.progress import track as progress

    finished = Parallel(n_jobs=min(n_jobs, max(1, len(jobs))), return_as="generator")(
        delayed(_render_file)(*job) for job in jobs
    )
    console = Console(stderr=True)
    shown = progress(
        finished,
        "Rendering the synthetic corpus",
        len(jobs),
        console=console,
        transient=True,
        disable=not is_live(console),
    )
    with quiet_workers():
        for _ in shown:
            pass


def _render_file(seed: int, genre: str, artist: int, number: int, duration_s: float, path: Path) -> None:
    """Renders one track into `path` atomically."""
    import soundfile

    from gtzan_lightning.corpus.synthesis.render import render_track

    sound = render_track(seed, genre, artist, number, duration_s)
    content = BytesIO()  # libsndfile says "System error" where the disk is full
    soundfile.write(content, sound, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
    write_atomically(path, lambda target: target.write_bytes(content.getvalue()))
