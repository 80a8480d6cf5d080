"""Splitting slices into train, val and test by a rule, and checks of the result."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.assignment import (
    EXCLUDED,
    PARTS,
    VAL_SHARE_WITH_FOLDS,
    SplitRule,
    assign_validation,
    stratified_group_parts,
)
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.datamodule.split_rules import rule_named
from gtzan_lightning.errors import GtzanError

PAIRS = (("train", "test"), ("val", "test"), ("train", "val"))
"""Pairs of parts; the first matters most for the score."""


def split_slices(corpus: Corpus, slices: SliceTable, rule: SplitRule) -> NDArray[np.str_]:
    """The part of each slice, `(slices,)`: "train", "val", "test", or "" for an excluded slice.

    Rules that keep tracks whole split the tracks of the whole corpus, so that the test tracks are the same for every
    slice length and model. Other rules split slices.

    Raises:
        GtzanError: The corpus lacks data that the rule needs, or a part is empty or lacks a genre.
    """
    keeps_tracks = "track" in rule_named(rule.name).KEEPS
    if keeps_tracks:
        parts = split_tracks(corpus, rule)[slices.track_index]
    else:
        parts = rule_named(rule.name).slice_parts(corpus, slices, rule)
    if rule.train_tracks is not None:
        parts = limited_training_part(parts, slices.track_index, np.asarray(corpus.labels()), rule)
    check_parts(parts, slices.track_index, corpus, may_share_tracks=not keeps_tracks, needed=rule.parts)
    return parts


def limited_training_part(
    parts: NDArray[np.str_], track_index: NDArray[np.int32], labels: NDArray[np.int64], rule: SplitRule
) -> NDArray[np.str_]:
    """Reduces the training part to the equivalent of `rule.train_tracks` tracks, stratified by genre.

    Excludes whole tracks if the rule keeps tracks whole, otherwise single slices.

    Args:
        parts: Part of each slice, `(slices,)`.
        track_index: Track of each slice, `(slices,)`.
        labels: Genre of each track, `(tracks,)`.
        rule: Rule, size and seed.

    Raises:
        GtzanError: The training part is smaller than requested.
    """
    training = np.flatnonzero(parts == "train")
    tracks = track_index[training]
    by_slice = "track" not in rule_named(rule.name).KEEPS
    available = len(training) / np.bincount(track_index).max() if by_slice else len(np.unique(tracks))
    wanted = int(rule.train_tracks or 0)
    if wanted > available:
        raise GtzanError(
            f"split.train_tracks={wanted}: the training part holds {available:.0f} tracks' worth only. Take fewer."
        )
    if wanted == available:
        return parts
    groups = np.arange(len(training)) if by_slice else tracks
    share = wanted / available
    left_out = stratified_group_parts(groups, labels[tracks], (share, 1 - share), rule.seed) == 1
    parts = parts.copy()
    parts[training[left_out]] = EXCLUDED
    return parts


def split_tracks(corpus: Corpus, rule: SplitRule) -> NDArray[np.str_]:
    """The part of each track under a rule that keeps tracks whole, `(tracks,)`.

    Raises:
        GtzanError: The corpus lacks data that the rule needs.
    """
    module = rule_named(rule.name)
    if not corpus.has_tracks:
        raise GtzanError(
            f"split={rule.name} keeps tracks whole, but no column of the table in {corpus.root} names the track of a "
            "row.\nName it: features.columns.id=COLUMN. Without track names only split=leaky is possible."
        )
    parts: NDArray[np.str_] = module.track_parts(corpus, rule)
    if not module.HAS_FOLDS:  # a published list, which may have no validation part
        parts = with_validation(parts, corpus, rule)[0]
    if rule.n_val_folds is None:
        return parts
    by_artist = module.GROUP_BY == "artist"  # a track of an unknown artist is a group of its own
    groups = np.asarray([(track.artist_group if by_artist else None) or track.track_id for track in corpus.tracks])
    return assign_validation(parts, groups, np.asarray(corpus.labels()), rule)


def with_validation(parts: NDArray[np.str_], corpus: Corpus, rule: SplitRule) -> tuple[NDArray[np.str_], str | None]:
    """Assigns a tenth of the training tracks to the validation part if a published list has none.

    Args:
        parts: Part of each track, `(tracks,)`.
        corpus: The tracks; artists stay whole where they are known.
        rule: The seed.

    Returns:
        Part of each track, and a note if tracks were assigned.
    """
    if "val" not in rule.parts or (parts == "val").any() or not (parts == "train").any():
        return parts, None
    training = np.flatnonzero(parts == "train")
    by_artist = corpus.has_artists
    groups = [corpus.tracks[index].artist_group if by_artist else index for index in training]
    shares = (1 - VAL_SHARE_WITH_FOLDS, VAL_SHARE_WITH_FOLDS)
    labels = np.asarray(corpus.labels())[training]
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    is_val = stratified_group_parts(codes, labels, shares, rule.seed) == 1
    for genre in np.setdiff1d(labels, labels[is_val]):  # few artists of a genre: the smallest is enough
        candidates, sizes = np.unique(codes[labels == genre], return_counts=True)
        if len(candidates) > 1:
            is_val |= codes == candidates[np.argmin(sizes)]
    chosen = training[is_val]
    assigned = parts.copy()
    assigned[chosen] = "val"
    return assigned, (
        f"the list has no validation part: {len(chosen)} of its {len(training)} training tracks were assigned to it, "
        f"whole {'artists' if by_artist else 'tracks'}, with split.seed={rule.seed}"
    )


def check_tracks(corpus: Corpus, rule: SplitRule) -> None:
    """Checks a split before features are loaded, if its rule keeps tracks whole.

    Raises:
        GtzanError: A part is empty or lacks a genre.
    """
    if "track" in rule_named(rule.name).KEEPS:
        tracks = np.arange(len(corpus.tracks), dtype=np.int32)
        check_parts(split_tracks(corpus, rule), tracks, corpus, may_share_tracks=False, needed=rule.parts)


def check_parts(
    parts: NDArray[np.str_],
    track_index: NDArray[np.int32],
    corpus: Corpus,
    *,
    may_share_tracks: bool,
    needed: Sequence[str] = PARTS,
    manifest: str | None = None,
) -> None:
    """Refuses a split that cannot be used for training or gives invalid results.

    Args:
        parts: Part of each slice, `(slices,)`.
        track_index: Track of each slice, `(slices,)`.
        corpus: The tracks.
        may_share_tracks: Whether a track may be in several parts.
        needed: The parts that must have slices of every genre.
        manifest: The list that the parts come from, if no rule made them.

    Raises:
        GtzanError: A part is empty or lacks a genre, or (unless allowed) a track is in several parts.
    """
    labels = np.asarray(corpus.labels())
    size = f"{corpus.name} has {len(corpus.tracks)} tracks of {len(corpus.genres)} genres"
    lacking: dict[str, list[str]] = {}
    for part in needed:
        present = np.unique(labels[track_index[parts == part]])
        missing = [genre for index, genre in enumerate(corpus.genres) if index not in present]
        if missing:
            lacking[part] = missing if len(present) else []
    if lacking and manifest is not None:
        shown = (f"no track of {', '.join(genres)} in {part}" if genres else f"no {part} part"
                 for part, genres in lacking.items())  # fmt: skip
        raise GtzanError(
            f"split.manifest={manifest}: {'; '.join(shown)} ({size}).\n"
            f"Complete it: {', '.join(needed)} need tracks of each genre."
        )
    for part, genres in lacking.items():
        if not genres:
            raise GtzanError(
                f"The {part} part of the split is empty ({size}).\nUse more tracks, fewer folds or other split.ratios."
            )
        raise GtzanError(
            f"The {part} part of the split has no slice of {', '.join(genres)} ({size}).\n"
            "Use more tracks a genre, fewer folds, other split.ratios, or another split.seed."
        )
    for one, other in () if may_share_tracks else PAIRS:
        shared = shared_tracks(parts, track_index, one, other)
        if len(shared):
            names = ", ".join(corpus.tracks[index].track_id for index in shared[:5])
            raise GtzanError(
                f"The split must keep tracks whole, but {len(shared)} tracks are in both {one} and {other}: {names}"
                f"{' ...' if len(shared) > 5 else ''}.\nAssign each track to one part, or use split=leaky."
            )


def shared_tracks(
    parts: NDArray[np.str_], track_index: NDArray[np.int32], one: str = "train", other: str = "test"
) -> NDArray[np.int32]:
    """Tracks (or other groups numbered by `track_index`) that have slices in both parts."""
    return np.intersect1d(track_index[parts == one], track_index[parts == other])
