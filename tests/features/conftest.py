"""Fixtures of the feature tests."""

import time

import pytest
import soundfile

from .librosa_reference import RATE_HZ, music


@pytest.fixture
def files(tmp_path):
    """Four short audio files."""
    paths = [tmp_path / "audio" / f"{i}.wav" for i in range(4)]
    paths[0].parent.mkdir()
    for i, path in enumerate(paths):
        soundfile.write(path, music(0.5, seed=i), RATE_HZ)
    return paths


@pytest.fixture
def old_files(monkeypatch):
    """Files look old enough for their hashes to be stored."""
    now = time.time_ns() + 10**10
    monkeypatch.setattr("gtzan_lightning.utils.content_index.time.time_ns", lambda: now)
