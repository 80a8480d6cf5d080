"""The plan of a sweep: jobs at a time, durations of earlier runs, runs of other code."""

import json
import os

import pytest
from omegaconf import OmegaConf

from gtzan_lightning.sweeps.plan import kind_of, measured_s, parallel_jobs

FAST = ("debug=fast", "trainer.progress=false")


@pytest.mark.parametrize(
    ("n_jobs", "expected"), [(1, 1), (3, 3), (-1, 6), (-2, 5), (-9, 1), (None, None), ("all", None)]
)
def test_jobs_at_a_time_are_counted_as_joblib_does(monkeypatch, n_jobs, expected):
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    launcher = OmegaConf.create({"_target_": "hydra_plugins.JoblibLauncher", "n_jobs": n_jobs})
    assert parallel_jobs(launcher) == expected


def test_hydra_s_own_launcher_runs_one_job_at_a_time():
    launcher = OmegaConf.create({"_target_": "hydra._internal.core_plugins.basic_launcher.BasicLauncher"})
    assert parallel_jobs(launcher) == 1


def test_the_duration_is_the_median_of_the_five_newest_runs_of_a_kind(tmp_path):
    config = {"model": {"_target_": "mlp"}}
    for age, seconds in enumerate([3.0, 1.0, 2.0, 50.0, 60.0, 1000.0, 1000.0]):  # the newest first
        folder = tmp_path / f"mlp-3s-leaky-{age}"
        folder.mkdir()
        OmegaConf.save(OmegaConf.create(config), folder / "config.yaml")
        start = "2026-01-01T00:00:00+00:00"
        card = {"status": "done", "started": start, "finished": start, "training": {"seconds": seconds}}
        (folder / "run.json").write_text(json.dumps(card))
        os.utime(folder / "run.json", (10_000 - age, 10_000 - age))
    assert measured_s(tmp_path, ["mlp-3s-grouped-7"]) == {kind_of(config): 3.0}
    assert measured_s(tmp_path, ["mlp-6s-grouped-7"]) == {}


def test_finished_runs_of_other_code_are_announced(command, tables_root):
    sweep = ("-m", f"data.root={tables_root}", *FAST, "seed=0,1")
    name, card = next(iter(command(*sweep).cards().items()))
    card["code"]["files"] = dict.fromkeys(card["code"]["files"], "0")
    with open(f"outputs/runs/{name}/run.json", "w") as file:
        json.dump(card, file)
    out = command(*sweep).out
    assert "  1 finished before\n  1 finished before, will be repeated as their code has changed\n  1 to train: " in out
    assert command(*sweep, "reuse=always").out.startswith("Sweep of 2 jobs\n  seed: 0, 1\n  2 finished before\n")
