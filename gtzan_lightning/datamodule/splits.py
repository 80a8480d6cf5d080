"""Rules that put slices into train, val and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.datamodule.slices import SliceTable
from gtzan_lightning.errors import GtzanError

PARTS = ("train", "val", "test")
EXCLUDED = ""  # a slice that no part holds
GROUP_BY = {"leaky": "slice", "grouped": "track", "artist": "artist", "filtered": "artist"}
VAL_SHARE_WITH_FOLDS = 0.10  # of what the test fold leaves


@dataclass(frozen=True)
class SplitRule:
    """How to split: the config group `split`."""

    name: str  # a key of GROUP_BY
    seed: int = 0  # decides the split alone; the training seed plays no part
    ratios: tuple[float, float, float] = (0.7, 0.1, 0.2)  # train, val, test; used without folds
    fold: int | None = None  # which fold is the test part, 0 ... n_folds - 1
    n_folds: int | None = None
    train_tracks: int | None = None  # train on no more than so many tracks' worth: a control for a part's size


def split_slices(corpus: Corpus, slices: SliceTable, rule: SplitRule) -> NDArray[np.str_]:
    """The part of each slice, `(slices,)`: "train", "val", "test", or "" for a slice that is left out.

    `leaky` draws slices, stratified by genre. The others draw tracks of the whole corpus, so that every slice length
    and every model meets the same test tracks.

    Raises:
        GtzanError: the corpus lacks what the rule needs, or a part would be empty or miss a genre.
    """
    if rule.name == "leaky":
        labels = np.asarray(corpus.labels())[slices.track_index]
        parts = _draw(np.arange(len(slices)), labels, rule)
    else:
        parts = split_tracks(corpus, rule)[slices.track_index]
    if rule.train_tracks is not None:
        parts = thinned(parts, slices.track_index, np.asarray(corpus.labels()), rule)
    check_parts(parts, slices.track_index, corpus, may_share_tracks=rule.name == "leaky")
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
    available = len(training) / np.bincount(track_index).max() if rule.name == "leaky" else len(np.unique(tracks))
    wanted = int(rule.train_tracks or 0)
    if wanted > available:
        raise GtzanError(
            f"split.train_tracks={wanted}: the training part holds {available:.0f} tracks' worth only. Take fewer."
        )
    if wanted == available:
        return parts
    groups = np.arange(len(training)) if rule.name == "leaky" else tracks
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
    if rule.name == "filtered":
        return filtered_parts(corpus)
    return _draw(_track_groups(corpus, rule.name), np.asarray(corpus.labels()), rule)


def check_tracks(corpus: Corpus, rule: SplitRule) -> None:
    """Refuses early what the tracks alone show to be impossible; a leaky split needs no whole tracks.

    Raises:
        GtzanError: an empty part, or a genre missing in a part.
    """
    if rule.name != "leaky":
        tracks = np.arange(len(corpus.tracks), dtype=np.int32)
        check_parts(split_tracks(corpus, rule), tracks, corpus, may_share_tracks=False)


def stratified_group_parts(
    groups: ArrayLike, labels: ArrayLike, ratios: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Deals whole groups into parts of the given ratios, with each label spread evenly.

    Groups are dealt from the largest to the smallest (equals in random order), each to the part whose shortage it
    fills best: the part that ends nearest to its share of the group's labels, in the sum of squares. It is the
    greedy rule of scikit-learn's `StratifiedGroupKFold`, for parts of unequal size.

    Args:
        groups: `(items,)`, which items must stay together.
        labels: `(items,)`, integers from 0.
        ratios: the share of each part; sums to 1.
        seed: decides the order of equals.

    Returns:
        The part of each item as a position in `ratios`, `(items,)`.

    Raises:
        ValueError: the ratios are not positive or do not sum to 1.
    """
    shares = np.asarray(ratios, float)
    if (shares <= 0).any() or not np.isclose(shares.sum(), 1):
        raise ValueError(f"ratios must be positive and sum to 1, not {shares.tolist()}")
    group_of_item, label_of_item = np.unique(groups, return_inverse=True)[1], np.asarray(labels)
    counts = np.zeros((group_of_item.max() + 1, label_of_item.max() + 1))  # (groups, labels)
    np.add.at(counts, (group_of_item, label_of_item), 1)
    missing = np.outer(shares, counts.sum(axis=0))  # (parts, labels), items that each part still lacks
    part_of_group = np.zeros(len(counts), np.int64)
    random = np.random.default_rng(seed).permutation(len(counts))
    for group in random[np.argsort(-counts[random].sum(axis=1), kind="stable")]:
        # Adding c to a part that lacks m changes the sum of squares by |m - c|² - |m|² = |c|² - 2 m·c.
        part_of_group[group] = best = int(np.argmax(missing @ counts[group]))
        missing[best] -= counts[group]
    return part_of_group[group_of_item]


def filtered_parts(corpus: Corpus) -> NDArray[np.str_]:
    """The fault-filtered part of each track (Kereliuk, Sturm & Larsen 2015), `(tracks,)`.

    Taken from the corpus's metadata where it has them, else from the lists that torchaudio ships.

    Raises:
        GtzanError: the lists name none of the corpus's tracks.
    """
    named = {track.track_id: track.filtered_part for track in corpus.tracks if track.filtered_part}
    if not named:
        from torchaudio.datasets import gtzan  # slow to import, and needed here alone

        lists = {"train": gtzan.filtered_train, "valid": gtzan.filtered_valid, "test": gtzan.filtered_test}
        named = {track_id: part for part, track_ids in lists.items() for track_id in track_ids}
    part_of = {"train": "train", "valid": "val", "test": "test"}
    parts = np.asarray([part_of.get(named.get(track.track_id, ""), EXCLUDED) for track in corpus.tracks])
    if (parts == EXCLUDED).all():
        raise GtzanError(
            f"split=filtered is a list of GTZAN's tracks, and the corpus {corpus.name!r} has none of them.\n"
            "Use split=grouped or split=artist, or set data.root to GTZAN."
        )
    return parts


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


def _track_groups(corpus: Corpus, rule: str) -> NDArray[np.str_]:
    """What must stay together: each track, or all tracks of an artist."""
    if rule == "grouped":
        return np.asarray([track.track_id for track in corpus.tracks])
    if not corpus.has_artists:
        raise GtzanError(
            f"split=artist needs the artist of each track, and the corpus {corpus.name!r} does not know them.\n"
            f"Put a metadata.csv with the columns track_id and artist into {corpus.root}, or use split=grouped."
        )
    return np.asarray([str(track.artist_group) for track in corpus.tracks])


def _draw(groups: NDArray, labels: NDArray[np.int64], rule: SplitRule) -> NDArray[np.str_]:
    """Deals groups by ratios; with folds, test is one fold and validation a tenth of the rest."""
    if rule.n_folds is None:
        return np.asarray(PARTS)[stratified_group_parts(groups, labels, rule.ratios, rule.seed)]
    fold = stratified_group_parts(groups, labels, [1 / rule.n_folds] * rule.n_folds, rule.seed)
    rest = fold != (rule.fold or 0)
    parts = np.full(len(labels), "test", dtype="<U5")
    shares = (1 - VAL_SHARE_WITH_FOLDS, VAL_SHARE_WITH_FOLDS)
    parts[rest] = np.asarray(PARTS[:2])[stratified_group_parts(groups[rest], labels[rest], shares, rule.seed)]
    return parts
