"""Errors in a sweep: each is reported briefly, and the other jobs are not affected."""

import json
import resource
import shutil
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.job_board import JobState
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.sweeps.launch import launch
from gtzan_lightning.sweeps.session import SweepSession
from gtzan_lightning.training import results
from sweeps.killing import forked, status_of

FAST = ("debug=fast", "trainer.progress=false")


def cards():
    found = [(path, json.loads(path.read_text())) for path in Path("outputs/runs").glob("*/run.json")]
    return {card["seed"]: (path.parent, card) for path, card in found}


def statuses():
    return {seed: card["status"] for seed, (_, card) in sorted(cards().items())}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["modle.lr=1,2"], "modle.lr=1,2: there is no key 'modle.lr'. Did you mean model.lr?"),
        (["model=glob(x*)"], "model=glob(x*): matches nothing."),
        (["seed=range(0,0)"], "The sweep is empty: seed=range(0,0) names no value, so there are no jobs."),
        (["seed=0,1", "sweep.on_error=go"], "sweep.on_error = go: should be continue or stop."),
        (["model=mlp,lstm", "model.kernel_size=3"], "the selected member of the group has no such key"),
    ],
)  # fmt: skip
def test_a_sweep_that_cannot_be_is_refused_before_the_first_job(command, tables_root, words, message):
    ended = command("-m", f"data.root={tables_root}", *FAST, *words)
    assert ended.status == 2
    assert message in ended.err
    assert "Traceback" not in ended.err + ended.out
    assert ended.cards() == {}


def test_jobs_with_the_same_config_hash_are_named_once(command, tables_root):
    ended = command("-m", f"data.root={tables_root}", *FAST, "slice.seconds=3,3.0,6")
    assert ended.status == 0
    assert ended.out.count("2 jobs have the same configuration and are run once: ") == 1
    assert "slice.seconds=3 | " in ended.out
    assert "  2 to train; the duration is not known until the first jobs are done" in ended.out
    assert len(ended.cards()) == 2


def test_after_an_error_no_further_job_begins_if_asked(command, tables_root):
    sweep = ("-m", f"data.root={tables_root}", *FAST, "slice=3s,2s,6s")
    ended = command(*sweep, "sweep.on_error=stop")
    assert ended.status == 1
    assert sorted(card["status"] for card in ended.cards().values()) == ["done", "failed"]
    assert "[3/3] 6s: not started" in ended.out
    assert len(list(Path("outputs/runs").iterdir())) == 2 + 2  # folders and locks: nothing of the third
    ended = command(*sweep)
    assert sorted(card["status"] for card in ended.cards().values()) == ["done", "done", "failed"]
    assert "  1 finished before\n  1 failed before, will be tried again\n" in ended.out


@pytest.mark.usefixtures("command")
def test_a_job_that_failed_is_not_tried_again_after_the_wait_for_another_process(tables_root, monkeypatch):
    started = []

    def job(cfg):
        started.append(cfg.seed)
        raise GtzanError("refused")

    monkeypatch.setattr(RunFolder, "is_held", lambda self: "seed1" in self.path.name)
    assert launch(job, ["-m", f"data.root={tables_root}", *FAST, "seed=0,1"]) == 1
    assert started == [0, 1]


def test_lost_workers_end_a_sweep_in_which_no_further_job_is_done():
    states = {}
    session = SimpleNamespace(
        mark_interrupted=lambda: None, board=SimpleNamespace(states=lambda: states), plan=object(),
        on_error="continue", finished_at_last_loss=-1,
    )  # fmt: skip
    continues = partial(SweepSession.continues_after_lost_worker, session)
    assert continues()
    assert not continues()
    states[0] = JobState(0, (), "folder", "done")
    assert continues()
    assert not continues()
    states[1] = JobState(1, (), "folder", "reused")
    session.on_error = "stop"
    assert not continues()


def test_an_outputs_folder_that_is_none_is_refused(command, tables_root):
    Path("taken").write_text("not a folder")
    ended = command("-m", f"data.root={tables_root}", *FAST, "seed=0,1", "outputs=taken")
    assert ended.status == 2
    assert "taken/sweeps" in ended.err
    assert "A file stands where a folder should be. Choose another folder with outputs=FOLDER" in ended.err
    assert "Traceback" not in ended.err + ended.out
    assert Path("taken").read_text() == "not a folder"


def test_a_full_disk_is_reported_and_the_same_command_resumes(main_job, tables_root, monkeypatch, tmp_path):
    """A limit on the size of files stands in for the full disk: writing fails in the middle of a checkpoint."""
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    monkeypatch.setattr("sys.argv", ["train.py"])
    sweep = ["-m", f"data.root={tables_root}", *FAST, "seed=0,1"]

    def fills_up():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))

    assert status_of(forked(main_job, sweep, fills_up, tmp_path)) == 1
    message = Path("out").read_text() + Path("err").read_text()
    assert message.count("The system's limit on file sizes (ulimit -f) forbids so large a file. Raise the limit") >= 2
    assert "Traceback" not in message
    assert statuses() == {0: "failed", 1: "failed"}
    assert not list(Path("outputs").rglob(".*.tmp*")), "half-written files stay behind"
    assert status_of(forked(main_job, sweep, folder=tmp_path)) == 0
    assert statuses() == {0: "done", 1: "done"}


def test_a_folder_damaged_by_hand_harms_no_other(command, tables_root):
    """A truncated record is one job's failure, another model's checkpoint another's; the third is done."""
    sweep = ("-m", f"data.root={tables_root}", *FAST, "seed=0,1,2")
    command(*sweep)
    command(f"data.root={tables_root}", *FAST, "model=lstm", "seed=7")
    runs = cards()
    (runs[0][0] / "run.json").write_text('{"status": "do')
    spoilt = runs[1][0]
    (spoilt / "run.json").write_text(json.dumps(runs[1][1] | {"status": "interrupted"}))
    shutil.copy(runs[7][0] / "last.ckpt", spoilt / "last.ckpt")
    ended = command(*sweep)
    assert ended.status == 1
    assert "  1 finished before\n  1 interrupted, will be resumed\n  1 with a damaged record\n" in ended.out
    assert "run.json: damaged" in ended.err
    assert "last.ckpt: the checkpoint of another run, with model._target_=gtzan_lightning.models.BiLSTM" in ended.err
    assert "Traceback" not in ended.err + ended.out
    assert "[3/3] seed=2: finished before" in ended.out
    (spoilt / "last.ckpt").unlink()  # as the message says
    assert "[2/3] seed=1: done in" in command(*sweep).out
