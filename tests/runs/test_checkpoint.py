"""Checkpoints from anywhere: read without running what is in them."""

import pickle

import pytest
import torch

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS
from gtzan_lightning.runs.checkpoint import load_checkpoint

WHOLE = {"state_dict": {"w": torch.arange(3.0)}, CONTENTS: {"genres": ["a", "b"], "mean": torch.zeros(2)}}


class Bomb:
    def __init__(self, target):
        self.target = str(target)

    def __reduce__(self):
        return open, (self.target, "w")


def refusal(path):
    with pytest.raises(GtzanError) as caught:
        load_checkpoint(path)
    return str(caught.value).replace(str(path), "CHECKPOINT")


def test_a_checkpoint_is_read_onto_the_cpu(tmp_path):
    torch.save(WHOLE, tmp_path / "x.ckpt")
    read = load_checkpoint(tmp_path / "x.ckpt")
    assert read["state_dict"]["w"].tolist() == [0.0, 1.0, 2.0]
    assert read[CONTENTS]["genres"] == ["a", "b"]


@pytest.mark.parametrize("as_zip", [True, False])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, as_zip):
    path, trace = tmp_path / "x.ckpt", tmp_path / "trace"
    torch.save({**WHOLE, "extra": Bomb(trace)}, path, _use_new_zipfile_serialization=as_zip)
    assert refusal(path) == "CHECKPOINT: holds more than tensors and plain data, and is not loaded: it could run code."
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists()  # the bomb was a real one


def test_a_bare_pickle_is_refused_and_not_run(tmp_path):
    path, trace = tmp_path / "x.ckpt", tmp_path / "trace"
    path.write_bytes(pickle.dumps(Bomb(trace)))
    refusal(path)
    assert not trace.exists()


@pytest.mark.parametrize("kept", [0, 1, 10, 100, 0.5, 0.99])
def test_a_truncated_checkpoint_is_refused(tmp_path, kept):
    path = tmp_path / "x.ckpt"
    torch.save(WHOLE, path)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if isinstance(kept, float) else kept])
    assert refusal(path).startswith("CHECKPOINT: ")


@pytest.mark.parametrize("content", [b"hello", b"\x80\x02.", b"PK\x03\x04", b"\x00" * 1000, bytes(range(256)) * 20])
def test_what_is_no_checkpoint_at_all_is_refused(tmp_path, content):
    path = tmp_path / "x.ckpt"
    path.write_bytes(content)
    assert refusal(path).startswith("CHECKPOINT: ")


@pytest.mark.parametrize("foreign", [{}, {"state_dict": {}}, {CONTENTS: {}}, torch.zeros(2), [1, 2]])
def test_checkpoints_of_other_programs_are_refused(tmp_path, foreign):
    torch.save(foreign, tmp_path / "x.ckpt")
    assert refusal(tmp_path / "x.ckpt") == "CHECKPOINT: not a checkpoint of gtzan-lightning."


@pytest.mark.parametrize("name", ["nothing.ckpt", "."])
def test_a_file_that_is_not_there_is_refused(tmp_path, name):
    assert refusal(tmp_path / name) == "CHECKPOINT: there is no such checkpoint."
