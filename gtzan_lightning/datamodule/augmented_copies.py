"""Augmented copies of training tracks as additional training examples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_request import Features


@dataclass(frozen=True)
class AugmentedSlices:
    """One augmented copy of some tracks, cut into slices; `track_index` refers to the original tracks."""

    features: Features
    slices: SliceTable


def copies_per_track(
    corpus: Corpus,
    slices: SliceTable,
    parts: NDArray[np.str_],
    count: int,
    genre_strength: Mapping[str, float],
) -> NDArray[np.int64]:
    """Number of augmented copies of each track, 0 outside the training part.

    Args:
        corpus: The tracks.
        slices: Their slices.
        parts: Part of each slice, `(slices,)`.
        count: Copies of a training track.
        genre_strength: Factor of the count by genre, 1 if missing; the product is rounded half up.

    Returns:
        `(tracks,)`.
    """
    factors = np.array([genre_strength.get(track.genre, 1.0) for track in corpus.tracks])
    wanted = np.zeros(len(corpus.tracks), np.int64)
    training = np.unique(slices.track_index[parts == "train"])
    wanted[training] = np.floor(count * factors[training] + 0.5)
    return wanted


def check_augmented_copies(track_index: NDArray[np.int32], slices: SliceTable, parts: NDArray[np.str_]) -> None:
    """Refuses augmented copies of tracks that are not exclusively in the training part.

    Args:
        track_index: Tracks that have augmented copies.
        slices: Slices of the original tracks.
        parts: Part of each slice, `(slices,)`.

    Raises:
        GtzanError: The original of a copy has slices in another part, or in no part.
    """
    elsewhere = slices.track_index[(parts == "val") | (parts == "test")]
    wrong = np.union1d(np.intersect1d(track_index, elsewhere),
                       np.setdiff1d(track_index, slices.track_index[parts == "train"]))  # fmt: skip
    if len(wrong):
        raise GtzanError(
            f"Augmented copies are for training, but those of {len(wrong)} tracks have originals elsewhere.\n"
            "Use a split that keeps tracks whole, such as split=grouped, or augmentation=none."
        )


def check_genres(genre_strength: Mapping[str, float], corpus: Corpus) -> None:
    """Refuses a strength for unknown genres.

    Raises:
        GtzanError: A genre is not in the corpus.
    """
    unknown = [genre for genre in genre_strength if genre not in corpus.genres]
    if unknown:
        raise GtzanError(
            f"augmentation.genre_strength names {', '.join(unknown)}, and {corpus.name} has no such genre.\n"
            f"Its genres: {', '.join(corpus.genres)}."
        )
