"""The same sweep in this process and on each launcher."""

import os
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version

import pandas as pd
import pytest

SWEEP = ("debug=fast", "trainer.progress=false", "model=mlp,lstm", "seed=0,1")
LAUNCHERS = {
    "joblib": ("hydra-joblib-launcher", ["hydra.launcher.n_jobs=2"]),
    "slurm_local": ("hydra-submitit-launcher", ["hydra.sweeper.max_batch_size=2"]),
    "ray": ("hydra-ray-launcher", ["hydra.launcher.ray.init.num_cpus=2"]),
}


def scores(outputs):
    """All scores of the sweep, to the last digit."""
    (file,) = (outputs / "sweeps").glob("*/scores.csv")
    return pd.read_csv(file).drop(columns="overrides")  # they name the outputs folder


@pytest.fixture(scope="module")
def serial(tables_root, tmp_path_factory, checkout):
    return scores(swept(tables_root, tmp_path_factory.mktemp("serial") / "outputs", checkout))


def swept(tables_root, outputs, checkout, *launcher):
    command = [sys.executable, str(checkout / "train.py"), "-m", f"data.root={tables_root}", f"outputs={outputs}"]
    ended = subprocess.run([*command, *SWEEP, *launcher], capture_output=True, text=True, env=os.environ, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return outputs


@pytest.mark.slow
@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launcher_gives_the_table_of_the_serial_sweep(serial, launcher, tables_root, tmp_path, checkout):
    distribution, options = LAUNCHERS[launcher]
    try:
        version(distribution)
    except PackageNotFoundError:
        pytest.skip(f"{distribution} is not installed")
    outputs = swept(tables_root, tmp_path / "outputs", checkout, f"hydra/launcher={launcher}", *options)
    pd.testing.assert_frame_equal(scores(outputs), serial, check_exact=True)
    assert len(serial["run_id"].unique()) == 4
