"""Tracks of one sound: in several parts, or under several genres."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.case import Case
from gtzan_lightning.audit.duplicates import DuplicatePair, find_duplicates
from gtzan_lightning.audit.findings import Finding, Severity, counted, few
from gtzan_lightning.audit.groups import presence
from gtzan_lightning.datamodule.dealing import PARTS

ONE_PART = "Keep one track of each pair, or give both the same artist in metadata.csv and use split=artist."


def copies(case: Case) -> list[Finding]:
    """Identical and near-identical features across parts, and copies with two genres.

    An identical pair breaks a promise to keep artists together: whoever made the sound made both. A near-identical
    pair is a strong suspicion, and never stops a run.
    """
    used = set(case.used_tracks().tolist())
    pairs = [pair for pair in find_duplicates(case.features) if {pair.one, pair.other} <= used]
    identical = [pair for pair in pairs if pair.identical]
    near = [pair for pair in pairs if not pair.identical]
    severity: Severity = "error" if case.promises("artist") else "warning"
    return [
        *across_parts(case, identical, "identical features across parts", severity),
        *across_parts(case, near, "near-identical features across parts", "warning"),
        *label_conflicts(case, pairs),
    ]


def across_parts(case: Case, pairs: Sequence[DuplicatePair], check: str, severity: Severity) -> list[Finding]:
    """The pairs of which one track has a slice in another part than the other one."""
    there = presence(case.slices.track_index, case.parts, len(case.corpus.tracks))
    apart = [pair for pair in pairs if (there[pair.one] | there[pair.other]).sum() > 1]
    if not apart:
        return []
    train, test = PARTS.index("train"), PARTS.index("test")
    there_and_back = [(there[pair.one], there[pair.other]) for pair in apart]
    crossing = sum((one[train] and other[test]) or (one[test] and other[train]) for one, other in there_and_back)
    named = [
        f"{_names(case, pair)} ({_parts(one)} and {_parts(other)})"
        for pair, (one, other) in zip(apart, there_and_back, strict=True)
    ]
    evidence = (
        f"{counted(len(apart), 'pair', 'pairs')} of tracks, {crossing} of them between train and test: {few(named)}."
    )
    return [Finding(check, severity, "L1.4", evidence, ONE_PART)]


def label_conflicts(case: Case, pairs: Sequence[DuplicatePair]) -> list[Finding]:
    """Pairs of one sound that have two genres, in whatever part."""
    labels = np.asarray(case.corpus.labels())
    conflicts = [_names(case, pair) for pair in pairs if labels[pair.one] != labels[pair.other]]
    if not conflicts:
        return []
    told = counted(len(conflicts), "pair of tracks has", "pairs of tracks have")
    return [
        Finding(
            "label conflicts between duplicates",
            "warning",
            None,
            f"{told} one sound and two genres: {few(conflicts)}.",
            "One of the two labels is wrong: decide which, and remove the other track.",
        )
    ]


def _parts(there: NDArray[np.bool_]) -> str:
    return "/".join(part for part, is_there in zip(PARTS, there, strict=True) if is_there)


def _names(case: Case, pair: DuplicatePair) -> str:
    one, other = case.track_ids(np.asarray([pair.one, pair.other]))
    return f"{one} = {other}" if pair.identical else f"{one} ~ {other}"
