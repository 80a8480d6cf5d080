"""Tracks of one sound: in several parts, or under several genres.

MERGED: Tracks, recordings, artists and sounds that stand in several parts.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.audit_input import AuditInput
from gtzan_lightning.audit.duplicates import DuplicatePair, find_duplicates
from gtzan_lightning.audit.findings import Finding, Severity, counted, few
from gtzan_lightning.datamodule.assignment import EXCLUDED, PARTS

REMEDIES = {
    "track": "Move each track into one part (split=grouped), or call the split leaky.",
    "recording": "Use split=artist or split=filtered, which keep recordings together.",
    "artist": "Use split=artist or split=filtered; under the present split the score holds for known artists only.",
}


def shared_tracks(audit_input: AuditInput) -> list[Finding]:
    """Tracks with slices in several parts: the model is tested on what it has heard."""
    return _shared(audit_input, "track", [track.track_id for track in audit_input.corpus.tracks])


def shared_recordings(audit_input: AuditInput) -> list[Finding] | None:
    """Tracks cut from one recording in several parts; None where recordings are not known."""
    names = [track.recording_group for track in audit_input.corpus.tracks]
    return _shared(audit_input, "recording", names) if any(names) else None


def shared_artists(audit_input: AuditInput) -> list[Finding] | None:
    """Artists in several parts; None where artists are not known."""
    if not audit_input.corpus.has_artists:
        return None
    return _shared(audit_input, "artist", [track.artist_group for track in audit_input.corpus.tracks])


def overlapping_slices(audit_input: AuditInput) -> list[Finding]:
    """Slices of different parts that hold the same seconds of a track.

    Slices are of one length, so that of any two that overlap across parts, two neighbours in time do as well.
    """
    used = np.flatnonzero(audit_input.parts != EXCLUDED)
    order = used[np.lexsort((audit_input.slices.start_s[used], audit_input.slices.track_index[used]))]
    track, parts = audit_input.slices.track_index[order], audit_input.parts[order]
    hidden_s = audit_input.slices.stop_s[order][:-1] - audit_input.slices.start_s[order][1:]
    bad = (track[1:] == track[:-1]) & (hidden_s > 1e-3) & (parts[1:] != parts[:-1])
    if not bad.any():
        return []
    names = audit_input.track_ids(np.unique(track[1:][bad]))
    return [
        Finding(
            "overlapping slices",
            "error" if audit_input.promises("track") else "warning",
            "L1.4",
            f"In {counted(len(names), 'track', 'tracks')}, slices of different parts share up to "
            f"{hidden_s[bad].max():g} s: {few(names)}.",
            "Set slice.hop_s to slice.seconds (or null), or use split=grouped.",
        )
    ]


def presence(unit_of_slice: NDArray[np.integer], parts: NDArray[np.str_], n_clusters: int) -> NDArray[np.bool_]:
    """Which units have a slice in which part, `(units, parts)`."""
    there = np.zeros((n_clusters, len(PARTS)), bool)
    for column, part in enumerate(PARTS):
        there[unit_of_slice[parts == part], column] = True
    return there


def _shared(audit_input: AuditInput, group: str, name_of_track: Sequence[str | None]) -> list[Finding]:
    """One finding for all units of a kind that stand in several parts; a track without a cluster is left out."""
    named = np.asarray([name is not None for name in name_of_track])
    names, cluster = np.unique([name or "" for name in name_of_track], return_inverse=True)
    parts = np.where(named[audit_input.slices.track_index], audit_input.parts, EXCLUDED)
    there = presence(cluster[audit_input.slices.track_index], parts, len(names))
    several = np.flatnonzero(there.sum(axis=1) > 1)
    if not len(several):
        return []
    in_both = int((there[:, 0] & there[:, 2]).sum())
    return [
        Finding(
            f"{group}s in several parts",
            "error" if audit_input.promises(group) else "warning",
            "L3.2",
            f"{len(several)} of {there.any(axis=1).sum()} {group}s stand in several parts, "
            f"{in_both} of them in train and test: {few([str(name) for name in names[several]])}.",
            REMEDIES[group],
        )
    ]


ONE_PART = "Keep one track of each pair, or give both the same artist in metadata.csv and use split=artist."


def copies(audit_input: AuditInput) -> list[Finding]:
    """Identical and near-identical features across parts, and copies with two genres.

    An identical pair breaks a promise to keep artists together: whoever made the sound made both. A near-identical
    pair is a strong suspicion, and never stops a run.
    """
    used = set(audit_input.used_tracks().tolist())
    pairs = [pair for pair in find_duplicates(audit_input.features) if {pair.one, pair.other} <= used]
    identical = [pair for pair in pairs if pair.identical]
    near = [pair for pair in pairs if not pair.identical]
    severity: Severity = "error" if audit_input.promises("artist") else "warning"
    return [
        *across_parts(audit_input, identical, "identical features across parts", severity),
        *across_parts(audit_input, near, "near-identical features across parts", "warning"),
        *label_conflicts(audit_input, pairs),
    ]


def across_parts(
    audit_input: AuditInput, pairs: Sequence[DuplicatePair], check: str, severity: Severity
) -> list[Finding]:
    """The pairs of which one track has a slice in another part than the other one."""
    there = presence(audit_input.slices.track_index, audit_input.parts, len(audit_input.corpus.tracks))
    apart = [pair for pair in pairs if (there[pair.one] | there[pair.other]).sum() > 1]
    if not apart:
        return []
    train, test = PARTS.index("train"), PARTS.index("test")
    there_and_back = [(there[pair.one], there[pair.other]) for pair in apart]
    crossing = sum((one[train] and other[test]) or (one[test] and other[train]) for one, other in there_and_back)
    named = [
        f"{_names(audit_input, pair)} ({_parts(one)} and {_parts(other)})"
        for pair, (one, other) in zip(apart, there_and_back, strict=True)
    ]
    evidence = (
        f"{counted(len(apart), 'pair', 'pairs')} of tracks, {crossing} of them between train and test: {few(named)}."
    )
    return [Finding(check, severity, "L1.4", evidence, ONE_PART)]


def label_conflicts(audit_input: AuditInput, pairs: Sequence[DuplicatePair]) -> list[Finding]:
    """Pairs of one sound that have two genres, in whatever part."""
    labels = np.asarray(audit_input.corpus.labels())
    conflicts = [_names(audit_input, pair) for pair in pairs if labels[pair.one] != labels[pair.other]]
    if not conflicts:
        return []
    message = counted(len(conflicts), "pair of tracks has", "pairs of tracks have")
    return [
        Finding(
            "label conflicts between duplicates",
            "warning",
            None,
            f"{message} one sound and two genres: {few(conflicts)}.",
            "One of the two labels is wrong: decide which, and remove the other track.",
        )
    ]


def _parts(there: NDArray[np.bool_]) -> str:
    return "/".join(part for part, is_there in zip(PARTS, there, strict=True) if is_there)


def _names(audit_input: AuditInput, pair: DuplicatePair) -> str:
    one, other = audit_input.track_ids(np.asarray([pair.one, pair.other]))
    return f"{one} = {other}" if pair.identical else f"{one} ~ {other}"
