"""Assigns tracks, artists or slices into train, val and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

PARTS = ("train", "val", "test")
EXCLUDED = ""  # a slice that no part holds
VAL_SHARE_WITH_FOLDS = 0.10  # of what the test fold leaves


@dataclass(frozen=True)
class SplitRule:
    """How to split: the config group `split`."""

    name: str  # a module of `split_rules`
    seed: int = 0  # decides the split alone; the training seed plays no part
    ratios: tuple[float, float, float] = (0.7, 0.1, 0.2)  # train, val, test; used without folds
    fold: int | None = None  # which fold is the test part, 0 ... n_folds - 1
    n_folds: int | None = None
    val_fold: int | None = None  # which fold of what is not test is the validation part, 0 ... n_val_folds - 1
    n_val_folds: int | None = None
    train_tracks: int | None = None  # train on no more than so many tracks' worth: a control for a part's size


def stratified_group_parts(
    groups: ArrayLike, labels: ArrayLike, ratios: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Assigns whole groups into parts of the given ratios, with each label spread evenly.

    Groups are assigned from the largest to the smallest (equals in random order), each to the part whose shortage it
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


def assign(groups: NDArray, labels: NDArray[np.int64], rule: SplitRule) -> NDArray[np.str_]:
    """The part of each item, `(items,)`, by ratios; with folds, test is one fold and validation a tenth of the rest.

    Args:
        groups: `(items,)`, which items must stay together.
        labels: `(items,)`, the genre of each.
        rule: ratios or folds, and the seed.
    """
    if rule.n_folds is None:
        return np.asarray(PARTS)[stratified_group_parts(groups, labels, rule.ratios, rule.seed)]
    fold = stratified_group_parts(groups, labels, [1 / rule.n_folds] * rule.n_folds, rule.seed)
    rest = fold != (rule.fold or 0)
    parts = np.full(len(labels), "test", dtype="<U5")
    shares = (1 - VAL_SHARE_WITH_FOLDS, VAL_SHARE_WITH_FOLDS)
    parts[rest] = np.asarray(PARTS[:2])[stratified_group_parts(groups[rest], labels[rest], shares, rule.seed)]
    return parts


def assign_validation(
    parts: NDArray[np.str_], groups: NDArray, labels: NDArray[np.int64], rule: SplitRule
) -> NDArray[np.str_]:
    """Assigns training and validation anew, as folds; the test part and what is left out stay.

    Args:
        parts: the part of each item, `(items,)`.
        groups: `(items,)`, which items must stay together.
        labels: `(items,)`, the genre of each.
        rule: the validation fold, their number, and the seed.
    """
    n_folds = rule.n_val_folds or 1
    is_open = np.isin(parts, PARTS[:2])
    fold = stratified_group_parts(groups[is_open], labels[is_open], [1 / n_folds] * n_folds, rule.seed)
    assigned = parts.copy()
    assigned[is_open] = np.where(fold == rule.val_fold, "val", "train")
    return assigned
