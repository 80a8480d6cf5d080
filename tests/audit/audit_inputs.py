"""Synthetic inputs without leaks for the audit, and ways to add leaks."""

from dataclasses import replace

import numpy as np
import tiny

from gtzan_lightning.audit.findings import AuditInput, RunFacts
from gtzan_lightning.datamodule.assignment import SplitRule
from gtzan_lightning.datamodule.slices import slice_table
from gtzan_lightning.datamodule.splits import split_slices
from gtzan_lightning.features.feature_request import Features

GENRES = ("blues", "jazz", "rock")
TRACKS = 20  # a genre
WINDOWS = 5
COLUMNS = 12


def random_features(n_tracks, seed=0):
    """Features that vary more between tracks than between windows of one, independent of the genre."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(n_tracks, 1, COLUMNS)) + 0.3 * rng.normal(size=(n_tracks, WINDOWS, COLUMNS))
    track_index, window = np.divmod(np.arange(n_tracks * WINDOWS), WINDOWS)
    return Features(
        "stats",
        tuple(f"f{number}" for number in range(COLUMNS)),
        values.reshape(-1, COLUMNS).astype(np.float32),
        track_index.astype(np.int32),
        window * 3.0,
        3.0,
    )


def audit_input(rule="grouped", *, hop_s=None, seconds=3.0, facts=None):
    """Three genres of twenty tracks; neighbours in the list share an artist."""
    corpus = tiny.corpus(GENRES, TRACKS, artist_group=lambda genre, number: f"{genre} artist {number // 2}")
    features = random_features(len(corpus.tracks))
    slices = slice_table(features, seconds=seconds, hop_s=hop_s)
    drawn = "artist" if rule == "filtered" else rule
    parts = split_slices(corpus, slices, SplitRule(drawn))
    return AuditInput(corpus, features, slices, parts, rule, facts or RunFacts())


def tracks_in(made, part):
    """Positions of the tracks with a slice in a part."""
    return np.unique(made.slices.track_index[made.parts == part])


def with_parts(made, parts):
    return replace(made, parts=parts)


def with_values(made, values):
    return replace(made, features=replace(made.features, values=np.asarray(values, np.float32)))


def with_copy(made, one, other, noise=0.0):
    """Replaces the features of track `other` by those of track `one`, with noise."""
    values = made.features.values.copy()
    copied = values[made.features.track_index == one]
    values[made.features.track_index == other] = copied + noise * np.random.default_rng(1).normal(size=copied.shape)
    return with_values(made, values)
