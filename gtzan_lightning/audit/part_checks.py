"""Checks of the parts (a test set, all genres, random order) and of the feature columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.duplicates import track_means
from gtzan_lightning.audit.findings import AuditInput, Finding, counted, few
from gtzan_lightning.datamodule.assignment import PARTS

ORDER_Z = -4.0  # z score of the runs test below which a part depends on the order: 1 random split in 30,000
BOOKKEEPING = ("length",)  # columns that describe the file and not its sound
BINS_A_GENRE = 3  # quantile bins of a column, for each genre
MAX_SKILL = 0.5  # of a single column of sound; the best column of the published tables reaches 0.2
OUTSTANDING = 2.0  # times the 90 % quantile of the other columns' skill, which is large where genres are easy
BOOKKEEPING_Z = 5.0  # standard errors above chance, for bookkeeping columns


def missing_parts(audit_input: AuditInput) -> list[Finding]:
    """Parts without any slice."""
    selects = audit_input.facts.monitor
    needed = PARTS if selects is None or selects.startswith("val") else ("train", "test")
    empty = [part for part in needed if not (audit_input.parts == part).any()]
    if not empty:
        return []
    evidence = f"No slice is in {' and in '.join(empty)}: nothing is left to select an epoch or to test on."
    return [Finding("missing parts", "error", "L1.1", evidence, "Name slices for all of train, val and test.")]


def missing_classes(audit_input: AuditInput) -> list[Finding]:
    """Parts that lack a genre."""
    labels = np.asarray(audit_input.corpus.labels())[audit_input.slices.track_index]
    findings = []
    for part in PARTS:
        present = np.unique(labels[audit_input.parts == part])
        missing = [genre for index, genre in enumerate(audit_input.corpus.genres) if index not in present]
        if missing and len(present):
            evidence = f"The {part} part has no slice of {few(missing)}."
            remedy = "Use more tracks a genre, other split.ratios or another split.seed."
            findings.append(Finding("missing classes", "error", "L3.3", evidence, remedy))
    return findings


def sort_order(audit_input: AuditInput) -> list[Finding]:
    """Whether the position of a track in its folder predicts if it is a test track.

    The runs test of Wald and Wolfowitz (1940), summed over genres: in the order of the corpus, test tracks and others
    must alternate as often as in a random split. Neighbours of one artist and part count once, since a rule may keep
    them together. Under a rule that separates artists the order is harmless, and the finding is a note. SciPy has no
    runs test.
    """
    n_runs = expected = variance = 0.0
    for is_test in _sequences(audit_input):
        n, n_test = len(is_test), int(is_test.sum())
        product = 2.0 * n_test * (n - n_test)
        if product and n > 2:
            n_runs += 1 + np.count_nonzero(is_test[1:] != is_test[:-1])
            expected += 1 + product / n
            variance += product * (product - n) / (n * n * (n - 1))
    if not variance or (n_runs - expected) / np.sqrt(variance) > ORDER_Z:
        return []
    evidence = (
        f"In the order of the folders the test tracks stand in blocks: {n_runs:.0f} runs of test or other tracks, "
        f"{expected:.0f} are expected of a random split."
    )
    return [
        Finding(
            "sort order predicts the part",
            "note" if audit_input.promises("artist") else "warning",
            "L3.3",
            evidence,
            "Draw the test tracks at random: neighbours in a folder may have one source.",
        )
    ]


def _sequences(audit_input: AuditInput) -> list[NDArray[np.bool_]]:
    """For each genre, whether each track is a test track, in corpus order; repeats of one artist and part are left out.

    Tracks of unknown artists are all kept.
    """
    part = audit_input.part_of_track()
    kept: dict[str, list[tuple[str | None, bool]]] = {genre: [] for genre in audit_input.corpus.genres}
    for position, track in enumerate(audit_input.corpus.tracks):
        if position in part:
            entry, entries = (track.artist_group, part[position] == "test"), kept[track.genre]
            if track.artist_group is None or not entries or entries[-1] != entry:
                entries.append(entry)
    return [np.array([is_test for _, is_test in entries], bool) for entries in kept.values()]


def columns(audit_input: AuditInput) -> list[Finding]:
    """Constant columns, and columns that reveal the genre by other means than sound.

    The skill of a column is `single_column_accuracy`, scaled so that 0 is the accuracy of the most frequent genre and
    1 is perfect. A column is reported if its skill exceeds both `MAX_SKILL` and `OUTSTANDING` times the 90 % quantile
    of the other columns' skill; a bookkeeping column, if its accuracy is significantly above chance.
    """
    features = audit_input.features
    tracks, means = track_means(features)
    labels = np.asarray(audit_input.corpus.labels())[tracks]
    is_constant = features.values.min(axis=0) == features.values.max(axis=0)
    findings = []
    if is_constant.any():
        names = [features.columns[number] for number in np.flatnonzero(is_constant)]
        evidence = f"{counted(len(names), 'column has', 'columns have')} one value only: {few(names)}."
        remedy = "Nothing to do: standardisation gives them the value 0."
        findings.append(Finding("constant columns", "note", None, evidence, remedy))
    accuracy = np.array([single_column_accuracy(column, labels) for column in means.T])
    base = np.bincount(labels).max() / len(labels)
    skill = (accuracy - base) / max(1 - base, 1e-12)
    z = (accuracy - base) / np.sqrt(base * (1 - base) / len(labels) + 1e-12)
    for number in np.flatnonzero(~is_constant):
        name, others = features.columns[number], np.delete(skill, number)
        usual = np.quantile(others, 0.9) if len(others) else 0.0
        if (name in BOOKKEEPING and z[number] > BOOKKEEPING_Z) or skill[number] > max(MAX_SKILL, OUTSTANDING * usual):
            findings.append(_revealing(name, accuracy[number], base))
    return findings


def single_column_accuracy(values: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Leave-one-out accuracy of predicting a track's label by the most frequent one in its quantile bin of a column.

    Args:
        values: `(tracks,)`; equal values share a bin.
        labels: `(tracks,)`, integers from 0.
    """
    n_labels = int(labels.max()) + 1
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS_A_GENRE * n_labels + 1), method="lower"))
    place = np.searchsorted(edges, values, side="right")
    counts = np.zeros((len(edges) + 1, n_labels))
    np.add.at(counts, (place, labels), 1)
    others = counts[place]
    others[np.arange(len(labels)), labels] -= 1
    best = others == others.max(axis=1, keepdims=True)
    right = best[np.arange(len(labels)), labels] / best.sum(axis=1)  # ties share the vote
    return float(np.where(others.sum(axis=1) > 0, right, 0).mean())


def _revealing(name: str, accuracy: float, base: float) -> Finding:
    what = "describes the file and not its sound, yet" if name in BOOKKEEPING else "reveals more than sound can:"
    evidence = (
        f"The column {name} {what} alone it predicts {accuracy:.1%} of the genres correctly "
        f"(the most frequent genre: {base:.1%})."
    )
    remedy = "Leave the column out, or report the score without it too."
    return Finding("label-revealing columns", "warning", "L2", evidence, remedy)
