"""Whether the parts are what their names say: a test set, with every genre, drawn without regard to order."""

from __future__ import annotations

import numpy as np

from gtzan_lightning.audit.case import Case
from gtzan_lightning.audit.findings import Finding, few
from gtzan_lightning.datamodule.dealing import PARTS

SURE_Z = -4.0  # standard deviations below the runs that a random draw makes: 1 in 30,000


def missing_parts(case: Case) -> list[Finding]:
    """Parts without any slice."""
    empty = [part for part in PARTS if not (case.parts == part).any()]
    if not empty:
        return []
    evidence = f"No slice is in {' and in '.join(empty)}: nothing is left to choose an epoch or to test on."
    return [Finding("missing parts", "error", "L1.1", evidence, "Name slices for all of train, val and test.")]


def missing_classes(case: Case) -> list[Finding]:
    """Genres that a part lacks: a score over the rest is not the score."""
    labels = np.asarray(case.corpus.labels())[case.slices.track_index]
    findings = []
    for part in PARTS:
        there = np.unique(labels[case.parts == part])
        missing = [genre for index, genre in enumerate(case.corpus.genres) if index not in there]
        if missing and len(there):
            evidence = f"The {part} part has no slice of {few(missing)}."
            remedy = "Use more tracks a genre, other split.ratios or another split.seed."
            findings.append(Finding("missing classes", "error", "L3.3", evidence, remedy))
    return findings


def sort_order(case: Case) -> list[Finding]:
    """Whether a track's place in its folder foretells whether it is a test track.

    Wald and Wolfowitz's test (1940): within each genre, in the order of the corpus, test tracks and others must
    alternate as often as in a random draw. Neighbours of one artist count once, since a rule may keep them together.
    A rule that keeps artists apart leaves nothing for the order to tell: then it is worth a note only.
    """
    n_runs = expected = variance = 0.0
    for is_test in _sequences(case):
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
            "note" if case.promises("artist") else "warning",
            "L3.3",
            f"In the order of the folders the test tracks stand in blocks: {n_runs:.0f} runs of test or other tracks, "
            f"where a random draw makes {expected:.0f}.",
            "Draw the test tracks at random: what lies together in a folder may have one source.",
        )
    ]


def _sequences(case: Case) -> list[np.ndarray]:
    """For each genre, whether each track is a test track, in corpus order; runs of one artist and part count once."""
    part = case.part_of_track()
    sequences = []
    for genre in case.corpus.genres:
        kept: list[tuple[str | None, bool]] = []
        for position, track in enumerate(case.corpus.tracks):
            if track.genre == genre and position in part:
                entry = (track.artist_group, part[position] == "test")
                if track.artist_group is None or not kept or kept[-1] != entry:
                    kept.append(entry)
        sequences.append(np.array([is_test for _, is_test in kept], bool))
    return sequences
