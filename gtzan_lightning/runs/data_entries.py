"""Entries of the run card about its data: corpus, features and split."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.table_rows import LEFT_OUT
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import PARTS
from gtzan_lightning.datamodule.manifest import manifest_csv, manifest_sha256
from gtzan_lightning.datamodule.slices import SliceTable, tracks_without_slice
from gtzan_lightning.datamodule.split_rules import rule_named
from gtzan_lightning.datamodule.splits import shared_tracks
from gtzan_lightning.features.feature_request import Features
from gtzan_lightning.features.kinds import pretraining
from gtzan_lightning.runs.run_card import LEAKY_WARNING, NO_TRACKS_WARNING
from gtzan_lightning.utils.files import write_bytes


def data_entries(
    corpus: Corpus,
    features: Features,
    slices: SliceTable,
    parts: NDArray[np.str_],
    split: Mapping[str, Any],
    manifest: Path,
) -> dict[str, Any]:
    """The entries `data`, `features` and `split`; also writes the manifest.

    Args:
        corpus: The tracks.
        features: Their features.
        slices: The examples.
        parts: The part of each slice, `(slices,)`.
        split: The config group `split` as plain values.
        manifest: The file to write.
    """
    csv = manifest_csv(corpus, slices, parts)
    write_bytes(manifest, csv)
    return {
        "data": _data(corpus, features, slices),
        "features": {
            "name": features.name,
            "shape": [slices.steps, len(features.columns)],
            "row_s": features.row_s,
            "whole_clips": features.whole_clips,
            **({"pretrained": source} if (source := pretraining(features.name)) else {}),
        },
        "split": _split(corpus, slices, parts)
        | {
            "name": split["name"] if split["manifest"] is None else "manifest",
            "group_by": rule_named(split["name"]).GROUP_BY,
            "seed": split["seed"],
            "fold": split["fold"],
            "train_tracks": split["train_tracks"],
            "sha256": manifest_sha256(csv),
        },
    }


def _data(corpus: Corpus, features: Features, slices: SliceTable) -> dict[str, Any]:
    """The corpus, and the tracks that are too short for a slice."""
    without = tracks_without_slice(slices, len(corpus.tracks))
    unused = [line for line in corpus.reading if line.startswith(LEFT_OUT) and "features.drop" not in line]
    return {
        "corpus": corpus.name,
        "source": corpus.source,
        "tracks": len(corpus.tracks),
        "sha256": corpus.sha256,
        "genres": list(corpus.genres),
        "tracks_without_slice": [corpus.tracks[index].track_id for index in without],
        "reading": list(corpus.reading),
        "notes": [*corpus.notes, *features.notes, *(f"columns {line}" for line in unused)],
    }


def _split(corpus: Corpus, slices: SliceTable, parts: NDArray[np.str_]) -> dict[str, Any]:
    """Sizes of the parts, and the number of tracks and artists in both train and test."""
    tracks = slices.track_index
    in_both = len(shared_tracks(parts, tracks))
    names = [str(track.artist_group) for track in corpus.tracks]
    artists = np.unique(names, return_inverse=True)[1].astype(np.int32)[tracks]  # (slices,)
    return {
        "slices": {part: int((parts == part).sum()) for part in PARTS},
        "tracks": {part: len(np.unique(tracks[parts == part])) for part in PARTS},
        "tracks_in_train_and_test": in_both,
        "artists_in_train_and_test": len(shared_tracks(parts, artists)) if corpus.has_artists else None,
        "leakage_warning": LEAKY_WARNING if in_both else None if corpus.has_tracks else NO_TRACKS_WARNING,
    }
