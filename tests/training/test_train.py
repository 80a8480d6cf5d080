"""The main job on made-up tables, in this process: what it writes, reuses, repeats and refuses."""

import csv
import json
import shutil
import signal
import subprocess
import sys

import gtzan_lightning.train as main_job
import pytest
import torch
from run_folder import checked_card

from gtzan_lightning.config.composition import compose
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS, GenreModule
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

FAST = ("trainer.max_epochs=6", "trainer.progress=false", "model.hidden_size=32")


@pytest.fixture(scope="module")
def requested(tables_root, tmp_path_factory):
    """The command line of the module's first run, which the tests share."""
    return [f"data.root={tables_root}", f"outputs={tmp_path_factory.mktemp('outputs')}", *FAST]


@pytest.fixture(scope="module")
def first(requested):
    return train(compose(requested), overrides=requested)


@pytest.fixture
def without_figures(monkeypatch):
    """They take longer than the training, and the module's first run has them."""
    monkeypatch.setattr(results, "run_figures", lambda *_: {})


@pytest.fixture
def ask(tables_root, tmp_path, without_figures):  # noqa: ARG001
    """Trains with outputs of the test's own."""

    def train_with(*overrides, root=tables_root):
        command = [f"data.root={root}", f"outputs={tmp_path / 'outputs'}", *FAST, *overrides]
        return train(compose(command), overrides=command)

    return train_with


def predictions(folder):
    return (folder / "predictions.csv").read_bytes()


def history(folder):
    with (folder / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_leaves_a_complete_folder(first, requested):
    card = checked_card(first.folder)
    assert first.card == card
    assert not first.reused
    assert card["run_id"] == first.folder.name
    assert card["overrides"] == requested
    assert card["split"]["slices"] == {"train": 700, "val": 100, "test": 200}
    assert card["split"]["tracks_in_train_and_test"] == 0
    assert card["features"] == {"name": "stats", "shape": [1, 58]}
    assert card["model"]["name"] == "MLP"
    assert card["metrics"]["test"]["window"]["cluster"] == "artist"
    assert card["training"]["epochs"] == 6
    assert {path.stem for path in first.folder.glob("figures/*.png")} == {
        *(f"{kind}_{level}" for kind in ("confusion", "genres") for level in ("window", "clip")),
        *("learning_curves", "reliability", "risk_coverage"),
    }


def test_the_card_says_how_sure_the_model_may_be_and_the_predictions_stay_as_trained(first):
    from gtzan_lightning.evaluation.calibration import expected_calibration_error, fit_temperature
    from gtzan_lightning.evaluation.predictions import read_predictions

    calibration = first.card["calibration"]
    table = read_predictions(first.folder / "predictions.csv")
    assert calibration["temperature"] == fit_temperature(table.only("val"))
    assert calibration["test"]["before"]["ece"] == expected_calibration_error(table.only("test"))
    assert calibration["val"]["after"]["nll"] <= calibration["val"]["before"]["nll"]


def test_the_same_question_is_answered_from_the_folder(first, requested, monkeypatch):
    monkeypatch.setattr(main_job, "_trained", lambda *_: pytest.fail("trained again"))
    before = {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")}
    again = train(compose(requested), overrides=requested)
    assert again.reused
    assert (again.folder, again.card) == (first.folder, first.card)
    assert {path: path.stat().st_mtime_ns for path in first.folder.rglob("*")} == before


def test_a_rerun_gives_the_same_digits_and_keeps_the_old_folder(requested, first, tmp_path):
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


def test_another_process_gets_the_same_digits(requested, first, tmp_path, checkout):
    command = [sys.executable, str(checkout / "train.py"), *requested, f"outputs={tmp_path / 'outputs'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder,) = (path for path in (tmp_path / "outputs" / "runs").iterdir() if path.is_dir())
    assert folder.name == first.folder.name
    assert predictions(folder) == predictions(first.folder)
    assert (folder / "split.csv").read_bytes() == (first.folder / "split.csv").read_bytes()
    assert checked_card(folder)["metrics"] == first.card["metrics"]
    assert f"{first.card['metrics']['test']['clip']['accuracy']:.3f}" in done.stdout


def test_the_best_epoch_is_the_first_of_the_best_on_validation(first):
    scores = [float(row["val/window_accuracy"]) for row in history(first.folder)]
    training = first.card["training"]
    assert training["monitor"] == "val/window_accuracy"
    assert training["best_epoch"] == scores.index(max(scores))
    assert first.card["metrics"]["val"]["window"]["accuracy"] == pytest.approx(max(scores), abs=1e-6)


def test_the_history_has_every_epochs_own_scores_of_both_parts(first):
    rows = history(first.folder)
    assert [int(float(row["epoch"])) for row in rows] == list(range(6))
    for part in ("train", "val"):
        losses = [float(row[f"{part}/loss"]) for row in rows]
        assert len(set(losses)) == 6
        assert losses[-1] < losses[0]
        assert all(row[f"{part}/{level}_accuracy"] for row in rows for level in ("window", "clip"))


def test_checkpoints_load_without_pickles_and_say_how_to_classify(first):
    for name in ("best.ckpt", "last.ckpt"):
        checkpoint = torch.load(first.folder / name, weights_only=True)
        contents = checkpoint[CONTENTS]
        assert contents["genres"] == first.card["data"]["genres"]
        assert len(contents["columns"]) == len(contents["mean"]) == len(contents["scale"]) == 58
        assert contents["shape"] == [1, 58]
        assert contents["config"]["slice"]["seconds"] == 3
        assert contents["config"]["model"]["_target_"] == "gtzan_lightning.models.MLP"


def test_the_test_part_is_looked_at_once_and_after_training(ask, monkeypatch):
    """Two tables that differ in the test part alone give the same training, the same best epoch, the same weights."""
    seen = []
    forward = GenreModule.predict_step
    monkeypatch.setattr(GenreModule, "predict_step", lambda self, batch, index: seen.append("predict") or
                        forward(self, batch, index))  # fmt: skip
    fit = GenreModule.on_train_epoch_end
    monkeypatch.setattr(GenreModule, "on_train_epoch_end", lambda self: seen.append("epoch") or fit(self))
    ask("seed=5")
    assert seen == ["epoch"] * 6 + ["predict"] * 4  # 700 training slices are two batches


def test_spoiling_the_test_part_changes_nothing_but_its_scores(ask, tables_root, tmp_path):
    import pandas as pd

    first = ask("seed=6")
    with (first.folder / "split.csv").open(newline="") as file:
        test_tracks = {row["track_id"] for row in csv.DictReader(file) if row["part"] == "test"}
    spoilt = tmp_path / "spoilt"
    shutil.copytree(tables_root, spoilt)
    table = pd.read_csv(spoilt / "features_3_sec.csv")
    in_test = table["filename"].str.rsplit(".", n=2).str[0].isin(test_tracks)
    assert in_test.sum() == 200
    table.loc[in_test, table.columns[2:-1]] = 1e3
    table.to_csv(spoilt / "features_3_sec.csv", index=False)

    second = ask("seed=6", root=spoilt)
    assert second.folder != first.folder
    assert history(second.folder) == history(first.folder)
    weights = [torch.load(run.folder / "best.ckpt", weights_only=True) for run in (first, second)]
    assert all(torch.equal(weights[0]["state_dict"][name], weights[1]["state_dict"][name])
               for name in weights[0]["state_dict"])  # fmt: skip
    assert torch.equal(weights[0][CONTENTS]["mean"], weights[1][CONTENTS]["mean"])
    assert second.card["metrics"]["val"] == first.card["metrics"]["val"]
    assert second.card["metrics"]["test"] != first.card["metrics"]["test"]


def test_the_leak_shows(ask):
    leaky, grouped = ask("split=leaky", "trainer.max_epochs=12"), ask("split=grouped", "trainer.max_epochs=12")
    accuracy = [run.card["metrics"]["test"]["window"]["accuracy"] for run in (leaky, grouped)]
    assert accuracy[0] > accuracy[1] + 0.1
    assert leaky.card["split"]["leakage_warning"].startswith("LEAKY SPLIT")
    assert leaky.card["split"]["tracks_in_train_and_test"] > 80
    assert grouped.card["split"]["leakage_warning"] is None


def test_a_best_test_epoch_is_chosen_and_named_as_such(ask):
    run = ask("trainer.best_epoch_on=test", "regularization=none", "trainer.max_epochs=12")
    of_test = [float(row["test/window_accuracy"]) for row in history(run.folder)]
    training = run.card["training"]
    assert training["monitor"] == "test/window_accuracy"
    assert training["best_epoch"] == of_test.index(max(of_test))
    assert run.card["metrics"]["test"]["window"]["accuracy"] == pytest.approx(max(of_test), abs=1e-6)
    assert run.card["leakage_warnings"] == ["EPOCH CHOSEN ON TEST: the score is that of the best test epoch"]
    (finding,) = (found for found in run.card["audit"]["findings"] if found["check"] == "epoch selection")
    assert finding["severity"] == "warning"
    honest = ask("regularization=none", "trainer.max_epochs=12")
    assert [row["train/loss"] for row in history(run.folder)] == [row["train/loss"] for row in history(honest.folder)]
    assert honest.card["metrics"]["test"]["window"]["accuracy"] <= max(of_test)
    assert "test/window_accuracy" not in history(honest.folder)[0]
    assert honest.card["leakage_warnings"] == []


@pytest.mark.parametrize("scaling", ["standard", "quantile"])
def test_a_scale_fitted_on_all_is_stamped_and_the_audit_agrees(ask, scaling):
    run = ask("features.scaling_fitted_on=all", f"features.scaling={scaling}", "split=leaky", "debug=fast")
    assert run.card["leakage_warnings"] == [
        "LEAKY SPLIT: slices of one track stand in train and test",
        "SCALE FITTED ON ALL: the normalisation has seen the test part",
    ]
    (finding,) = (found for found in run.card["audit"]["findings"] if found["check"] == "normalisation")
    assert finding["severity"] == "warning"
    assert finding["evidence"] == "Mean and scale are those of training, validation and test part together."


def test_a_failed_run_says_so_and_is_tried_again(ask, monkeypatch):
    whole = main_job.predict_all
    monkeypatch.setattr(main_job, "predict_all", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ask()
    monkeypatch.setattr(main_job, "predict_all", whole)
    (folder,) = (path for path in main_job.Path("outputs/runs").iterdir() if path.is_dir())
    card = json.loads((folder / "run.json").read_text())
    assert card["status"] == "failed"
    assert "ZeroDivisionError" in card["traceback"]
    assert card["finished"]
    result = ask()
    assert not result.reused
    assert "traceback" not in checked_card(folder)


def test_a_user_mistake_is_recorded_and_can_be_mended(ask, own_tables):
    with pytest.raises(GtzanError, match="part of the split is empty"):
        ask("split=artist", root=own_tables)
    (folder,) = (path for path in main_job.Path("outputs/runs").iterdir() if path.is_dir())
    card = json.loads((folder / "run.json").read_text())
    assert card["status"] == "failed"
    assert "GtzanError" in card["traceback"]


class Watch(main_job.Callback):
    """Remembers the epochs that were trained, and may press Ctrl-C at the start of one."""

    def __init__(self, stop_in=None):
        self.stop_in, self.epochs = stop_in, []

    def on_train_epoch_start(self, trainer, pl_module):  # noqa: ARG002
        if trainer.current_epoch == self.stop_in:
            raise KeyboardInterrupt
        self.epochs.append(trainer.current_epoch)


@pytest.mark.parametrize("model", ["mlp", "lstm"])
@pytest.mark.parametrize("stopped_in", [1, 4])
def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(ask, monkeypatch, model, stopped_in):
    recipe = ("regularization=strong", "regularization.patience=0", f"model={model}", "model.hidden_size=16")
    whole = ask(*recipe)
    shutil.move(whole.folder, "whole")

    callbacks = main_job._callbacks
    stopping, going_on = Watch(stopped_in), Watch()
    monkeypatch.setattr(main_job, "_callbacks", lambda *a: [*callbacks(*a), stopping])
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        ask(*recipe, "trainer.save_every_s=0")
    signal.signal(signal.SIGINT, before)  # Lightning leaves it ignored
    monkeypatch.setattr(main_job, "_callbacks", lambda *a: [*callbacks(*a), going_on])
    card = json.loads((whole.folder / "run.json").read_text())
    assert card["status"] == "interrupted"
    assert not (whole.folder / "predictions.csv").exists()

    resumed = ask(*recipe, "trainer.save_every_s=0")
    card = checked_card(resumed.folder)
    assert resumed.folder == whole.folder
    assert stopping.epochs + going_on.epochs == list(range(6))  # none is trained twice
    assert card["training"]["resumed"]
    assert card["metrics"] == whole.card["metrics"]
    assert predictions(resumed.folder) == predictions(main_job.Path("whole"))
    assert history(resumed.folder) == history(main_job.Path("whole"))


def test_a_killed_process_is_continued(ask, requested, first, tmp_path, checkout):
    """SIGKILL leaves no time to say goodbye: the record still says running, and the next call goes on."""
    code = (
        "import os, sys, signal\n"
        "from gtzan_lightning import train as t\n"
        "from gtzan_lightning.config.composition import compose\n"
        "class Kill(t.Callback):\n"
        "    def on_validation_start(self, trainer, module):\n"
        "        if trainer.current_epoch == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "own = t._callbacks\n"
        "t._callbacks = lambda *a: [*own(*a), Kill()]\n"
        "t.train(compose(sys.argv[1:]), overrides=sys.argv[1:])\n"
    )
    command = [requested[0], *FAST, f"outputs={tmp_path / 'outputs'}", "trainer.save_every_s=0"]
    done = subprocess.run([sys.executable, "-c", code, *command], cwd=checkout, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (folder,) = (path for path in (tmp_path / "outputs" / "runs").iterdir() if path.is_dir())
    assert json.loads((folder / "run.json").read_text())["status"] == "running"
    resumed = ask("trainer.save_every_s=0")
    assert resumed.folder == folder
    assert resumed.card["training"]["resumed"]
    assert predictions(folder) == predictions(first.folder)


def test_a_damaged_last_checkpoint_is_told_with_the_remedy(ask):
    run = ask()
    (run.folder / "run.json").write_text(json.dumps({"status": "interrupted"}))
    (run.folder / "last.ckpt").write_bytes((run.folder / "last.ckpt").read_bytes()[:1000])
    with pytest.raises(GtzanError, match=r"last\.ckpt: .*rerun=true"):
        ask()
    assert not ask("rerun=true").reused


def test_a_damaged_record_is_mended_by_a_rerun(ask):
    run = ask()
    (run.folder / "run.json").write_text("{")
    with pytest.raises(GtzanError, match=r"run\.json: damaged"):
        ask()
    assert checked_card(ask("rerun=true").folder)["metrics"] == run.card["metrics"]


def test_early_stopping_stops_and_survives_an_interruption(ask):
    run = ask("regularization.patience=2", "trainer.max_epochs=40", "model.lr=0.05")
    epochs = run.card["training"]["epochs"]
    assert epochs == run.card["training"]["best_epoch"] + 3 < 40
    assert (run.folder / "last.ckpt").is_file()


@pytest.mark.usefixtures("without_figures")
def test_a_named_folder_never_answers_with_the_run_of_another_question(tables_root, tmp_path):
    def into_the_same(*overrides):
        command = [f"data.root={tables_root}", *FAST, "debug=fast", *overrides]
        return train(compose(command), overrides=command, folder=tmp_path / "here")

    assert into_the_same().card["model"]["name"] == "MLP"
    assert into_the_same("model=lstm").card["model"]["name"] == "BiLSTM"
    assert json.loads((tmp_path / "here.1" / "run.json").read_text())["model"]["name"] == "MLP"
    assert into_the_same("model=lstm").reused


def test_a_split_is_repeated_from_its_manifest(ask, first):
    run = ask(f"split.manifest={first.folder / 'split.csv'}")
    assert (run.folder / "split.csv").read_bytes() == (first.folder / "split.csv").read_bytes()
    assert run.card["split"]["name"] == "manifest"
    assert run.card["split"]["sha256"] == first.card["split"]["sha256"]
    assert run.card["metrics"] == first.card["metrics"]


def test_a_leaky_manifest_must_be_called_leaky(ask):
    leaky = ask("split=leaky", "debug=fast")
    manifest = f"split.manifest={leaky.folder / 'split.csv'}"
    with pytest.raises(GtzanError, match="call the split leaky"):
        ask(manifest, "debug=fast")
    assert ask(manifest, "split=leaky", "debug=fast").card["split"]["leakage_warning"]


def test_the_fold_and_both_seeds_do_what_they_say(ask):
    base, other_seed, other_split, fold = (
        ask("debug=fast", *more) for more in ((), ("seed=1",), ("split.seed=1",), ("split.fold=1", "split.n_folds=5"))
    )
    sha = [run.card["split"]["sha256"] for run in (base, other_seed, other_split, fold)]
    assert sha[0] == sha[1]
    assert len(set(sha)) == 3
    assert predictions(base.folder) != predictions(other_seed.folder)
    assert fold.card["split"]["fold"] == 1
    assert fold.card["split"]["slices"] == {"train": 700, "val": 100, "test": 200}
