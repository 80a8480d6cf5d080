"""`gtzan export` and `gtzan card`: files for use without the package, verified before they are written."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest

from gtzan_lightning.cli import main
from gtzan_lightning.features.kinds.stats import DROPPED
from gtzan_lightning.inference import export_formats as formats
from gtzan_lightning.inference import exporting
from gtzan_lightning.runs.run_card import LEAKY_WARNING

pytestmark = pytest.mark.slow


@pytest.fixture
def export(three_runs, capsys):
    """`gtzan export ...`: its exit status, output and message."""

    def run(*arguments, outputs=three_runs):
        status = main(["export", *arguments, "--outputs", str(outputs)])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def lstm(three_runs):
    """The folder of the run with an LSTM."""
    (folder,) = (three_runs / "runs").glob("lstm-3s-grouped*")
    return folder


@pytest.fixture
def mlp(three_runs):
    """The folder of the run with an MLP, which is exported faster."""
    (folder,) = (three_runs / "runs").glob("mlp-3s-grouped*")
    return folder


def files():
    return sorted(path.name for path in Path().iterdir())


def test_rows_of_the_table_give_the_calibrated_predictions_of_the_run(export, lstm, tables_root):
    status, out, _ = export("lstm", "--to", "onnx", "--output", "m.onnx")
    assert status == 0
    assert out.splitlines()[:3] == ["m.onnx", "m.json", "m.md"]
    assert files() == ["m.json", "m.md", "m.onnx"]
    table = pd.read_csv(tables_root / "features_3_sec.csv").set_index("filename").drop(columns="label")
    predictions = pd.read_csv(lstm / "predictions.csv")
    names = [f"{row.track_id}.{row.start_s / 3:.0f}.wav" for row in predictions.itertuples()]
    (p,) = onnxruntime.InferenceSession("m.onnx").run(
        None, {"features": table.loc[names].drop(columns=list(DROPPED)).to_numpy("f4")[:, None]}
    )
    card, sheet = json.loads((lstm / "run.json").read_text()), json.loads(Path("m.json").read_text())
    tempered = predictions[[f"p_{genre}" for genre in sheet["output"]["genres"]]].to_numpy() ** (
        1 / card["calibration"]["temperature"]
    )
    np.testing.assert_allclose(p, tempered / tempered.sum(axis=1, keepdims=True), atol=1e-5)
    line = out.splitlines()[3]
    assert line.startswith("Largest difference from the original: ")
    assert float(line.split()[5].rstrip(",")) < 1e-5
    assert line.endswith("on 256 slices of the run's own validation and test parts.")


def test_the_sheet_describes_the_input(export, mlp, tables_root):
    assert export("mlp-3s-grouped", "--to", "torch-export")[0] == 0
    assert files() == [f"{mlp.name}{suffix}" for suffix in (".json", ".md", ".pt2")]
    sheet = json.loads(Path(f"{mlp.name}.json").read_text())
    columns = pd.read_csv(tables_root / "features_3_sec.csv", nrows=0).columns[1:-1].tolist()
    assert sheet["features"]["computed"] == columns
    assert sheet["features"]["columns"] == [column for column in columns if column not in DROPPED]
    assert sheet["input"]["shape"] == ["batch", 1, 55]
    assert sheet["output"]["shape"] == ["batch", 10]
    assert sheet["audio"]["sample_rate_hz"] == 22050
    assert sheet["slicing"] == {"seconds": 3, "steps": 1, "rows_per_step": 1, "rows_per_hop": 1}
    assert np.shape(sheet["standardisation"]["quantiles"]) == (55, 256)
    assert sheet["model"]["file"] == f"{mlp.name}.pt2"


def test_nothing_is_overwritten_without_the_option(export):
    Path("m.json").write_text("mine")
    status, out, message = export("mlp-3s-grouped", "--to", "torch-export", "--output", "m.pt2")
    assert (status, out) == (2, "")
    assert "m.json: exists already" in message
    assert "--overwrite" in message
    assert files() == ["m.json"]
    assert Path("m.json").read_text() == "mine"
    assert export("mlp-3s-grouped", "--to", "torch-export", "--output", "m.pt2", "--overwrite")[0] == 0
    assert json.loads(Path("m.json").read_text())["schema"] == 1


@pytest.mark.parametrize("error", [2e-4, np.nan])
def test_a_file_with_other_predictions_is_refused_and_removed(export, monkeypatch, error):
    whole = formats.FORMATS["torch-export"]
    broken = replace(whole, run=lambda path, x: whole.run(path, x) + np.float32(error))
    monkeypatch.setitem(exporting.FORMATS, "torch-export", broken)
    status, out, message = export("mlp-3s-grouped", "--to", "torch-export")
    assert (status, out) == (2, "")
    assert f"differ by up to {error} from the original's" in message
    assert "0.0001 is allowed" in message
    assert files() == []


def test_the_comparison_detects_a_wrong_standardisation(export, monkeypatch):
    monkeypatch.setattr(exporting, "PortableModel", lambda model, scale, t: formats.PortableModel(
        model, replace(scale, quantiles=scale.quantiles * 1.1), t))  # fmt: skip
    assert "not written" in export("mlp-3s-grouped", "--to", "torch-export")[2]
    assert files() == []


def test_a_missing_extra_is_reported_before_any_work(export, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None if name == "onnxscript" else name)
    status, _, message = export("mlp-3s-grouped", "--to", "onnx")
    assert status == 2
    assert message.startswith("--to onnx needs onnxscript, which is not installed.\n")
    assert 'pip install "gtzan-lightning[export]"' in message
    assert export("mlp-3s-grouped", "--to", "torch-export")[0] == 0  # needs none of them


@pytest.mark.parametrize(
    ("output", "message"), [("m.pt2", "should end in .onnx"), ("nowhere/m.onnx", "nowhere: there is no such folder")]
)
def test_invalid_names_are_refused(export, output, message):
    assert message in export("mlp-3s-grouped", "--to", "onnx", "--output", output)[2]
    assert files() == []


def test_a_checkpoint_alone_is_compared_on_drawn_examples_and_has_no_card(export, mlp):
    shutil.copy(mlp / "best.ckpt", "alone.ckpt")
    status, out, _ = export("alone.ckpt", "--to", "torch-export")
    assert status == 0
    assert files() == ["alone.ckpt", "alone.json", "alone.pt2"]
    assert "on 256 examples drawn from the distribution of each feature" in out


def test_changed_data_are_not_used_for_the_comparison(export, mlp, tmp_path):
    shutil.copytree(mlp, tmp_path / "run")
    card = json.loads((tmp_path / "run" / "run.json").read_text())
    card["data"]["sha256"] = "0" * 64
    (tmp_path / "run" / "run.json").write_text(json.dumps(card))
    assert "the run's data are unavailable" in export(str(tmp_path / "run"), "--to", "torch-export")[1]


def test_an_unfinished_run_is_refused(export, mlp, tmp_path):
    shutil.copytree(mlp, tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text(json.dumps({"status": "interrupted"}))
    assert "interrupted, not done" in export(str(tmp_path / "run"), "--to", "onnx")[2]


def test_the_card_of_a_leaky_run_begins_with_the_warning(three_runs, capsys):
    assert main(["card", "mlp-3s-leaky", "--outputs", str(three_runs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("# Model card: mlp-3s-leaky")
    assert lines[2] == f"**{LEAKY_WARNING}.**"
