"""Augmented copies of training tracks as further training examples; a augmented_copy is where its track is, and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_matrix import Features


@dataclass(frozen=True)
class AugmentedSlices:
    """One augmented_copy of some tracks, cut into slices; track numbers are those of the originals."""

    features: Features
    slices: SliceTable


def copies_per_track(
    corpus: Corpus,
    slices: SliceTable,
    parts: NDArray[np.str_],
    count: int,
    genre_strength: Mapping[str, float],
) -> NDArray[np.int64]:
    """How many augmented_copies of each track are made, `(tracks,)`: none but of training tracks.

    Args:
        corpus: the tracks.
        slices: their slices.
        parts: the part of each slice, `(slices,)`.
        count: augmented_copies of a training track.
        genre_strength: multiplies the count for tracks of a genre, rounded; 1 for genres that are not named.
    """
    factors = np.array([genre_strength.get(track.genre, 1.0) for track in corpus.tracks])
    wanted = np.zeros(len(corpus.tracks), np.int64)
    training = np.unique(slices.track_index[parts == "train"])
    wanted[training] = np.floor(count * factors[training] + 0.5)
    return wanted


def check_augmented_copies(track_index: NDArray[np.int32], slices: SliceTable, parts: NDArray[np.str_]) -> None:
    """Refuses augmented_copies of tracks that are not in training alone.

    Args:
        track_index: tracks that have augmented_copies.
        slices: slices of the originals.
        parts: the part of each of them, `(slices,)`.

    Raises:
        GtzanError: a augmented_copy belongs to a track that another part holds, or no part at all.
    """
    elsewhere = slices.track_index[(parts == "val") | (parts == "test")]
    wrong = np.union1d(np.intersect1d(track_index, elsewhere),
                       np.setdiff1d(track_index, slices.track_index[parts == "train"]))  # fmt: skip
    if len(wrong):
        raise GtzanError(
            f"Augmented copies belong to the training part, but those of {len(wrong)} tracks have originals elsewhere.\n"
            "Use a split that keeps tracks whole, such as split=grouped, or augmentation=none."
        )


def check_genres(genre_strength: Mapping[str, float], corpus: Corpus) -> None:
    """Refuses a strength for genres that are not there.

    Raises:
        GtzanError: the names, and those that the corpus has.
    """
    unknown = [genre for genre in genre_strength if genre not in corpus.genres]
    if unknown:
        raise GtzanError(
            f"augmentation.genre_strength names {', '.join(unknown)}, and {corpus.name} has no such genre.\n"
            f"Its genres: {', '.join(corpus.genres)}."
        )
