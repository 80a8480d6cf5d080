"""Stratified assignment of tracks, artists or slices to train, val and test."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

PARTS = ("train", "val", "test")
EXCLUDED = ""  # the part of a slice that belongs to none
VAL_SHARE_WITH_FOLDS = 0.10  # of the items outside the test fold


@dataclass(frozen=True)
class SplitRule:
    """Parameters of a split: the config group `split`."""

    name: str  # a module of `split_rules`
    seed: int = 0  # seed of the split; independent of the training seed
    ratios: tuple[float, float, float] = (0.7, 0.1, 0.2)  # train, val, test; used without folds
    fold: int | None = None  # index of the test fold, 0 ... n_folds - 1
    n_folds: int | None = None
    val_fold: int | None = None  # index of the validation fold of the items outside test, 0 ... n_val_folds - 1
    n_val_folds: int | None = None
    train_tracks: int | None = None  # size of the training part in tracks, to compare splits at equal size

    @property
    def parts(self) -> tuple[str, ...]:
        """The parts that have items: without `val` if its ratio is 0."""
        return tuple(part for part, ratio in zip(PARTS, self.ratios, strict=True) if ratio > 0)


def stratified_group_parts(
    groups: ArrayLike, labels: ArrayLike, ratios: Sequence[float], seed: int
) -> NDArray[np.int64]:
    """Assigns whole groups to parts of the given ratios, stratified by label.

    Groups are assigned from the largest to the smallest (groups of equal size in random order), each to the part that
    minimises the sum of squared differences from the desired label counts. This is the greedy algorithm of
    scikit-learn's `StratifiedGroupKFold`, which supports only parts of equal size.

    Args:
        groups: Group of each item, `(items,)`.
        labels: Label of each item, integers from 0, `(items,)`.
        ratios: Share of each part; must sum to 1.
        seed: Seed of the order of groups of equal size.

    Returns:
        Part of each item as a position in `ratios`, `(items,)`.

    Raises:
        ValueError: The ratios are not positive or do not sum to 1.
    """
    shares = np.asarray(ratios, float)
    if (shares <= 0).any() or not np.isclose(shares.sum(), 1):
        raise ValueError(f"ratios must be positive and sum to 1, not {shares.tolist()}")
    group_of_item, label_of_item = np.unique(groups, return_inverse=True)[1], np.asarray(labels)
    counts = np.zeros((group_of_item.max() + 1, label_of_item.max() + 1))  # (groups, labels)
    np.add.at(counts, (group_of_item, label_of_item), 1)
    missing = np.outer(shares, counts.sum(axis=0))  # (parts, labels), items still to be assigned
    part_of_group = np.zeros(len(counts), np.int64)
    shuffled = np.random.default_rng(seed).permutation(len(counts))
    for group in shuffled[np.argsort(-counts[shuffled].sum(axis=1), kind="stable")]:
        # Adding counts c to a part that is missing m changes the sum of squares by |m - c|² - |m|² = |c|² - 2 m·c.
        part_of_group[group] = best = int(np.argmax(missing @ counts[group]))
        missing[best] -= counts[group]
    return part_of_group[group_of_item]


def assign(groups: NDArray, labels: NDArray[np.int64], rule: SplitRule) -> NDArray[np.str_]:
    """Assigns items by ratios; with folds, one fold is test and a tenth of the others validation.

    Args:
        groups: Group of each item, `(items,)`; groups are not divided.
        labels: Genre of each item, `(items,)`.
        rule: Ratios or folds, and the seed.

    Returns:
        Part of each item, `(items,)`.
    """
    if rule.n_folds is None:
        shares = tuple(ratio for ratio in rule.ratios if ratio > 0)
        return np.asarray(rule.parts)[stratified_group_parts(groups, labels, shares, rule.seed)]
    fold = stratified_group_parts(groups, labels, [1 / rule.n_folds] * rule.n_folds, rule.seed)
    rest = fold != (rule.fold or 0)
    assigned = np.full(len(labels), "test", dtype="<U5")
    shares = (1 - VAL_SHARE_WITH_FOLDS, VAL_SHARE_WITH_FOLDS)
    assigned[rest] = np.asarray(PARTS[:2])[stratified_group_parts(groups[rest], labels[rest], shares, rule.seed)]
    return assigned


def assign_validation(
    parts: NDArray[np.str_], groups: NDArray, labels: NDArray[np.int64], rule: SplitRule
) -> NDArray[np.str_]:
    """Reassigns the items of train and val by folds; those of test and excluded ones remain.

    Args:
        parts: Part of each item, `(items,)`.
        groups: Group of each item, `(items,)`; groups are not divided.
        labels: Genre of each item, `(items,)`.
        rule: Validation fold, number of folds, and seed.

    Returns:
        New part of each item, `(items,)`.
    """
    n_folds = rule.n_val_folds or 1
    is_open = np.isin(parts, PARTS[:2])
    fold = stratified_group_parts(groups[is_open], labels[is_open], [1 / n_folds] * n_folds, rule.seed)
    assigned = parts.copy()
    assigned[is_open] = np.where(fold == rule.val_fold, "val", "train")
    return assigned
