"""A folder outside the checkout with a model, its configuration and an experiment: from training to export."""

import signal
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gtzan_lightning import cli, load_run
from gtzan_lightning.runs.browser import find_runs
from gtzan_lightning.utils.code_hash import _file_of
from sweeps.killing import forked, in_training, status_of

PACKAGE = """
import torch
from torch import nn
from gtzan_lightning import GenreModule

class Mine(GenreModule):
    def __init__(self, *shape, width: int, **recipe):
        super().__init__(*shape, **recipe)
        self.net = nn.Sequential(nn.Linear(self.n_features, width), nn.ReLU(), nn.Linear(width, self.n_genres))
    def forward(self, x):
        return self.net(x.mean(dim=1))

class Plain(nn.Module):
    def __init__(self, n_features, n_genres, width=8):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(n_features, width), nn.ReLU(), nn.Linear(width, n_genres))

    def forward(self, x):
        return self.net(x.mean(dim=1))
"""
MODEL = "_target_: mypkg.{name}\nwidth: 16\nlr: 0.01\n"
EXPERIMENT = "# @package _global_\ndefaults:\n  - override /model: mine\ntrainer:\n  max_epochs: 3\n  progress: false\n"


@pytest.fixture(params=["Mine", "Plain"])
def own(request, tmp_path):
    """The folder: `conf/model/mine.yaml`, `conf/experiment/mine.yaml` and `mypkg.py`."""
    for name, text in {
        "conf/model/mine.yaml": MODEL.format(name=request.param),
        "conf/experiment/mine.yaml": EXPERIMENT,
        "mypkg.py": PACKAGE,
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    yield request.param
    sys.modules.pop("mypkg", None)
    _file_of.cache_clear()
    sys.path[:] = [path for path in sys.path if path != str(tmp_path)]


def statuses():
    return {run.card()["seed"]: run.card()["status"] for run in find_runs(Path("outputs"))}


def test_run_sweep_resume_predict_and_export(own, command, main_job, tables_root, tmp_path, capsys):
    words = ["--config-dir", "conf", "experiment=mine", f"data.root={tables_root}"]
    assert command(*words).status == 0
    assert command("-m", *words, "seed=0,1").status == 0
    assert statuses() == {0: "done", 1: "done"}
    (first,) = (run for run in find_runs(Path("outputs")) if run.card()["seed"] == 0)
    assert first.path.name.startswith("mine-3s-grouped")
    assert first.card()["model"]["name"] == own
    assert any("mypkg" in file for file in first.card()["code"]["files"])

    long = [*words, "seed=2", "trainer.max_epochs=4", "trainer.save_every_s=0", "regularization.patience=0"]
    killed = forked(main_job, long, lambda: in_training(seed=2, epoch=2, step=0), tmp_path)
    assert status_of(killed) == -signal.SIGKILL
    assert statuses()[2] == "running"
    ended = command(*long)
    assert ended.status == 0
    assert statuses()[2] == "done"
    (resumed,) = (run for run in find_runs(Path("outputs")) if run.card()["seed"] == 2)
    assert resumed.card()["training"]["resumed"] is True

    music = tmp_path / "song.wav"
    soundfile.write(music, 0.1 * np.random.default_rng(0).normal(size=4 * 22050), 22050)
    capsys.readouterr()
    for words in (
        ["predict", first.path.name, str(music)],
        ["export", first.path.name, "--to", "torch-export"],
        ["robustness", first.path.name],
        ["evaluate", first.path.name, "data=synthetic"],
        ["audit", first.path.name, "random_labels=track", "--probe", "model"],
    ):
        assert cli.main(words) == 2
        assert "--trust mypkg" in capsys.readouterr().err
    assert cli.main(["predict", first.path.name, str(music), "--trust", "mypkg"]) == 0
    assert cli.main(["export", first.path.name, "--to", "torch-export", "--trust", "mypkg"]) == 0
    assert load_run(first.path, trust=["mypkg"]).name == first.path.name
