"""Runs on generated tables: what they write, repeat and refuse."""

import csv
import json
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from run_folder import checked_card, history, predictions

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.models.base import CONTENTS, GenreModule
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.training import results
from gtzan_lightning.training import train as main_job


@pytest.mark.parametrize(
    ("kind", "notices"),
    [("auto", [main_job.SYNTHETIC_NOTICE, main_job.NO_DATA_NOTICE]), ("synthetic", [main_job.SYNTHETIC_NOTICE])],
)
def test_the_notice_on_the_synthetic_corpus_fits_80_columns_and_asks_for_data_if_none_was_named(kind, notices, capsys):
    source, data = SimpleNamespace(location=None), SimpleNamespace(kind=kind)
    main_job._announce(SimpleNamespace(source=source, config=SimpleNamespace(data=data)), RunFolder(Path("lstm-6s")))
    shown = capsys.readouterr().out.splitlines()
    assert shown == ["Run lstm-6s", *notices]
    assert max(map(len, shown)) <= 80


def test_a_run_leaves_a_complete_folder(first, requested):
    card = checked_card(first.folder)
    assert first.card == card
    assert not first.reused
    assert card["run_id"] == first.folder.name
    assert card["overrides"] == requested
    assert card["split"]["slices"] == {"train": 700, "val": 100, "test": 200}
    assert card["split"]["tracks_in_train_and_test"] == 0
    assert card["features"] == {"name": "stats", "shape": [1, 55], "row_s": 3.0, "whole_clips": False}
    assert card["model"]["name"] == "MLP"
    assert card["metrics"]["test"]["window"]["cluster"] == "artist"
    assert card["training"]["epochs"] == 6
    assert {path.stem for path in first.folder.glob("figures/*.png")} == {
        *(f"{kind}_{level}" for kind in ("confusion", "genres") for level in ("window", "clip")),
        *("learning_curves", "reliability", "risk_coverage"),
    }


def test_the_card_has_the_calibration_and_the_predictions_stay_uncalibrated(first):
    from gtzan_lightning.evaluation.calibration import expected_calibration_error, fit_temperature
    from gtzan_lightning.evaluation.predictions import read_predictions

    calibration = first.card["calibration"]
    table = read_predictions(first.folder / "predictions.csv")
    assert calibration["temperature"] == fit_temperature(table.only("val"))
    assert calibration["test"]["before"]["ece"] == expected_calibration_error(table.only("test"))
    assert calibration["val"]["after"]["nll"] <= calibration["val"]["before"]["nll"]


def test_a_figure_that_cannot_be_drawn_is_noted_and_the_run_is_done(trained, monkeypatch):
    def fails(*_):
        raise ValueError("parse error")

    monkeypatch.setattr(results, "run_figures", fails)
    run = trained()
    assert run.card["data"]["notes"][-1] == "The figures could not be made: ValueError: parse error"
    assert checked_card(run.folder)["status"] == "done"


def test_a_limited_run_is_marked(trained):
    assert trained("debug=fast").card["limits"] == ["trainer.limit_batches=1"]


def test_another_process_gets_the_same_results(requested, first, tmp_path, checkout):
    code = (
        "import runpy, sys\n"
        "from gtzan_lightning.training import results\n"
        "results.run_figures = lambda *_: {}\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    command = [str(checkout / "train.py"), *requested, f"outputs={tmp_path / 'outputs'}"]
    done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=False)
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
    assert training["best_epoch"] == scores.index(max(scores)) + 1
    assert first.card["metrics"]["val"]["window"]["accuracy"] == pytest.approx(max(scores), abs=1e-6)


def test_the_history_has_every_epochs_own_scores_of_both_parts(first):
    rows = history(first.folder)
    assert [int(float(row["epoch"])) for row in rows] == list(range(1, 7))
    for part in ("train", "val"):
        losses = [float(row[f"{part}/loss"]) for row in rows]
        assert len(set(losses)) == 6
        assert losses[-1] < losses[0]
        assert all(row[f"{part}/{level}_accuracy"] for row in rows for level in ("window", "clip"))


def test_checkpoints_load_without_pickles_and_contain_what_prediction_needs(first):
    for name in ("best.ckpt", "last.ckpt"):
        checkpoint = torch.load(first.folder / name, weights_only=True)
        contents = checkpoint[CONTENTS]
        assert contents["genres"] == first.card["data"]["genres"]
        assert len(contents["columns"]) == len(contents["mean"]) == len(contents["scale"]) == 55
        assert contents["shape"] == [1, 55]
        assert contents["config"]["slice"]["seconds"] == 3
        assert contents["config"]["model"]["_target_"] == "gtzan_lightning.models.MLP"


def test_the_test_part_is_used_once_and_after_training(trained, monkeypatch):
    """Two tables that differ in the test part alone give the same training, the same best epoch, the same weights."""
    calls = []
    forward = GenreModule.predict_step
    monkeypatch.setattr(GenreModule, "predict_step", lambda self, batch, index: calls.append("predict") or
                        forward(self, batch, index))  # fmt: skip
    fit = GenreModule.on_train_epoch_end
    monkeypatch.setattr(GenreModule, "on_train_epoch_end", lambda self: calls.append("epoch") or fit(self))
    trained("seed=5")
    assert calls == ["epoch"] * 6 + ["predict"] * 4  # 700 training slices are two batches


def test_changing_the_test_part_changes_nothing_but_its_scores(trained, tables_root, tmp_path):
    import pandas as pd

    first = trained("seed=6")
    with (first.folder / "split.csv").open(newline="") as file:
        test_tracks = {row["track_id"] for row in csv.DictReader(file) if row["part"] == "test"}
    changed = tmp_path / "changed"
    shutil.copytree(tables_root, changed)
    table = pd.read_csv(changed / "features_3_sec.csv")
    in_test = table["filename"].str.rsplit(".", n=2).str[0].isin(test_tracks)
    assert in_test.sum() == 200
    table.loc[in_test, table.columns[2:-1]] = 1e3
    table.to_csv(changed / "features_3_sec.csv", index=False)

    second = trained("seed=6", root=changed)
    assert second.folder != first.folder
    assert history(second.folder) == history(first.folder)
    weights = [torch.load(run.folder / "best.ckpt", weights_only=True) for run in (first, second)]
    assert all(torch.equal(weights[0]["state_dict"][name], weights[1]["state_dict"][name])
               for name in weights[0]["state_dict"])  # fmt: skip
    assert torch.equal(weights[0][CONTENTS]["mean"], weights[1][CONTENTS]["mean"])
    assert second.card["metrics"]["val"] == first.card["metrics"]["val"]
    assert second.card["metrics"]["test"] != first.card["metrics"]["test"]


def test_the_leak_shows(trained):
    leaky, grouped = trained("split=leaky", "trainer.max_epochs=12"), trained("split=grouped", "trainer.max_epochs=12")
    accuracy = [run.card["metrics"]["test"]["window"]["accuracy"] for run in (leaky, grouped)]
    assert accuracy[0] > accuracy[1] + 0.1
    assert leaky.card["split"]["leakage_warning"].startswith("LEAKY SPLIT")
    assert leaky.card["split"]["tracks_in_train_and_test"] > 80
    assert grouped.card["split"]["leakage_warning"] is None


def test_model_selection_on_the_test_set_has_a_leakage_warning(trained):
    run = trained("trainer.best_epoch_on=test", "regularization=none", "trainer.max_epochs=12")
    of_test = [float(row["test/window_accuracy"]) for row in history(run.folder)]
    training = run.card["training"]
    assert training["monitor"] == "test/window_accuracy"
    assert training["best_epoch"] == of_test.index(max(of_test)) + 1
    assert run.card["metrics"]["test"]["window"]["accuracy"] == pytest.approx(max(of_test), abs=1e-6)
    assert run.card["leakage_warnings"] == ["MODEL SELECTION ON THE TEST SET: the score is that of the best test epoch"]
    (finding,) = (found for found in run.card["audit"]["findings"] if found["check"] == "epoch selection")
    assert finding["severity"] == "warning"
    honest = trained("regularization=none", "trainer.max_epochs=12")
    assert [row["train/loss"] for row in history(run.folder)] == [row["train/loss"] for row in history(honest.folder)]
    assert honest.card["metrics"]["test"]["window"]["accuracy"] <= max(of_test)
    assert "test/window_accuracy" not in history(honest.folder)[0]
    assert honest.card["leakage_warnings"] == []


@pytest.mark.parametrize("scaling", ["standard", "quantile"])
def test_normalisation_fitted_on_all_data_has_a_leakage_warning_and_an_audit_finding(trained, scaling):
    run = trained("features.scaling_fitted_on=all", f"features.scaling={scaling}", "split=leaky", "debug=fast")
    assert run.card["leakage_warnings"] == [
        "LEAKY SPLIT: slices of one track are in train and test",
        "NORMALISATION FITTED ON ALL DATA, the test part included",
    ]
    (finding,) = (found for found in run.card["audit"]["findings"] if found["check"] == "normalisation")
    assert finding["severity"] == "warning"
    assert finding["evidence"] == "Mean and scale are those of training, validation and test part together."


def test_a_failed_run_is_recorded_and_tried_again(trained, monkeypatch):
    whole = main_job.predict_all
    monkeypatch.setattr(main_job, "predict_all", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        trained()
    monkeypatch.setattr(main_job, "predict_all", whole)
    (folder,) = (path for path in main_job.Path("outputs/runs").iterdir() if path.is_dir())
    card = json.loads((folder / "run.json").read_text())
    assert card["status"] == "failed"
    assert "ZeroDivisionError" in card["traceback"]
    assert card["finished"]
    result = trained()
    assert not result.reused
    assert "traceback" not in checked_card(folder)


def test_an_error_of_the_user_is_recorded(trained, own_tables):
    with pytest.raises(GtzanError, match="part of the split is empty"):
        trained("split=artist", root=own_tables)
    (folder,) = (path for path in main_job.Path("outputs/runs").iterdir() if path.is_dir())
    card = json.loads((folder / "run.json").read_text())
    assert card["status"] == "failed"
    assert "GtzanError" in card["traceback"]


def test_a_split_is_repeated_from_its_manifest(trained, first):
    run = trained(f"split.manifest={first.folder / 'split.csv'}")
    assert (run.folder / "split.csv").read_bytes() == (first.folder / "split.csv").read_bytes()
    assert run.card["split"]["name"] == "manifest"
    assert run.card["split"]["sha256"] == first.card["split"]["sha256"]
    assert run.card["metrics"] == first.card["metrics"]


def test_a_leaky_manifest_must_be_called_leaky(trained):
    leaky = trained("split=leaky", "debug=fast")
    manifest = f"split.manifest={leaky.folder / 'split.csv'}"
    with pytest.raises(GtzanError, match="Assign each track to one part, or use split=leaky"):
        trained(manifest, "debug=fast")
    assert trained(manifest, "split=leaky", "debug=fast").card["split"]["leakage_warning"]


def test_fold_and_seeds_change_split_and_training(trained):
    base, other_seed, other_split, fold = (
        trained("debug=fast", *more)
        for more in ((), ("seed=1",), ("split.seed=1",), ("split.fold=1", "split.n_folds=5"))
    )
    sha = [run.card["split"]["sha256"] for run in (base, other_seed, other_split, fold)]
    assert sha[0] == sha[1]
    assert len(set(sha)) == 3
    assert predictions(base.folder) != predictions(other_seed.folder)
    assert fold.card["split"]["fold"] == 1
    assert fold.card["split"]["slices"] == {"train": 700, "val": 100, "test": 200}
