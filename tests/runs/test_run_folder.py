"""The run folder: status, lock, and folders that are set aside."""

import json
import subprocess
import sys

import pytest
from omegaconf import OmegaConf

from gtzan_lightning.config.composition import compose, plain_config
from gtzan_lightning.config.identity import flat
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.run_folder import RunFolder


@pytest.fixture
def run(tmp_path):
    return RunFolder(tmp_path / "runs" / "mlp-0123abcd")


def stop_with(run, error):
    def attempt():
        with run.recording({"seed": 1}):
            assert run.card()["status"] == "running"
            raise error

    with pytest.raises(type(error)):
        attempt()


def test_a_run_is_running_and_then_done(run):
    card = {"seed": 1}
    with run.recording(card):
        assert run.card() == {"seed": 1, "status": "running", "started": run.card()["started"], "finished": None}
        card["metrics"] = {"é": 1}
    assert run.card()["status"] == "done"
    assert run.card()["metrics"] == {"é": 1}
    assert run.card()["finished"] >= run.card()["started"]
    assert not run.is_done()  # no predictions
    run.predictions.touch()
    assert run.is_done()


def test_an_error_is_recorded_with_its_traceback(run):
    stop_with(run, ValueError("what went wrong"))
    card = run.card()
    assert card["status"] == "failed"
    assert card["traceback"].startswith("Traceback (most recent call last):\n")
    assert card["traceback"].endswith("ValueError: what went wrong\n")
    assert card["error"] == "ValueError: what went wrong"
    assert card["seed"] == 1


def test_a_gtzan_error_is_recorded_with_its_message(run):
    stop_with(run, GtzanError("wrong.\nDo this."))
    assert run.card()["error"] == "wrong.\nDo this."


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), SystemExit(1)])
def test_an_interruption_is_no_failure(run, stop):
    stop_with(run, stop)
    assert run.card()["status"] == "interrupted"
    assert "traceback" not in run.card()


def test_a_second_attempt_removes_the_traceback_of_the_first(run):
    stop_with(run, ValueError("first"))
    with run.recording({"seed": 1}):
        pass
    assert "traceback" not in run.card()


def test_a_folder_without_run_json_has_an_empty_card(run):
    assert run.card() == {}
    assert not run.is_done()


@pytest.mark.parametrize("content", ["", '{"status": "do', "[1]", "\xff"])
def test_a_damaged_card_is_reported_with_the_remedy(run, content):
    run.path.mkdir(parents=True)
    (run.path / "run.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(GtzanError, match=r"run\.json: (damaged|not a run card).*\n.*rerun=true"):
        run.is_done()


def test_a_card_is_readable_json(run):
    run.path.mkdir(parents=True)
    run.write_card({"a": [1, 2], "ü": None})
    assert json.loads((run.path / "run.json").read_text(encoding="utf-8")) == {"a": [1, 2], "ü": None}


def test_a_folder_is_set_aside_under_the_next_free_number(run):
    assert run.set_aside() is None
    run.path.mkdir(parents=True)
    assert run.set_aside() is None  # empty
    for number in (1, 2, 3):
        (run.path / "file").write_text(str(number))
        assert run.set_aside() == run.path.with_name(f"mlp-0123abcd.{number}")
        assert list(run.path.iterdir()) == []
    assert (run.path.with_name("mlp-0123abcd.2") / "file").read_text() == "2"


def test_another_process_waits_for_the_lock(run):
    run.path.mkdir(parents=True)
    code = (
        "import sys; from pathlib import Path; from gtzan_lightning.runs.run_folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked(): print('mine', flush=True)"
    )
    with run.locked():
        other = subprocess.Popen([sys.executable, "-c", code, str(run.path)], stdout=subprocess.PIPE, text=True)
        assert other.stdout.readline() == "mlp-0123abcd: another process is on it; waiting for its result.\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.2)
    assert other.communicate(timeout=30)[0] == "mine\n"


def test_a_killed_process_leaves_no_lock(run):
    run.path.mkdir(parents=True)
    code = (
        "import os, sys; from pathlib import Path; from gtzan_lightning.runs.run_folder import RunFolder\n"
        "with RunFolder(Path(sys.argv[1])).locked(): os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, str(run.path)], check=False).returncode == -9
    with run.locked():
        pass


def test_the_lock_of_a_colleagues_run_is_read_without_permission_to_write(run, monkeypatch):
    from filelock import FileLock

    run.path.mkdir(parents=True)
    run._lock.touch()
    holder = FileLock(run._lock)
    holder.acquire()

    def refused(*_, **__):
        raise PermissionError

    with monkeypatch.context() as patch:
        patch.setattr("gtzan_lightning.runs.run_folder.FileLock", refused)
        assert run.is_held()
        holder.release()
        assert not run.is_held()


@pytest.mark.parametrize(
    "overrides", [[], ["model=svm", "slice=6s"], ["model.lr=1e-05", "tags=[2020-01-01, '1e3', null]"]]
)
def test_a_configuration_is_read_as_omegaconf_reads_it(tmp_path, overrides):
    text = OmegaConf.to_yaml(OmegaConf.create(plain_config(compose(overrides))))
    (tmp_path / "config.yaml").write_text(text + "text: 1.e+3\nnumber: 1e-3\nx: .5\n")
    expected = OmegaConf.to_container(OmegaConf.load(tmp_path / "config.yaml"))
    assert RunFolder(tmp_path).config() == flat(expected)
