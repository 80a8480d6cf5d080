"""Small made-up data in the forms that the project reads."""

from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from gtzan_lightning.corpus.feature_table import STATS_COLUMNS
from gtzan_lightning.corpus.tracks import GTZAN_GENRES, Corpus, Track
from gtzan_lightning.features.feature_request import Features

RATE_HZ = 22_050


def write_tables(root: Path, *, genres=GTZAN_GENRES, tracks=10, windows=10, seed=0) -> Path:
    """Both published tables and `metadata.csv`.

    A column is genre + track + noise. The tracks differ more than the windows of one track do, so that who has seen
    a track in training knows it again: a leaky split scores better than a grouped one.
    """
    root.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    shape = (len(genres), tracks, windows, len(STATS_COLUMNS))
    values = (
        0.7 * random.normal(size=(len(genres), 1, 1, shape[-1]))
        + 1.5 * random.normal(size=(len(genres), tracks, 1, shape[-1]))
        + 0.5 * random.normal(size=shape)
    )
    values = 5 + values
    values[..., 0] = 66_149  # `length` is constant in the published table
    ids = [(genre, track) for genre in range(len(genres)) for track in range(tracks)]
    three = [
        (f"{genres[genre]}.{track:05d}.{window}.wav", *values[genre, track, window], genres[genre])
        for genre, track in ids
        for window in range(windows)
    ]
    thirty = [
        (f"{genres[genre]}.{track:05d}.wav", *values[genre, track].mean(axis=0), genres[genre]) for genre, track in ids
    ]
    columns = ["filename", *STATS_COLUMNS, "label"]
    pd.DataFrame(three, columns=columns).to_csv(root / "features_3_sec.csv", index=False)
    pd.DataFrame(thirty, columns=columns).to_csv(root / "features_30_sec.csv", index=False)
    parts = ("train", "train", "train", "valid", "test")
    metadata = [
        (f"{genres[genre]}.{track:05d}", genres[genre], f"Artist {genre}-{track // 2}", parts[track % len(parts)])
        for genre, track in ids
    ]
    pd.DataFrame(metadata, columns=["track_id", "genre", "artist", "filtered_part"]).to_csv(
        root / "metadata.csv", index=False
    )
    return root


def write_audio(root: Path, *, genres=("blues", "jazz", "rock"), tracks=12, seconds=3.2) -> Path:
    """`<genre>/<genre>.<number>.wav`: a tone whose pitch tells the genre, with noise that tells the track."""
    time_s = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    for genre_number, genre in enumerate(genres):
        (root / genre).mkdir(parents=True, exist_ok=True)
        for track in range(tracks):
            random = np.random.default_rng((genre_number, track))
            tone = np.sin(2 * np.pi * 220 * (genre_number + 1) * random.uniform(0.95, 1.05) * time_s)
            sound = 0.3 * tone + 0.05 * random.normal(size=len(time_s))
            soundfile.write(root / genre / f"{genre}.{track:05d}.wav", sound, RATE_HZ, subtype="PCM_16")
    return root


def corpus(genres=("blues", "rock"), tracks=10, **of_track) -> Corpus:
    """Tracks without files; `of_track` gives fields of a track as functions of genre and number."""
    made = [
        Track(f"{genre}.{number:05d}", genre, **{key: value(genre, number) for key, value in of_track.items()})
        for genre in sorted(genres)
        for number in range(tracks)
    ]
    return Corpus("made-up", tuple(made), tuple(sorted(genres)), "tables", Path("nowhere"), "0" * 64)


def features(windows_of_track, *, row_s=3.0, n_features=2, missing=(), name="stats") -> Features:
    """Rows numbered from 0, so that a value tells which row it is; `missing` are (track, window) that have no row."""
    rows = [
        (track, window)
        for track, windows in enumerate(windows_of_track)
        for window in range(windows)
        if (track, window) not in missing
    ]
    track_index, window = np.array(rows).T
    values = np.arange(len(rows), dtype=np.float32)[:, None] + np.linspace(0, 0.5, n_features, dtype=np.float32)
    columns = tuple(f"f{number}" for number in range(n_features))
    return Features(name, columns, values, track_index.astype(np.int32), window * row_s, row_s)
