"""A sweep that was stopped at any moment is finished by the same command, with exactly the same scores."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gtzan_lightning.training import results
from sweeps.killing import forked, in_training, in_writing, kill, send, status_of

pytestmark = pytest.mark.slow

EPOCHS = 4


@pytest.fixture
def sweep(tables_root):
    """Three jobs of a few epochs, each of which is kept."""
    return (
        "-m", f"data.root={tables_root}", "seed=0,1,2", f"trainer.max_epochs={EPOCHS}", "trainer.save_every_s=0",
        "regularization.patience=0", "trainer.progress=false",
    )  # fmt: skip


@pytest.fixture
def start(main_job, sweep, monkeypatch, tmp_path):
    """Starts the sweep in a child process, in a folder of its own."""
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    monkeypatch.setattr("sys.argv", ["train.py"])

    def begin(folder="here", prepare=lambda: None, more=()):
        return forked(main_job, [*sweep, *more], prepare, tmp_path / folder)

    return begin


def scores(folder):
    (file,) = Path(folder).glob("outputs/sweeps/*/scores.csv")
    return file.read_text()


def cards(folder):
    """The run cards by seed."""
    found = [json.loads(path.read_text()) for path in Path(folder).glob("outputs/runs/*/run.json")]
    return {card["seed"]: card for card in found}


def wait_for(condition):
    while not condition():
        time.sleep(0.05)


def statuses(folder):
    return {seed: card["status"] for seed, card in sorted(cards(folder).items())}


MOMENTS = (
    lambda: in_training(seed=0, epoch=0, step=1),  # nothing to go on from
    lambda: in_training(seed=0, epoch=2, step=1),
    lambda: in_writing("last.ckpt", times=2),
    lambda: in_writing("predictions.csv"),
    lambda: in_writing("run.json", times=3),  # the one that says done
    lambda: in_training(seed=1, epoch=EPOCHS - 1, step=1),
    lambda: in_writing("scores.csv"),
)
MOVED_AFTER = 2  # the outputs folder, in the middle of a run


def test_killed_at_many_moments_it_ends_with_the_scores_of_an_uninterrupted_one(start):
    assert status_of(start("whole")) == 0
    for number, moment in enumerate(MOMENTS):
        moved = ["outputs=moved/outputs"] * (number > MOVED_AFTER)
        assert status_of(start("killed", moment, moved)) == -signal.SIGKILL, number
        if number == MOVED_AFTER:
            Path("killed/moved").mkdir()
            shutil.move("killed/outputs", "killed/moved/outputs")
    shutil.move("killed/moved/outputs", "killed/outputs")
    assert set(statuses("killed").values()) == {"done"}
    assert status_of(start("killed")) == 0
    assert Path("killed/out").read_text().count(": finished before, test accuracy") == 3
    assert scores("killed") == scores("whole")
    assert not list(Path("killed").glob("outputs/runs/*/.*.tmp*")), "half-written files stay behind"
    assert any(card["training"]["resumed"] for card in cards("killed").values())
    for seed, card in cards("whole").items():
        assert cards("killed")[seed]["metrics"] == card["metrics"]


def test_the_job_of_a_dead_process_is_interrupted_until_it_is_resumed(start):
    assert status_of(start(prepare=lambda: in_training(seed=1, epoch=2, step=1))) == -signal.SIGKILL
    assert statuses("here") == {0: "done", 1: "running"}  # the record of a process that could say nothing more
    assert status_of(start()) == 0
    message = Path("here/out").read_text()
    assert "Sweep of 3 jobs\n  seed: 0, 1, 2\n  1 finished before\n  1 interrupted, will be resumed\n" in message
    assert "[1/3] seed=0: finished before, test accuracy" in message
    assert " (resumed from epoch 2), test accuracy" in message
    assert "[3/3] seed=2: done in" in message


def test_ctrl_c_marks_the_running_job_and_prints_the_finished_ones(start):
    assert status_of(start(prepare=lambda: in_training(seed=1, epoch=2, what=lambda: send(signal.SIGINT)))) == 130
    assert statuses("here") == {0: "done", 1: "interrupted"}
    message, complaints = Path("here/out").read_text(), Path("here/err").read_text()
    assert "[2/3] seed=1: interrupted\n2 jobs, test accuracy" in message
    assert complaints.splitlines()[-3:] == [
        "1 of 3 jobs are done.",
        "",
        "Interrupted. Run the same command again to resume from the last checkpoint.",
    ]
    assert "Traceback" not in message + complaints
    assert status_of(start()) == 0
    assert statuses("here") == {0: "done", 1: "done", 2: "done"}


def test_two_copies_share_the_work(start):
    """Each job is trained once, by either copy; both end with the whole table."""

    def slowly():
        for seed in (0, 1, 2):
            in_training(seed, epoch=1, what=lambda seed=seed: (Path(f"{seed}.{os.getpid()}").touch(), time.sleep(0.4)))

    both = [start("shared", slowly), start("shared", slowly)]
    assert [status_of(child) for child in both] == [0, 0]
    assert sorted(path.name[0] for path in Path("shared").glob("?.*")) == ["0", "1", "2"]
    assert len({path.suffix for path in Path("shared").glob("?.*")}) == 2, "one copy has done it all"
    assert statuses("shared") == {0: "done", 1: "done", 2: "done"}
    assert scores("shared").count("\n") == 19  # a header, then three jobs of two parts at three levels


def test_a_copy_resumes_the_job_of_a_killed_one(start):
    def dies_at_last():
        in_training(seed=0, epoch=1, what=lambda: (Path("at it").touch(), wait_for(Path("die").exists), kill()))

    first = start("shared", dies_at_last)
    wait_for(Path("shared/at it").exists)
    second = start("shared")
    wait_for(lambda: "[1/3] seed=0: running in another process" in Path("shared/out").read_text())
    Path("shared/die").touch()
    assert status_of(first) == -signal.SIGKILL
    assert status_of(second) == 0
    assert statuses("shared") == {0: "done", 1: "done", 2: "done"}
    assert cards("shared")[0]["training"]["resumed"]


DRIVER = """
import os, signal, sys
from pathlib import Path
from gtzan_lightning.sweeps.launch import launch

def main(cfg):
    from hydra.core.hydra_config import HydraConfig
    from sweeps.killing import in_training
    from gtzan_lightning.training import results
    results.run_figures = lambda *_: {}

    def end():
        for name, ends in (
            ("all", lambda: os.killpg(0, signal.SIGKILL)),
            ("worker", lambda: os.kill(os.getpid(), signal.SIGKILL)),
        ):
            if not Path(name).exists():  # each once, one a start
                Path(name).touch()
                return ends()

    in_training(seed=1, epoch=2, step=1, what=end)
    from gtzan_lightning.training.train import train
    hydra = HydraConfig.get()
    train(cfg, folder=Path(hydra.runtime.output_dir), overrides=list(hydra.overrides.task))

sys.exit(launch(main))
"""


def test_all_processes_and_then_a_worker_are_killed_and_the_scores_are_those_of_a_serial_sweep(start, sweep, checkout):
    """First all at once; then a worker alone, which the sweep itself gets over."""
    assert status_of(start("whole")) == 0
    Path("killed").mkdir()
    Path("killed/train.py").write_text(DRIVER)
    command = [sys.executable, "train.py", *sweep, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    environment = os.environ | {"PYTHONPATH": f"{checkout}:{checkout / 'tests'}"}
    ended = []
    for _ in range(2):
        with Path("err").open("w") as err:  # files: workers that outlive the parent would keep a pipe open
            done = subprocess.run(command, cwd="killed", env=environment, stdout=err, stderr=err,
                                  start_new_session=True, check=False, timeout=100)  # fmt: skip
        ended.append(done.returncode)
    message = Path("err").read_text()
    assert ended == [-signal.SIGKILL, 0], message
    assert "A worker process was killed" in message
    assert "Traceback" not in message
    assert statuses("killed") == {0: "done", 1: "done", 2: "done"}
    assert scores("killed") == scores("whole")
