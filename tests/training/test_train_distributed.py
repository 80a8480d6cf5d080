"""A distributed run: one job in two processes."""

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from run_folder import checked_card

from gtzan_lightning.config.composition import compose
from gtzan_lightning.training import results
from gtzan_lightning.training import train as training
from gtzan_lightning.training.train import train

pytestmark = pytest.mark.slow

WORDS = ("debug=fast", "trainer.progress=false", "trainer.limit_batches=null", "data.batch_size=32")


def test_two_processes_leave_the_folder_that_one_leaves(tables_root, tmp_path, checkout, monkeypatch):
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    alone = train(compose([f"data.root={tables_root}", *WORDS]), folder=tmp_path / "alone").folder
    shared = tmp_path / "shared"
    command = [sys.executable, str(checkout / "train.py"), f"data.root={tables_root}", *WORDS, "trainer=ddp"]
    ended = subprocess.run([*command, f"hydra.run.dir={shared}"], capture_output=True, text=True, env=os.environ)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    one, two = checked_card(alone), checked_card(shared)
    assert two["model"] == one["model"]
    assert two["split"] == one["split"]
    tables = [pd.read_csv(folder / "predictions.csv") for folder in (alone, shared)]
    labels = ["track_id", "start_s", "part", "y_true"]
    pd.testing.assert_frame_equal(tables[1][labels], tables[0][labels])
    assert list(tables[1].columns) == list(tables[0].columns)
    assert ended.stdout.count("Run shared") == 1  # the second process prints nothing


def test_a_further_process_fits_and_writes_nothing(tables_root, tmp_path, monkeypatch):
    monkeypatch.setenv("LOCAL_RANK", "1")
    fitted = []
    monkeypatch.setattr(training, "_fit", lambda *arguments: fitted.append(arguments))
    result = train(compose([f"data.root={tables_root}", *WORDS, "trainer=ddp"]), folder=tmp_path / "run")
    assert len(fitted) == 1
    assert not result.scored
    assert list(Path(tmp_path / "run").iterdir()) == []
