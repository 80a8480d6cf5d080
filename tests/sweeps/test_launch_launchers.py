"""The same sweep in this process and on each launcher."""

import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pandas as pd
import pytest

from gtzan_lightning.sweeps.launch import launch
from gtzan_lightning.training import results

pytestmark = pytest.mark.slow

SWEEP = ("debug=fast", "trainer.progress=false", "model=mlp,lstm,logreg")
WITHOUT_FIGURES = """
import sys
from gtzan_lightning.sweeps.launch import launch

def main(cfg):
    from gtzan_lightning.training import results
    from train import main as job
    results.run_figures = lambda *_: {}
    return job(cfg)

sys.exit(launch(main))
"""
LAUNCHERS = {
    "joblib": ("hydra-joblib-launcher", ["hydra.launcher.n_jobs=2"]),
    "slurm_local": ("hydra-submitit-launcher", ["hydra.sweeper.max_batch_size=2"]),
    "ray": ("hydra-ray-launcher", ["hydra.launcher.ray.init.num_cpus=2"]),
}


def scores(outputs):
    """All scores of the sweep, to the last digit."""
    (file,) = (outputs / "sweeps").glob("*/scores.csv")
    return pd.read_csv(file).drop(columns="overrides")  # they name the outputs folder


def command_line(tables_root, outputs, *launcher):
    return ["-m", f"data.root={tables_root}", f"outputs={outputs}", *SWEEP, *launcher]


@pytest.fixture(scope="module")
def serial(main_job, tables_root, tmp_path_factory):
    outputs = tmp_path_factory.mktemp("serial") / "outputs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        patch.setattr(sys, "argv", ["train.py"])
        assert launch(main_job, command_line(tables_root, outputs)) == 0
    return scores(outputs)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher_gives_the_table_of_the_serial_sweep(serial, launcher, tables_root, tmp_path):
    distribution, options = LAUNCHERS[launcher]
    try:
        version(distribution)
    except PackageNotFoundError:
        pytest.skip(f"{distribution} is not installed")
    Path("script.py").write_text(WITHOUT_FIGURES)
    words = command_line(tables_root, tmp_path / "outputs", f"hydra/launcher={launcher}", *options)
    ended = subprocess.run([sys.executable, "script.py", *words], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    pd.testing.assert_frame_equal(scores(tmp_path / "outputs"), serial, check_exact=True)
    assert len(serial["run_id"].unique()) == 3
