"""`gtzan cache`: contents with sizes, and pruning."""

import os
import re

import pytest

from gtzan_lightning.cli import main
from gtzan_lightning.corpus.synthetic_corpus import synthetic_corpus

MIB = 2**20


@pytest.fixture
def cache(tmp_path):
    """Two files of 1 MiB each, their corpus of 2 MiB, 3 MiB of rendered music, and half a file."""
    folder = tmp_path / "cache"
    sizes = {
        "features/files/ab/ab1.npz": MIB,
        "features/files/cd/cd1.npz": MIB,
        "features/corpora/ef1/values.npy": 2 * MIB,
        "features/files/ab/.unfinished-1": MIB // 2,
        "synthetic-v1-0123456789ab/blues/a.flac": MIB,
        "synthetic-v1-0123456789ab/rock/b.flac": 2 * MIB,
        "of/others.wav": MIB,
    }
    for name, size in sizes.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(bytes(size))
    return folder


def test_ls_prints_sizes_by_kind(cache, capsys):
    assert main(["cache", "ls", "--cache-dir", str(cache)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [
        re.split(r"  +", line.strip()) for line in lines if re.search(r"\d$", line.strip()) and "Next:" not in line
    ] == [
        ["features of a file", "2", "2.0"],
        ["features of a corpus, joined", "1", "2.0"],
        ["synthetic corpus, rendered", "1", "3.0"],
        ["left by interrupted jobs", "1", "0.5"],
        ["all", "5", "7.5"],
    ]


def test_prune_removes_what_is_old_and_nothing_else(cache, capsys):
    for name in ("features/files/ab/ab1.npz", "synthetic-v1-0123456789ab"):
        os.utime(cache / name, (0, 0))
    assert main(["cache", "prune", "--cache-dir", str(cache)]) == 0
    assert "Removed 2 entries, 4.0 MiB." in capsys.readouterr().out
    assert not (cache / "synthetic-v1-0123456789ab").exists()
    assert main(["cache", "prune", "--cache-dir", str(cache), "--older-than-days", "0"]) == 0
    assert "Removed 2 entries, 3.0 MiB." in capsys.readouterr().out  # half a file may be being written
    assert (cache / "of/others.wav").is_file()


def test_the_synthetic_corpus_is_as_old_as_its_last_use(tmp_path, capsys):
    root = synthetic_corpus(tmp_path, tracks_per_genre=1, duration_s=0.1, n_jobs=1).root
    os.utime(root, (0, 0))
    synthetic_corpus(tmp_path, tracks_per_genre=1, duration_s=0.1, n_jobs=1)
    assert main(["cache", "prune", "--cache-dir", str(tmp_path)]) == 0
    assert "Removed 0 entries" in capsys.readouterr().out
    assert root.is_dir()
