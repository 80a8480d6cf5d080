"""Nothing is computed twice, and nothing stale or incomplete is used, also after interruptions."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features import extraction, feature_cache
from gtzan_lightning.features.extraction import analyse_file, extract
from gtzan_lightning.features.feature_cache import FileCache, features_cache, list_entries
from gtzan_lightning.features.feature_request import Analysis, FeatureRequest, FrameSettings
from gtzan_lightning.utils.content_index import ContentIndex, content_hash, file_state, key_of

from .librosa_reference import RATE_HZ, music

REQUEST = FeatureRequest("mfcc", 3.0, FrameSettings())
ANALYSIS = Analysis(np.arange(6, dtype=np.float32).reshape(2, 3), ("a note",))
KEY = key_of("x")


@pytest.fixture
def calls(monkeypatch):
    """Names of the files that are analysed."""
    analysed = []

    def counting(path, request, *rest):
        analysed.append(path.name)
        time.sleep(0.02)
        return analyse_file(path, request, *rest)

    monkeypatch.setattr(extraction, "analyse_file", counting)
    return analysed


def test_stored_entries_are_read_back(tmp_path):
    store = FileCache(tmp_path)
    assert store.summary(KEY) is None
    store.store(KEY, ANALYSIS)
    assert store.summary(KEY) == feature_cache.FileSummary(2, 3, ("a note",), None)
    np.testing.assert_array_equal(store.values(KEY), ANALYSIS.values)


@pytest.mark.parametrize("damage", [lambda data: data[:0], lambda data: data[:100], lambda data: b"x" * len(data)])
def test_a_damaged_entry_counts_as_missing(tmp_path, damage):
    store = FileCache(tmp_path)
    store.store(KEY, ANALYSIS)
    (path,) = tmp_path.glob("files/*/*.npz")
    path.write_bytes(damage(path.read_bytes()))
    assert store.summary(KEY) is None
    with pytest.raises(LookupError):
        store.values(KEY)


def test_each_file_is_computed_once(files, calls, tmp_path):
    first = extract(files, REQUEST, tmp_path / "cache")
    again = extract(files, REQUEST, tmp_path / "cache")
    assert sorted(calls) == [path.name for path in files]
    assert [result.key for result in again] == [result.key for result in first]
    assert [result.computed for result in again] == [False] * 4


def test_the_key_consists_of_content_and_request(files, calls, tmp_path):
    extract(files[:1], REQUEST, tmp_path / "cache")
    renamed = files[0].rename(files[0].with_name("other.wav"))
    os.utime(renamed)
    extract([renamed], REQUEST, tmp_path / "cache")  # same content
    assert len(calls) == 1
    extract([renamed], FeatureRequest("mfcc", 6.0, FrameSettings()), tmp_path / "cache")  # irrelevant for mfcc
    assert len(calls) == 1
    extract([renamed], FeatureRequest("mfcc", 3.0, FrameSettings(n_mfcc=20)), tmp_path / "cache")
    assert len(calls) == 2
    soundfile.write(renamed, music(0.5, seed=9), RATE_HZ)
    extract([renamed], REQUEST, tmp_path / "cache")
    assert len(calls) == 3


def test_two_jobs_at_once_share_the_work(files, calls, tmp_path):
    jobs = [threading.Thread(target=extract, args=(files, REQUEST, tmp_path / "cache")) for _ in range(2)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert sorted(calls) == [path.name for path in files]


@pytest.mark.usefixtures("old_files")
def test_another_file_of_the_same_size_and_time_is_noticed(files, tmp_path):
    before = files[0].stat()
    index = ContentIndex(tmp_path / "cache", tmp_path)
    index.update([(files[0], file_state(files[0]), content_hash(files[0]))])
    time.sleep(0.02)
    files[0].write_bytes(files[1].read_bytes())
    os.utime(files[0], ns=(before.st_atime_ns, before.st_mtime_ns))
    assert files[0].stat().st_size == before.st_size
    assert index.hashes(files[:1]) == [None]


def test_hashes_are_stored_but_not_of_files_just_written(files, tmp_path, request):
    hashed = [(path, file_state(path), content_hash(path)) for path in files]
    ContentIndex(tmp_path / "cache", tmp_path).update(hashed)
    assert ContentIndex(tmp_path / "cache", tmp_path).hashes(files) == [None] * 4
    request.getfixturevalue("old_files")
    ContentIndex(tmp_path / "cache", tmp_path).update(hashed)
    assert ContentIndex(tmp_path / "cache", tmp_path).hashes(files) == [digest for *_, digest in hashed]
    files[0].unlink()
    assert ContentIndex(tmp_path / "cache", tmp_path).hashes(files)[0] == ""


@pytest.mark.usefixtures("old_files")
def test_concurrent_jobs_keep_the_hashes_of_each_other(files, tmp_path, monkeypatch):
    jobs = [ContentIndex(tmp_path / "cache", tmp_path) for _ in range(2)]  # both start with an empty index
    for job, path in zip(jobs, files, strict=False):
        job.update([(path, file_state(path), content_hash(path))])
    monkeypatch.chdir(files[0].parent)  # relative paths are equivalent
    known = ContentIndex(tmp_path / "cache", tmp_path).hashes([Path(files[0].name), *files[1:3]])
    assert known == [content_hash(files[0]), content_hash(files[1]), None]


def test_a_full_disk_is_an_error_and_leaves_the_cache_usable(files, tmp_path, monkeypatch):
    def full(file, **_):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    extract(files[:2], REQUEST, tmp_path / "features")
    with monkeypatch.context() as patch:
        patch.setattr(feature_cache.np, "savez", full)
        with pytest.raises(GtzanError, match="disk is full"):
            extract(files, REQUEST, tmp_path / "features")
    assert [entry.kind for entry in list_entries(tmp_path)] == ["file", "file"]  # nothing incomplete remains
    assert [result.computed for result in extract(files, REQUEST, tmp_path / "features")] == [False] * 2 + [True] * 2


KILLED = """
import os, signal, sys
from pathlib import Path
from gtzan_lightning.features import feature_cache
from gtzan_lightning.features.extraction import extract
from gtzan_lightning.features.feature_request import FeatureRequest, FrameSettings

whole, stored = feature_cache.np.savez, []
def savez(file, **arrays):
    if len(stored) == 2:
        file.write(b"half a file")
        file.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    stored.append(1)
    whole(file, **arrays)
feature_cache.np.savez = savez
files = sorted(Path(sys.argv[1]).glob("*.wav"))
extract(files, FeatureRequest("mfcc", 3.0, FrameSettings()), Path(sys.argv[2]))
"""


@pytest.mark.slow
def test_killed_in_the_middle_of_a_file(files, calls, tmp_path):
    root = features_cache(tmp_path)
    command = [sys.executable, "-c", KILLED, str(files[0].parent), str(root)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert sorted(entry.kind for entry in list_entries(tmp_path)) == ["file", "file", "unfinished"]
    results = extract(files, REQUEST, root)  # the lock was released with the process
    assert calls == [path.name for path in files[2:]]
    for path, result in zip(files, results, strict=True):
        np.testing.assert_array_equal(FileCache(root).values(result.key), analyse_file(path, REQUEST).values)
