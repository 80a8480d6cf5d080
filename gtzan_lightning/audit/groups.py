"""Tracks, recordings, artists and sounds that stand in several parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.audit.case import Case
from gtzan_lightning.audit.findings import Finding, counted, few
from gtzan_lightning.datamodule.dealing import EXCLUDED, PARTS

REMEDIES = {
    "track": "Move each track into one part (split=grouped), or call the split leaky.",
    "recording": "Use split=artist or split=filtered, which keep recordings together.",
    "artist": "Use split=artist or split=filtered; under the present split the score holds for known artists only.",
}


def shared_tracks(case: Case) -> list[Finding]:
    """Tracks with slices in several parts: the model is tested on what it has heard."""
    return _shared(case, "track", [track.track_id for track in case.corpus.tracks])


def shared_recordings(case: Case) -> list[Finding] | None:
    """Tracks cut from one recording in several parts; None where recordings are not known."""
    names = [track.recording_group for track in case.corpus.tracks]
    return _shared(case, "recording", names) if any(names) else None


def shared_artists(case: Case) -> list[Finding] | None:
    """Artists in several parts; None where artists are not known."""
    if not case.corpus.has_artists:
        return None
    return _shared(case, "artist", [track.artist_group for track in case.corpus.tracks])


def overlapping_slices(case: Case) -> list[Finding]:
    """Slices of different parts that hold the same seconds of a track.

    Slices are of one length, so that of any two that overlap across parts, two neighbours in time do as well.
    """
    used = np.flatnonzero(case.parts != EXCLUDED)
    order = used[np.lexsort((case.slices.start_s[used], case.slices.track_index[used]))]
    track, parts = case.slices.track_index[order], case.parts[order]
    hidden_s = case.slices.stop_s[order][:-1] - case.slices.start_s[order][1:]
    bad = (track[1:] == track[:-1]) & (hidden_s > 1e-3) & (parts[1:] != parts[:-1])
    if not bad.any():
        return []
    names = case.track_ids(np.unique(track[1:][bad]))
    return [
        Finding(
            "overlapping slices",
            "error" if case.promises("track") else "warning",
            "L1.4",
            f"In {counted(len(names), 'track', 'tracks')}, slices of different parts share up to "
            f"{hidden_s[bad].max():g} s: {few(names)}.",
            "Set slice.hop_s to slice.seconds (or null), or use split=grouped.",
        )
    ]


def presence(unit_of_slice: NDArray[np.integer], parts: NDArray[np.str_], n_units: int) -> NDArray[np.bool_]:
    """Which units have a slice in which part, `(units, parts)`."""
    there = np.zeros((n_units, len(PARTS)), bool)
    for column, part in enumerate(PARTS):
        there[unit_of_slice[parts == part], column] = True
    return there


def _shared(case: Case, group: str, name_of_track: Sequence[str | None]) -> list[Finding]:
    """One finding for all units of a kind that stand in several parts; a track without a unit is left out."""
    named = np.asarray([name is not None for name in name_of_track])
    names, unit = np.unique([name or "" for name in name_of_track], return_inverse=True)
    parts = np.where(named[case.slices.track_index], case.parts, EXCLUDED)
    there = presence(unit[case.slices.track_index], parts, len(names))
    several = np.flatnonzero(there.sum(axis=1) > 1)
    if not len(several):
        return []
    in_both = int((there[:, 0] & there[:, 2]).sum())
    return [
        Finding(
            f"{group}s in several parts",
            "error" if case.promises(group) else "warning",
            "L3.2",
            f"{len(several)} of {there.any(axis=1).sum()} {group}s stand in several parts, "
            f"{in_both} of them in train and test: {few([str(name) for name in names[several]])}.",
            REMEDIES[group],
        )
    ]
