"""Splits: a rule puts slices into train, val and test, and what it made is checked."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.corpus.tracks import Corpus, Track
from gtzan_lightning.datamodule.assignment import EXCLUDED, PARTS, SplitRule, assign_validation, stratified_group_parts
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.datamodule.split_rules import rule_named
from gtzan_lightning.errors import GtzanError


def split_slices(corpus: Corpus, slices: SliceTable, rule: SplitRule) -> NDArray[np.str_]:
    """The part of each slice, `(slices,)`: "train", "val", "test", or "" for a slice that is left out.

    A rule that does not keep tracks whole draws slices. The others draw tracks of the whole corpus, so that every
    slice length and every model meets the same test tracks.

    Raises:
        GtzanError: the corpus lacks what the rule needs, or a part would be empty or miss a genre.
    """
    keeps_tracks = "track" in rule_named(rule.name).KEEPS
    if keeps_tracks:
        parts = split_tracks(corpus, rule)[slices.track_index]
    else:
        parts = rule_named(rule.name).slice_parts(corpus, slices, rule)
    if rule.train_tracks is not None:
        parts = thinned(parts, slices.track_index, np.asarray(corpus.labels()), rule)
    check_parts(parts, slices.track_index, corpus, may_share_tracks=not keeps_tracks)
    return parts


def thinned(
    parts: NDArray[np.str_], track_index: NDArray[np.int32], labels: NDArray[np.int64], rule: SplitRule
) -> NDArray[np.str_]:
    """Leaves out training examples until `rule.train_tracks` tracks' worth are left, stratified by genre.

    Whole tracks where the rule keeps tracks whole, single slices where it draws slices.

    Args:
        parts: the part of each slice, `(slices,)`.
        track_index: the track of each slice, `(slices,)`.
        labels: the genre of each track, `(tracks,)`.
        rule: says how many, and the seed that draws them.

    Raises:
        GtzanError: the training part is smaller than that.
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
        GtzanError: the corpus lacks what the rule needs.
    """
    chosen = rule_named(rule.name)
    parts: NDArray[np.str_] = chosen.track_parts(corpus, rule)
    if rule.n_val_folds is None:
        return parts
    groups = np.asarray([_group(track, chosen.GROUP_BY) for track in corpus.tracks])
    return assign_validation(parts, groups, np.asarray(corpus.labels()), rule)


def _group(track: Track, group_by: str) -> str:
    """What stays together in a validation fold; a track of an unknown artist is a group of its own."""
    return (track.artist_group if group_by == "artist" else None) or track.track_id


def check_tracks(corpus: Corpus, rule: SplitRule) -> None:
    """Refuses early what the tracks alone show to be impossible; a leaky split needs no whole tracks.

    Raises:
        GtzanError: an empty part, or a genre missing in a part.
    """
    if "track" in rule_named(rule.name).KEEPS:
        tracks = np.arange(len(corpus.tracks), dtype=np.int32)
        check_parts(split_tracks(corpus, rule), tracks, corpus, may_share_tracks=False)


def check_parts(
    parts: NDArray[np.str_],
    track_index: NDArray[np.int32],
    corpus: Corpus,
    *,
    may_share_tracks: bool,
) -> None:
    """Refuses a split that cannot be trained or believed.

    Raises:
        GtzanError: an empty part, a genre missing in a part, or (unless allowed) a track in several parts.
    """
    labels = np.asarray(corpus.labels())
    size = f"{corpus.name} has {len(corpus.tracks)} tracks of {len(corpus.genres)} genres"
    for part in PARTS:
        genres_there = np.unique(labels[track_index[parts == part]])
        if not len(genres_there):
            raise GtzanError(
                f"The {part} part of the split is empty ({size}).\nUse more tracks, fewer folds or other split.ratios."
            )
        missing = [genre for index, genre in enumerate(corpus.genres) if index not in genres_there]
        if missing:
            raise GtzanError(
                f"The {part} part of the split has no slice of {', '.join(missing)} ({size}).\n"
                "Use more tracks a genre, fewer folds, other split.ratios, or another split.seed."
            )
    if not may_share_tracks:
        _refuse_shared_tracks(parts, track_index, corpus)


def shared_tracks(
    parts: NDArray[np.str_], track_index: NDArray[np.int32], one: str = "train", other: str = "test"
) -> NDArray[np.int32]:
    """Tracks (or whatever `track_index` numbers) that have slices in both parts."""
    return np.intersect1d(track_index[parts == one], track_index[parts == other])


def _refuse_shared_tracks(parts: NDArray[np.str_], track_index: NDArray[np.int32], corpus: Corpus) -> None:
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        shared = shared_tracks(parts, track_index, one, other)
        if len(shared):
            names = ", ".join(corpus.tracks[index].track_id for index in shared[:5])
            raise GtzanError(
                f"The split promises whole tracks, but {len(shared)} tracks are in both {one} and {other}: {names}"
                f"{' ...' if len(shared) > 5 else ''}.\nMove each track into one part, or call the split leaky."
            )
