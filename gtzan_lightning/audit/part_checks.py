"""Columns that say nothing, and columns that say what no sound could.

MERGED: Whether the parts are what their names say: a test set, with every genre, drawn without regard to order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.audit_input import AuditInput
from gtzan_lightning.audit.duplicates import track_means
from gtzan_lightning.audit.findings import Finding, counted, few
from gtzan_lightning.datamodule.assignment import PARTS

SURE_Z = -4.0  # standard deviations below the runs that a random draw makes: 1 in 30,000


def missing_parts(audit_input: AuditInput) -> list[Finding]:
    """Parts without any slice."""
    empty = [part for part in PARTS if not (audit_input.parts == part).any()]
    if not empty:
        return []
    evidence = f"No slice is in {' and in '.join(empty)}: nothing is left to choose an epoch or to test on."
    return [Finding("missing parts", "error", "L1.1", evidence, "Name slices for all of train, val and test.")]


def missing_classes(audit_input: AuditInput) -> list[Finding]:
    """Genres that a part lacks: a score over the rest is not the score."""
    labels = np.asarray(audit_input.corpus.labels())[audit_input.slices.track_index]
    findings = []
    for part in PARTS:
        there = np.unique(labels[audit_input.parts == part])
        missing = [genre for index, genre in enumerate(audit_input.corpus.genres) if index not in there]
        if missing and len(there):
            evidence = f"The {part} part has no slice of {few(missing)}."
            remedy = "Use more tracks a genre, other split.ratios or another split.seed."
            findings.append(Finding("missing classes", "error", "L3.3", evidence, remedy))
    return findings


def sort_order(audit_input: AuditInput) -> list[Finding]:
    """Whether a track's place in its folder foretells whether it is a test track.

    Wald and Wolfowitz's test (1940): within each genre, in the order of the corpus, test tracks and others must
    alternate as often as in a random draw. Neighbours of one artist count once, since a rule may keep them together.
    A rule that keeps artists apart leaves nothing for the order to tell: then it is worth a note only.
    """
    n_runs = expected = variance = 0.0
    for is_test in _sequences(audit_input):
        n, n_test = len(is_test), int(is_test.sum())
        product = 2.0 * n_test * (n - n_test)
        if product and n > 2:
            n_runs += 1 + np.count_nonzero(is_test[1:] != is_test[:-1])
            expected += 1 + product / n
            variance += product * (product - n) / (n * n * (n - 1))
    if not variance or (n_runs - expected) / np.sqrt(variance) > SURE_Z:
        return []
    return [
        Finding(
            "sort order predicts the part",
            "note" if audit_input.promises("artist") else "warning",
            "L3.3",
            f"In the order of the folders the test tracks stand in blocks: {n_runs:.0f} runs of test or other tracks, "
            f"where a random draw makes {expected:.0f}.",
            "Draw the test tracks at random: what lies together in a folder may have one source.",
        )
    ]


def _sequences(audit_input: AuditInput) -> list[np.ndarray]:
    """For each genre, whether each track is a test track, in corpus order; runs of one artist and part count once."""
    part = audit_input.part_of_track()
    sequences = []
    for genre in audit_input.corpus.genres:
        kept: list[tuple[str | None, bool]] = []
        for position, track in enumerate(audit_input.corpus.tracks):
            if track.genre == genre and position in part:
                entry = (track.artist_group, part[position] == "test")
                if track.artist_group is None or not kept or kept[-1] != entry:
                    kept.append(entry)
        sequences.append(np.array([is_test for _, is_test in kept], bool))
    return sequences


BOOKKEEPING = ("length",)  # columns that describe the file and not its sound
BINS_A_GENRE = 3
REVEALS = 0.5  # skill of a single column that no single property of sound reaches; the published tables' best has 0.2
OUTSTANDING = 2.0  # times the skill of the best tenth of the columns; two easy genres raise that as well
COLUMNS_SURE_Z = 5.0  # standard errors above chance, for a column that should tell nothing at all


def columns(audit_input: AuditInput) -> list[Finding]:
    """Constant columns, and columns that reveal the genre by other means than sound.

    How well a column alone tells the genre of a track is its skill: the accuracy of naming the commonest genre of the
    other tracks in the same quantile of the column, on a scale from 0 (always naming the commonest genre) to 1. A
    column of the sound is ablation when its skill exceeds `REVEALS` and is `OUTSTANDING` times that of the best tenth
    of the columns; one that only describes the file, when it tells more than chance.
    """
    tracks, means = track_means(audit_input.features)
    labels = np.asarray(audit_input.corpus.labels())[tracks]
    constant = [
        name for name, flat in zip(audit_input.features.columns, _is_constant(audit_input), strict=True) if flat
    ]
    findings = [_constant(constant)] if constant else []
    accuracy = np.array([single_column_accuracy(column, labels) for column in means.T])
    base = np.bincount(labels).max() / len(labels)
    skill = (accuracy - base) / max(1 - base, 1e-12)
    for number, name in enumerate(audit_input.features.columns):
        if name in constant:
            continue
        z = (accuracy[number] - base) / np.sqrt(base * (1 - base) / len(labels) + 1e-12)
        others = np.delete(skill, number)
        usual = np.quantile(others, 0.9) if len(others) else 0.0
        if (name in BOOKKEEPING and z > COLUMNS_SURE_Z) or skill[number] > max(REVEALS, OUTSTANDING * usual):
            findings.append(_revealing(name, accuracy[number], base))
    return findings


def single_column_accuracy(values: NDArray[np.floating], labels: NDArray[np.integer]) -> float:
    """Share of tracks whose label is the commonest among the other tracks in their quantile of one column.

    Args:
        values: `(tracks,)`; equal values stay in one quantile.
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
    right = best[np.arange(len(labels)), labels] / best.sum(axis=1)  # a tie is decided by chance
    return float(np.where(others.sum(axis=1) > 0, right, 0).mean())


def _is_constant(audit_input: AuditInput) -> NDArray[np.bool_]:
    values = audit_input.features.values
    return values.min(axis=0) == values.max(axis=0)


def _constant(names: list[str]) -> Finding:
    evidence = f"{counted(len(names), 'column holds', 'columns hold')} one value only: {few(names)}."
    return Finding("constant columns", "note", None, evidence, "Nothing to do: standardisation gives them the value 0.")


def _revealing(name: str, accuracy: float, base: float) -> Finding:
    what = "describes the file and not its sound, yet" if name in BOOKKEEPING else "tells more than a sound can:"
    evidence = (
        f"The column {name} {what} alone it names {accuracy:.1%} of the genres right (always the same: {base:.1%})."
    )
    return Finding(
        "label-revealing columns",
        "warning",
        "L2",
        evidence,
        "Leave the column out, or report the score without it too.",
    )
