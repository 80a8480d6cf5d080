"""Copies of a sound among the audio files of a corpus, shifted and encoded anew as they may be."""

from __future__ import annotations

from pathlib import Path

from joblib import Parallel, delayed

from gtzan_lightning.audit.case import Case
from gtzan_lightning.audit.copies import across_parts, label_conflicts
from gtzan_lightning.audit.duplicates import DuplicatePair
from gtzan_lightning.audit.findings import Finding
from gtzan_lightning.audit.fingerprint import find_matches
from gtzan_lightning.audit.landmarks import RATE_HZ, Landmarks, landmarks
from gtzan_lightning.features.reading import read_audio

MAX_CLIP_S = 120.0  # longer files are read so far


def audio_copies(case: Case, n_jobs: int = 1) -> list[Finding] | None:
    """Copies across parts and under two genres, by fingerprint; None where no track in use has audio."""
    chosen = [int(track) for track in case.used_tracks() if case.corpus.tracks[track].path is not None]
    if not chosen:
        return None
    sounds = Parallel(n_jobs)(delayed(_landmarks_of)(case.corpus.tracks[track].path) for track in chosen)
    matches = find_matches(sounds)
    pairs = [DuplicatePair(chosen[match.one], chosen[match.other], 1 / match.matches) for match in matches]
    return [*across_parts(case, pairs, "shared sound across parts", "warning"), *label_conflicts(case, pairs)]


def _landmarks_of(path: Path) -> Landmarks:
    """Landmarks of a file; none of one that cannot be read."""
    return landmarks(read_audio(path, RATE_HZ, MAX_CLIP_S).signal, RATE_HZ)
