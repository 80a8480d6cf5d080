"""Hashes of the content of files."""

import hashlib
import os

import numpy as np
import pytest

from gtzan_lightning.utils.content_index import content_hash


def test_the_hash_covers_the_whole_file(tmp_path):
    content = np.random.default_rng(0).bytes((5 << 19) + 3)  # more than two blocks
    (tmp_path / "x").write_bytes(content)
    assert content_hash(tmp_path / "x") == hashlib.sha256(content).hexdigest()


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="not a regular file"):
        content_hash(tmp_path / "pipe")
