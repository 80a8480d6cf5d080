"""Checkpoints of any origin are read without running code from them."""

import pickle
from importlib import metadata

import pytest
import torch

from gtzan_lightning import __version__
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS
from gtzan_lightning.training.checkpoints import load_checkpoint, with_versions

PLAIN = {
    "config": {"seed": 0},
    "genres": ["a", "b"],
    "columns": ["x", "y"],
    "shape": [1, 2],
    "mean": torch.zeros(2),
    "scale": torch.ones(2),
    "quantiles": torch.empty(0, 0),
}
WHOLE = {"state_dict": {"w": torch.arange(3.0)}, CONTENTS: with_versions(PLAIN)}
MADE = {"gtzan-lightning": "7.8.9", "torch": "3.1.4", "lightning": "4.5.6"}


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
    message = refusal(path).partition("\n")[0]
    assert message in (
        "CHECKPOINT: holds more than tensors and plain data (io.open), and is not loaded: it could run code.",
        "CHECKPOINT: holds more than tensors and plain data (_io.open), and is not loaded: it could run code.",
    )
    assert not trace.exists()
    torch.load(path, weights_only=False)
    assert trace.exists()  # the code does run without the protection


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
    message = refusal(path)
    assert message.startswith("CHECKPOINT: damaged or no checkpoint (")
    assert "it could run code" not in message


OF_ANOTHER = {"pytorch-lightning_version": "1.2.3", "state_dict": {"w": torch.zeros(1)}, "epoch": 3}


@pytest.mark.parametrize(
    ("foreign", "nature"),
    [
        ({}, "a dictionary with nothing in it"),
        ({"state_dict": {}}, "a dictionary with 'state_dict'"),
        ({CONTENTS: {}}, f"a dictionary with {CONTENTS!r}"),
        (OF_ANOTHER, "one of another program that uses Lightning 1.2.3"),
        ({"fc.weight": torch.zeros(2, 2), "fc.bias": torch.zeros(2)}, "the bare weights of some model (2 tensors)"),
        (torch.zeros(2), "a bare Tensor"),
        ([1, 2], "a bare list"),
    ],
)
def test_checkpoints_of_other_programs_are_described_and_refused(tmp_path, foreign, nature):
    torch.save(foreign, tmp_path / "x.ckpt")
    assert refusal(tmp_path / "x.ckpt") == f"CHECKPOINT: not a checkpoint of gtzan-lightning, but {nature}."


@pytest.mark.parametrize(("schema", "remedy"), [(2, "Install a newer"), (0, "Repeat the run"), ("x", "Repeat the run")])
def test_another_schema_is_refused_with_the_versions(tmp_path, schema, remedy):
    contents = {**WHOLE[CONTENTS], "schema": schema, "versions": MADE}
    torch.save({**WHOLE, CONTENTS: contents}, tmp_path / "x.ckpt")
    message = refusal(tmp_path / "x.ckpt")
    assert message.startswith(
        f"CHECKPOINT: its contents have schema {schema}, and this is gtzan-lightning {__version__}"
    )
    assert "which reads schema 1. It was made by gtzan-lightning 7.8.9, torch 3.1.4, lightning 4.5.6. " in message
    assert remedy in message


def test_missing_contents_are_refused_with_the_versions(tmp_path):
    contents = {key: value for key, value in PLAIN.items() if key not in ("mean", "columns")}
    torch.save({**WHOLE, CONTENTS: contents, "pytorch-lightning_version": "2.5.1"}, tmp_path / "x.ckpt")
    assert refusal(tmp_path / "x.ckpt") == (
        "CHECKPOINT: lacks columns, mean. It was made by an early gtzan-lightning with lightning 2.5.1. "
        "Repeat the run with rerun=true."
    )


@pytest.mark.parametrize("contents", [None, [], "text", 3])
def test_contents_of_another_form_are_refused(tmp_path, contents):
    torch.save({**WHOLE, CONTENTS: contents}, tmp_path / "x.ckpt")
    assert refusal(tmp_path / "x.ckpt").startswith("CHECKPOINT: its contents have schema None")


def test_checkpoints_from_before_there_was_a_schema_are_read(tmp_path):
    torch.save({**WHOLE, CONTENTS: PLAIN}, tmp_path / "x.ckpt")
    assert load_checkpoint(tmp_path / "x.ckpt")[CONTENTS]["genres"] == ["a", "b"]


def test_new_checkpoints_have_schema_and_versions():
    contents = WHOLE[CONTENTS]
    assert contents["schema"] == 1
    assert contents["versions"]["gtzan-lightning"] == __version__
    assert contents["versions"]["torch"] == metadata.version("torch")
    assert contents["versions"]["lightning"] == metadata.version("lightning")


@pytest.mark.parametrize("name", ["nothing.ckpt", "."])
def test_a_file_that_is_not_there_is_refused(tmp_path, name):
    assert refusal(tmp_path / name) == "CHECKPOINT: there is no such checkpoint."
