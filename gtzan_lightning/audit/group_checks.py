"""Checks for groups in several parts: tracks, recordings, artists, overlapping slices, and copies of one sound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.duplicates import DuplicatePair, find_duplicates
from gtzan_lightning.audit.findings import AuditInput, Finding, Severity, counted, few
from gtzan_lightning.datamodule.assignment import EXCLUDED, PARTS

TRAIN, TEST = PARTS.index("train"), PARTS.index("test")
REMEDIES = {
    "track": "Move each track into one part (split=grouped), or call the split leaky.",
    "recording": "Use split=artist or split=filtered, which keep recordings together.",
    "artist": "Use split=artist or split=filtered; under the present split the score holds for known artists only.",
}
REMEDIES_OF_MANIFEST = {
    "track": "The split should keep each track in one part: correct split.manifest, or leave it out.",
    "recording": "The split should keep each recording in one part: give its tracks one artist in metadata.csv, or "
    "correct split.manifest.",
    "artist": "The split should keep each artist in one part: correct split.manifest, or leave it out.",
}  # where the rule in use keeps such groups whole


def shared_tracks(audit_input: AuditInput) -> list[Finding]:
    """Tracks with slices in several parts."""
    return _shared(audit_input, "track", [track.track_id for track in audit_input.corpus.tracks])


def shared_recordings(audit_input: AuditInput) -> list[Finding] | None:
    """Recordings with tracks in several parts; None where recordings are not known."""
    names = [track.recording_group for track in audit_input.corpus.tracks]
    return _shared(audit_input, "recording", names) if any(names) else None


def shared_artists(audit_input: AuditInput) -> list[Finding] | None:
    """Artists with tracks in several parts; None where artists are not known."""
    names = [track.artist_group for track in audit_input.corpus.tracks]
    return _shared(audit_input, "artist", names) if audit_input.corpus.has_artists else None


def _shared(audit_input: AuditInput, group: str, name_of_track: Sequence[str | None]) -> list[Finding]:
    """One finding for all groups of a kind with slices in several parts; tracks without a group are left out."""
    named = np.asarray([name is not None for name in name_of_track])
    names, group_of_track = np.unique([name or "" for name in name_of_track], return_inverse=True)
    track = audit_input.slices.track_index
    present = _presence(group_of_track[track], np.where(named[track], audit_input.parts, EXCLUDED), len(names))
    several = np.flatnonzero(present.sum(axis=1) > 1)
    if not len(several):
        return []
    in_both = present[:, TRAIN] & present[:, TEST]
    evidence = (
        f"{len(several)} of {present.any(axis=1).sum()} {group}s stand in several parts, "
        f"{in_both.sum()} of them in train and test: {few([str(name) for name in names[several]])}."
    )
    if group != "track":
        tested = np.unique(track[audit_input.parts == "test"])
        known = (in_both[group_of_track] & named)[tested].sum()
        evidence += (
            f" {known} of {counted(len(tested), 'test track has', 'test tracks have')} a training track of the {group}."
        )
    tracks = _tracks_by_part(audit_input, group_of_track, several)
    concerned = [f"{names[number]}: {text}" for number, text in zip(several, tracks, strict=True)]
    promised = audit_input.promises(group)
    severity: Severity = "error" if promised else "warning"
    remedy = (REMEDIES_OF_MANIFEST if promised else REMEDIES)[group]
    return [Finding(f"{group}s in several parts", severity, "L3.2", evidence, remedy, tuple(concerned))]


def _tracks_by_part(
    audit_input: AuditInput, group_of_track: NDArray[np.integer], groups: NDArray[np.integer]
) -> list[str]:
    """The tracks of each of some groups in each part: `train a, b; test c`."""
    track = audit_input.slices.track_index
    found: dict[int, dict[str, list[str]]] = {group: {} for group in groups.tolist()}
    for part in PARTS:
        inside = np.unique(track[audit_input.parts == part])
        inside = inside[np.isin(group_of_track[inside], groups)]
        for group, name in zip(group_of_track[inside].tolist(), audit_input.track_ids(inside), strict=True):
            found[group].setdefault(part, []).append(name)
    return ["; ".join(f"{part} {', '.join(own)}" for part, own in parts.items()) for parts in found.values()]


def overlapping_slices(audit_input: AuditInput) -> list[Finding]:
    """Slices of different parts that contain the same seconds of a track.

    All slices have one length, so that comparing neighbours in time suffices.
    """
    used = np.flatnonzero(audit_input.parts != EXCLUDED)
    order = used[np.lexsort((audit_input.slices.start_s[used], audit_input.slices.track_index[used]))]
    track, parts = audit_input.slices.track_index[order], audit_input.parts[order]
    overlap_s = audit_input.slices.stop_s[order][:-1] - audit_input.slices.start_s[order][1:]
    bad = (track[1:] == track[:-1]) & (overlap_s > 1e-3) & (parts[1:] != parts[:-1])
    if not bad.any():
        return []
    names = audit_input.track_ids(np.unique(track[1:][bad]))
    evidence = (
        f"In {counted(len(names), 'track', 'tracks')}, slices of different parts share up to "
        f"{overlap_s[bad].max():g} s: {few(names)}."
    )
    severity: Severity = "error" if audit_input.promises("track") else "warning"
    remedy = "Set slice.hop_s to slice.seconds (or null)"
    remedy += ", or correct split.manifest." if audit_input.promises("track") else ", or use split=grouped."
    return [Finding("overlapping slices", severity, "L1.4", evidence, remedy, tuple(names))]


def copies(audit_input: AuditInput) -> list[Finding]:
    """Identical and near-identical features across parts, and copies with two genres.

    An identical pair across parts is an error if the rule keeps artists together, since both tracks have the same
    artist. A near-identical pair is not certain to be a copy, and is never an error.
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
    """One finding for all pairs whose tracks have slices in different parts."""
    present = _presence(audit_input.slices.track_index, audit_input.parts, len(audit_input.corpus.tracks))
    apart = [pair for pair in pairs if (present[pair.one] | present[pair.other]).sum() > 1]
    if not apart:
        return []
    one, other = present[[pair.one for pair in apart]], present[[pair.other for pair in apart]]  # (pairs, parts)
    crossing = (one[:, TRAIN] & other[:, TEST]) | (one[:, TEST] & other[:, TRAIN])
    named = [
        f"{_names(audit_input, pair)} ({_parts(of_one)} and {_parts(of_other)})"
        for pair, of_one, of_other in zip(apart, one, other, strict=True)
    ]
    evidence = (
        f"{counted(len(apart), 'pair', 'pairs')} of tracks, {crossing.sum()} of them between train and test: "
        f"{few(named)}."
    )
    remedy = "Keep one track of each pair, or give both the same artist in metadata.csv" + (
        "." if audit_input.promises("artist") else " and use split=artist."
    )
    return [Finding(check, severity, "L1.4", evidence, remedy, tuple(named))]


def label_conflicts(audit_input: AuditInput, pairs: Sequence[DuplicatePair]) -> list[Finding]:
    """Pairs of copies with two genres, in any parts."""
    labels = audit_input.corpus.labels()
    conflicts = [_names(audit_input, pair) for pair in pairs if labels[pair.one] != labels[pair.other]]
    if not conflicts:
        return []
    message = counted(len(conflicts), "pair of tracks has", "pairs of tracks have")
    evidence = f"{message} one sound and two genres: {few(conflicts)}."
    remedy = "One of the two labels is wrong: decide which, and remove the other track."
    return [Finding("label conflicts between duplicates", "warning", None, evidence, remedy, tuple(conflicts))]


def _presence(group_of_slice: NDArray[np.integer], parts: NDArray[np.str_], n_groups: int) -> NDArray[np.bool_]:
    """Whether each group has a slice in each part, `(groups, parts)`."""
    return np.stack([np.isin(np.arange(n_groups), group_of_slice[parts == part]) for part in PARTS], axis=1)


def _parts(present: NDArray[np.bool_]) -> str:
    return "/".join(np.asarray(PARTS)[present])


def _names(audit_input: AuditInput, pair: DuplicatePair) -> str:
    one, other = audit_input.track_ids(np.asarray([pair.one, pair.other]))
    return f"{one} {'=' if pair.identical else '~'} {other}"
