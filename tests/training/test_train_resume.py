"""Runs on generated tables that are reused, repeated, interrupted and resumed."""

import json
import os
import shutil
import signal

import pytest
import torch
from run_folder import FAST, checked_card, history, predictions

from gtzan_lightning.config.composition import compose
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.training import results
from gtzan_lightning.training import train as main_job
from gtzan_lightning.training.train import train


@pytest.fixture(scope="module", autouse=True)
def _first_without_figures():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        yield


def test_a_finished_run_with_the_same_config_hash_is_reused(first, requested, monkeypatch):
    monkeypatch.setattr(main_job, "_train", lambda *_: pytest.fail("trained again"))
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    again = train(compose(requested), overrides=requested)
    assert again.reused
    assert (again.folder, again.card) == (first.folder, first.card)
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == before


@pytest.mark.parametrize("reuse", ["same_code", "always"])
def test_a_finished_run_of_other_code_is_repeated_or_kept_with_a_mark(trained, monkeypatch, capsys, reuse):
    run = trained()
    hashes = main_job.code_files
    monkeypatch.setattr(
        main_job, "code_files", lambda config: hashes(config) | {"gtzan_lightning/models/mlp.py": "new"}
    )
    capsys.readouterr()
    again = trained(f"reuse={reuse}")
    output = capsys.readouterr().out
    assert again.folder == run.folder
    kept = run.folder.with_name(f"{run.folder.name}.1")
    if reuse == "same_code":
        assert f"has changed since (gtzan_lightning/models/mlp.py). It is kept as {kept.name} and repeated" in output
        assert (again.reused, again.card["code"].get("changed")) == (False, None)
        assert again.card["code"]["files"]["gtzan_lightning/models/mlp.py"] == "new"
        assert predictions(kept) == predictions(again.folder)
    else:
        assert "Finished before; its code has changed since (gtzan_lightning/models/mlp.py)." in output
        assert (again.reused, kept.exists()) == (True, False)
        assert checked_card(run.folder)["code"]["changed"] == ["gtzan_lightning/models/mlp.py"]
        monkeypatch.setattr(main_job, "code_files", hashes)
        assert trained().card["code"]["changed"] == []  # the code is as it was


def test_a_run_that_is_resumed_in_a_moved_folder_has_the_same_results(trained, monkeypatch, tmp_path):
    """The last epochs are worse than the best one, so that a forgotten best score would keep the wrong weights."""
    recipe = ("trainer.max_epochs=12", "model.lr=0.2", "scheduler=constant", "trainer.save_every_s=0")
    whole = trained(*recipe)
    best = whole.card["training"]["best_epoch"] - 1  # as Lightning counts
    assert best < 10
    shutil.move(whole.folder, "whole")
    callbacks = main_job._callbacks
    monkeypatch.setattr(main_job, "_callbacks", lambda *a: [*callbacks(*a), Watch(best + 2)])
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trained(*recipe)
    signal.signal(signal.SIGINT, before)
    monkeypatch.setattr(main_job, "_callbacks", callbacks)
    shutil.move(tmp_path / "outputs", tmp_path / "moved")
    resumed = trained(*recipe, f"outputs={tmp_path / 'moved'}")
    assert resumed.card["training"]["resumed"]
    assert resumed.card["training"]["best_epoch"] == best + 1
    assert torch.load(resumed.folder / "best.ckpt", weights_only=True)["epoch"] == best
    assert predictions(resumed.folder) == predictions(main_job.Path("whole"))
    assert resumed.card["metrics"] == whole.card["metrics"]


def test_an_interrupted_run_of_other_code_starts_again(trained, monkeypatch):
    run = trained()
    (run.folder / "run.json").write_text(json.dumps(run.card | {"status": "interrupted"}))
    hashes = main_job.code_files
    monkeypatch.setattr(
        main_job, "code_files", lambda config: hashes(config) | {"gtzan_lightning/models/mlp.py": "new"}
    )
    continued = trained("reuse=always")
    assert continued.card["training"]["resumed"]
    assert continued.card["code"]["changed"] == ["gtzan_lightning/models/mlp.py"]
    (run.folder / "run.json").write_text(json.dumps(run.card | {"status": "interrupted"}))
    assert not trained().card["training"]["resumed"]


def test_versions_of_dependencies_are_reported_and_the_run_is_reused(trained, capsys):
    run = trained()
    old = run.card | {"versions": run.card["versions"] | {"torch": "1.0"}}
    (run.folder / "run.json").write_text(json.dumps(old))
    assert trained().reused
    assert "Finished before; it was made with torch 1.0 (now " in capsys.readouterr().out


def test_a_rerun_gives_the_same_results_and_keeps_the_old_folder(requested, first, tmp_path):
    shutil.copytree(first.folder, tmp_path / "outputs" / "runs" / first.folder.name)
    command = [requested[0], f"outputs={tmp_path / 'outputs'}", *requested[2:], "rerun=true"]
    again = train(compose(command), overrides=command)
    assert not again.reused
    assert again.folder.name == first.folder.name
    kept = again.folder.with_name(f"{first.folder.name}.1")
    assert predictions(kept) == predictions(first.folder)
    assert predictions(again.folder) == predictions(first.folder)
    assert history(again.folder) == history(first.folder)
    assert checked_card(again.folder)["metrics"] == first.card["metrics"]


class Watch(main_job.Callback):
    """Records the trained epochs, and can raise KeyboardInterrupt at the start of one."""

    def __init__(self, stop_in=None):
        self.stop_in, self.epochs = stop_in, []

    def on_train_epoch_start(self, trainer, pl_module):  # noqa: ARG002
        if trainer.current_epoch == self.stop_in:
            raise KeyboardInterrupt
        self.epochs.append(trainer.current_epoch)


@pytest.mark.parametrize("model", ["mlp", "lstm"])
@pytest.mark.parametrize("stopped_in", [1, 4])
def test_an_interrupted_run_is_resumed_with_the_same_results(trained, monkeypatch, model, stopped_in):
    recipe = ("regularization=strong", "regularization.patience=0", f"model={model}", "model.hidden_size=16")
    whole = trained(*recipe)
    shutil.move(whole.folder, "whole")

    callbacks = main_job._callbacks
    stopping, going_on = Watch(stopped_in), Watch()
    monkeypatch.setattr(main_job, "_callbacks", lambda *a: [*callbacks(*a), stopping])
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trained(*recipe, "trainer.save_every_s=0")
    signal.signal(signal.SIGINT, before)  # Lightning leaves it ignored
    monkeypatch.setattr(main_job, "_callbacks", lambda *a: [*callbacks(*a), going_on])
    card = json.loads((whole.folder / "run.json").read_text())
    assert card["status"] == "interrupted"
    assert not (whole.folder / "predictions.csv").exists()

    resumed = trained(*recipe, "trainer.save_every_s=0")
    card = checked_card(resumed.folder)
    assert resumed.folder == whole.folder
    assert stopping.epochs + going_on.epochs == list(range(6))  # none is trained twice
    assert card["training"]["resumed"]
    assert card["metrics"] == whole.card["metrics"]
    assert predictions(resumed.folder) == predictions(main_job.Path("whole"))
    assert history(resumed.folder) == history(main_job.Path("whole"))


class Kill(main_job.Callback):
    """Kills this process in an epoch, between training and validation."""

    def on_validation_start(self, trainer, pl_module):  # noqa: ARG002
        if trainer.current_epoch == 3:
            os.kill(os.getpid(), signal.SIGKILL)


def test_the_run_of_a_killed_process_is_resumed(trained, first, tmp_path, monkeypatch):
    """After SIGKILL the record still says running, and the next call resumes."""
    child = os.fork()
    if child == 0:
        try:
            callbacks = main_job._callbacks
            monkeypatch.setattr(main_job, "_callbacks", lambda *a: [*callbacks(*a), Kill()])
            trained("trainer.save_every_s=0")
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    (folder,) = (path for path in (tmp_path / "outputs" / "runs").iterdir() if path.is_dir())
    assert json.loads((folder / "run.json").read_text())["status"] == "running"
    resumed = trained("trainer.save_every_s=0")
    assert resumed.folder == folder
    assert resumed.card["training"]["resumed"]
    assert predictions(folder) == predictions(first.folder)


def test_a_damaged_last_checkpoint_is_reported_with_the_remedy(trained):
    run = trained()
    (run.folder / "run.json").write_text(json.dumps(run.card | {"status": "interrupted"}))
    (run.folder / "last.ckpt").write_bytes((run.folder / "last.ckpt").read_bytes()[:1000])
    with pytest.raises(GtzanError, match=r"last\.ckpt: .*rerun=true"):
        trained()
    assert not trained("rerun=true").reused


def test_a_damaged_record_is_replaced_by_a_rerun(trained):
    run = trained()
    (run.folder / "run.json").write_text("{")
    with pytest.raises(GtzanError, match=r"run\.json: damaged"):
        trained()
    assert checked_card(trained("rerun=true").folder)["metrics"] == run.card["metrics"]


def test_early_stopping_stops_and_survives_an_interruption(trained):
    run = trained("regularization.patience=2", "trainer.max_epochs=40", "model.lr=0.05")
    epochs = run.card["training"]["epochs"]
    assert epochs == run.card["training"]["best_epoch"] + 2 < 40
    assert (run.folder / "last.ckpt").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("without_figures")
def test_a_named_folder_is_not_reused_for_another_config_hash(tables_root, tmp_path):
    def into_the_same(*overrides):
        command = [f"data.root={tables_root}", *FAST, "debug=fast", *overrides]
        return train(compose(command), overrides=command, folder=tmp_path / "here")

    assert into_the_same().card["model"]["name"] == "MLP"
    assert into_the_same("model=lstm").card["model"]["name"] == "BiLSTM"
    assert json.loads((tmp_path / "here.1" / "run.json").read_text())["model"]["name"] == "MLP"
    assert into_the_same("model=lstm").reused
