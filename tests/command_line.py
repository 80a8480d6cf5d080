"""Running the command line in this process."""

import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from gtzan_lightning.config.composition import compose
from gtzan_lightning.sweeps.launch import launch
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train


@dataclass
class Ended:
    """What a command left behind."""

    status: int
    out: str
    err: str

    def cards(self):
        """The run cards under `outputs/`, by folder name."""
        return {path.parent.name: json.loads(path.read_text()) for path in sorted(Path("outputs").rglob("run.json"))}


@pytest.fixture(scope="session")
def main_job(checkout):
    """`main` of train.py."""
    spec = importlib.util.spec_from_file_location("train_script", checkout / "train.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture
def command(main_job, monkeypatch, capsys, tmp_path):  # noqa: ARG001 - outputs go to the test's own folder
    """`python train.py ...` without a process of its own, and without figures."""
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    monkeypatch.setattr(sys, "argv", ["train.py"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments):
        capsys.readouterr()
        status = launch(main_job, arguments)
        return Ended(status, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def three_runs(tables_root, tmp_path_factory):
    """Outputs with an MLP and an LSTM on one grouped split, and an MLP on a leaky one; read-only by agreement."""
    outputs = tmp_path_factory.mktemp("three") / "outputs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        for words in (["model=mlp"], ["model=lstm"], ["model=mlp", "split=leaky"]):
            command = [f"data.root={tables_root}", f"outputs={outputs}", "debug=fast", "trainer.progress=false", *words]
            train(compose(command), overrides=command)
    return outputs
