"""Loading a trained run by folder, name or checkpoint, and loading untrusted checkpoints."""

import json
import shutil
import subprocess
import sys
from copy import deepcopy

import numpy as np
import pytest
import torch

import gtzan_lightning
from gtzan_lightning import load_run
from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import Config
from gtzan_lightning.corpus.feature_table import STATS_COLUMNS
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.calibration import with_temperature
from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.inference.trained_run import refuse_training_code
from gtzan_lightning.models.base import CONTENTS
from gtzan_lightning.runs.browser import best_run
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

FAST = ("trainer.max_epochs=2", "trainer.progress=false", "model.hidden_size=16")


@pytest.fixture(scope="module")
def outputs(tables_root, tmp_path_factory):
    """Runs of an MLP under two splits."""
    folder = tmp_path_factory.mktemp("trained") / "outputs"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        for split in ("grouped", "leaky"):
            command = [f"data.root={tables_root}", f"outputs={folder}", f"split={split}", *FAST]
            train(compose(command), overrides=command)
    return folder


@pytest.fixture(scope="module")
def run_folder(outputs):
    return best_run(outputs).path


@pytest.fixture
def changed(run_folder, tmp_path):
    """Writes the checkpoint with a changed state and contents."""

    def write(change):
        checkpoint = torch.load(run_folder / "best.ckpt", weights_only=True)
        change(checkpoint["state_dict"], checkpoint[CONTENTS])
        torch.save(checkpoint, tmp_path / "x.ckpt")
        return tmp_path / "x.ckpt"

    return write


def same(one, other):
    x = np.random.default_rng(0).normal(5, 2, size=(4, *one.shape)).astype(np.float32)
    return np.array_equal(one.probabilities(x), other.probabilities(x))


def test_folder_name_checkpoint_and_best_are_the_same_run(outputs, run_folder, tmp_path):
    alone = shutil.copy(run_folder / "best.ckpt", tmp_path / "song.ckpt")
    runs = [load_run(run_folder), load_run("mlp-3s-grouped", outputs=outputs), load_run("best", outputs=outputs)]
    assert all(same(run, load_run(alone)) for run in runs)
    assert {run.name for run in runs} == {run_folder.name}
    assert load_run(alone).card is None
    assert load_run(alone).name == "song.ckpt"


def test_a_checkpoint_alone_has_temperature_and_ood_score(run_folder, tmp_path):
    run = load_run(shutil.copy(run_folder / "best.ckpt", tmp_path))
    card = json.loads((run_folder / "run.json").read_text())
    assert run.temperature == card["calibration"]["temperature"]
    assert run.ood.least_s == 30.0
    assert run.ood.limit > 0


def test_an_older_checkpoint_has_neither(changed):
    run = load_run(changed(lambda _, contents: [contents.pop("temperature"), contents.pop("ood")]))
    assert (run.temperature, run.ood) == (None, None)


def test_probabilities_are_those_of_predictions_csv_with_the_temperature(run_folder, tables_root):
    run = load_run(run_folder)
    predictions = read_predictions(run_folder / "predictions.csv").only("test")
    table = {}
    for line in (tables_root / "features_3_sec.csv").read_text().splitlines()[1:]:
        name, *values, _ = line.split(",")
        genre, number, window, _ = name.split(".")
        table[f"{genre}.{number}", 3.0 * int(window)] = np.array(values, np.float64)
    rows = zip(predictions.track_id, predictions.start_s, strict=True)
    kept = [STATS_COLUMNS.index(column) for column in run.columns]
    x = np.array([table[row] for row in rows], np.float32)[:, None, kept]
    assert run.probabilities(x, calibrated=False) == pytest.approx(predictions.probabilities, abs=1e-6)
    calibrated = with_temperature(predictions, run.temperature).probabilities
    assert run.probabilities(x) == pytest.approx(calibrated, abs=1e-5)


def test_an_example_of_another_shape_raises(run_folder):
    with pytest.raises(ValueError, match=r"\(2, 55\).*\(1, 55\)"):
        load_run(run_folder).probabilities(np.zeros((3, 2, 55)))


def test_best_is_by_validation_without_leaky_and_unfinished_runs(outputs, run_folder, tmp_path):
    copy = shutil.copytree(outputs, tmp_path / "outputs")
    card = json.loads((run_folder / "run.json").read_text())

    def add(name, accuracy, **changes):
        folder = shutil.copytree(run_folder, copy / "runs" / name)
        own = deepcopy(card)
        own["metrics"]["val"]["clip"]["accuracy"], own["metrics"]["test"]["clip"]["accuracy"] = accuracy, 1 - accuracy
        (folder / "run.json").write_text(json.dumps(own | changes))

    add("better", 0.99)
    add("leaky", 1.0, leakage_warnings=["LEAKY"])
    add("failed", 1.0, status="failed")
    add("limited", 1.0, limits=["trainer.limit_batches=1"])
    add("old-debug", 1.0, limits=None, overrides=["debug=fast"])
    add("kept", 1.0, code={"changed": ["mlp.py"]})
    add("synthetic", 1.0, data=card["data"] | {"corpus": "synthetic", "sha256": "synthetic"}, finished="2999")
    add("older-corpus", 1.0, data=card["data"] | {"sha256": "other"}, finished="1999")
    assert best_run(copy).path.name == "better"
    with pytest.raises(GtzanError, match="no finished, unlimited run under split=grouped"):
        load_run("best", outputs=tmp_path)


def test_an_unfinished_run_raises(run_folder, tmp_path):
    folder = shutil.copytree(run_folder, tmp_path / "run")
    (folder / "run.json").write_text(json.dumps({"status": "interrupted"}))
    with pytest.raises(GtzanError, match="interrupted, not done"):
        load_run(folder)


def model_keys(**keys):
    return lambda _, contents: contents["config"]["model"].update(keys)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (model_keys(_target_="os.system"), "its model is os.system, whose code would run"),
        (model_keys(_target_="sklearn.utils.Bunch"), "is no model of gtzan-lightning"),
        (model_keys(_target_="gtzan_lightning.models.base.Nothing"), "is not in this version"),
        (model_keys(_target_="gtzan_lightning.models.base.LightningModule"), "is no model of gtzan-lightning"),
        (model_keys(hook={"_target_": "pathlib.Path.touch", "self": "trace"}), "could run code"),
        (model_keys(hook=[{"_target_": "pathlib.Path"}]), "could run code"),
        (model_keys(hook="${oc.env:HOME}"), "could run code"),
        (model_keys(_partial_=True), "could run code"),
        (model_keys(surplus=1), "model.surplus: MLP has no such argument"),
        (model_keys(hidden_size=10**9), "weights do not fit"),  # without allocating memory
        (lambda weights, _: weights.pop("head.bias"), "has head.bias of shape"),
        (lambda weights, _: weights.update(more=torch.zeros(2)), "the checkpoint"),
        (lambda _, contents: contents.update(shape=[1, 57]), "57 features"),
        (lambda _, contents: contents.update(columns=["one"]), "do not fit"),
        (lambda _, contents: contents.update(mean=torch.zeros(3)), "55 features"),
        (lambda _, contents: contents.update(temperature="hot"), "not those of a run"),
        (lambda _, contents: contents.update(temperature=-1.0), "a temperature of -1, which is not from 0.05 to 20"),
        (lambda _, contents: contents.update(temperature=1e-30), "a temperature of 1e-30"),
        (lambda weights, _: weights["head.bias"].fill_(np.nan), "head.bias has values that are no numbers"),
        (lambda _, contents: contents.update(scale=torch.zeros(55)), "not finite and positive"),
        (lambda _, contents: contents.update(shape=[10**8, 55]), "examples of 100000000 steps of 55 features"),
        (model_keys(num_layers=10**7), "model.num_layers=10000000, but the checkpoint has"),
        (lambda weights, _: weights.update(more=torch.zeros(1).expand(10**12)), "more has the size 4,000,000,000,000"),
        (lambda _, contents: contents["config"].pop("slice"), "slice: Field required"),
        (lambda _, contents: contents.update(ood={"rows": torch.zeros(10, 55)}), "no entry 'deviation'"),
    ],
)
def test_manipulated_checkpoints_raise(changed, change, message, tmp_path):
    with pytest.raises(GtzanError, match=message) as caught:
        load_run(changed(change))
    assert "x.ckpt" in str(caught.value) or "model" in str(caught.value)
    assert not (tmp_path / "trace").exists()


def foreign_training(contents):
    for key in ("optimizer", "scheduler"):
        contents["config"][key]["_target_"] = "stranger.Thing"


def test_classes_of_the_training_are_not_imported(changed, tmp_path):
    (tmp_path / "stranger.py").write_text("open('trace', 'w')\nclass Thing: pass\n")
    load_run(changed(lambda _, contents: foreign_training(contents)))
    assert not (tmp_path / "trace").exists()


def test_training_calls_only_trusted_classes(run_folder):
    contents = torch.load(run_folder / "best.ckpt", weights_only=True)[CONTENTS]
    refuse_training_code(run_folder, Config.model_validate(contents["config"]), ())
    foreign_training(contents)
    config = Config.model_validate(contents["config"])
    with pytest.raises(GtzanError, match=r"its optimizer is stranger\.Thing, whose code would run.*--trust stranger"):
        refuse_training_code(run_folder, config, ())
    refuse_training_code(run_folder, config, ["stranger"])


def test_importing_the_package_imports_no_dependency():
    code = "import sys, gtzan_lightning; print(sorted({'torch', 'numpy', 'hydra'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert callable(gtzan_lightning.predict)
    assert not hasattr(gtzan_lightning, "nothing")
