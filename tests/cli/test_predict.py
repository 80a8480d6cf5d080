"""`gtzan predict`: what it prints, writes and ends with."""

import csv
import io
import json
import shutil

import pytest

from gtzan_lightning.cli import main
from gtzan_lightning.config.composition import composed
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

NUMBERS = ("probability", "runner_up_probability", "agreement")


@pytest.fixture(scope="module")
def outputs(audio_root, tmp_path_factory):
    """One run, trained on three genres of made-up audio with slices of a second."""
    folder = tmp_path_factory.mktemp("predict") / "outputs"
    command = [f"data.root={audio_root}", f"outputs={folder}", "features=mfcc", "slice=3s", "slice.seconds=1"]
    command += ["trainer.max_epochs=2", "trainer.progress=false", "model.hidden_size=16"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        train(composed(command), overrides=command)
    return folder


@pytest.fixture
def ask(outputs, audio_root, tmp_path, monkeypatch, capsys):
    """`gtzan predict best ... --outputs FOLDER` in a folder with two clips, `music/one.wav` and `music/sub/one.wav`."""
    (tmp_path / "music" / "sub").mkdir(parents=True)
    shutil.copy(audio_root / "blues" / "blues.00000.wav", tmp_path / "music" / "one.wav")
    shutil.copy(audio_root / "rock" / "rock.00000.wav", tmp_path / "music" / "sub" / "one.wav")
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words, name="best"):
        status = main(["predict", name, *words, "--outputs", str(outputs)])
        return status, *capsys.readouterr()

    return run


def test_the_table_has_a_row_a_file_and_says_where_the_answers_come_from(ask):
    status, out, _ = ask("music")
    assert status == 0
    assert [line.split()[0] for line in out.splitlines() if line.strip().startswith("music/")] == [
        "music/one.wav",
        "music/sub/one.wav",
    ]
    assert "Answers of mlp-1s-grouped-mfcc" in out
    assert "Calibrated: temperature" in out


def test_csv_has_a_row_a_file_and_with_a_timeline_one_a_slice(ask):
    _, out, _ = ask("music", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["file"] for row in rows] == ["music/one.wav", "music/sub/one.wav"]
    assert [row["slices"] for row in rows] == ["3", "3"]
    _, out, _ = ask("music", "--format", "csv", "--timeline")
    timed = list(csv.DictReader(io.StringIO(out)))
    assert [(row["start_s"], row["stop_s"]) for row in timed[:2]] == [("", ""), ("0.0", "1.0")]
    assert len(timed) == 8
    for genre in ("blues", "jazz", "rock"):
        slices = [float(row[f"p_{genre}"]) for row in timed[1:4]]
        assert float(rows[0][f"p_{genre}"]) == pytest.approx(sum(slices) / 3, abs=1e-5)
    assert float(rows[0]["probability"]) == max(float(rows[0][f"p_{genre}"]) for genre in ("blues", "jazz", "rock"))


def test_json_holds_the_same(ask):
    table = next(csv.DictReader(io.StringIO(ask("music/one.wav", "--format", "csv")[1])))
    read = json.loads(ask("music/one.wav", "--format", "json", "--timeline")[1])
    (file,) = read["files"]
    assert {key: file[key] for key in NUMBERS} == {key: float(table[key]) for key in NUMBERS}
    assert file["probabilities"] == {genre: float(table[f"p_{genre}"]) for genre in ("blues", "jazz", "rock")}
    assert [row["start_s"] for row in file["timeline"]] == pytest.approx([0.0, 1.0, 2.0], abs=0.05)
    assert read["run"].startswith("mlp-1s-grouped-mfcc")


def test_as_trained_leaves_the_temperature_out(ask):
    plain = json.loads(ask("music/one.wav", "--format", "json", "--as-trained")[1])
    usual = json.loads(ask("music/one.wav", "--format", "json")[1])
    assert plain["files"][0]["probability"] != usual["files"][0]["probability"]
    assert "Probabilities are the model's own, as in predictions.csv." in plain["remarks"]


def test_a_timeline_is_a_picture_a_file(ask, tmp_path):
    status, _, err = ask("music", "--timeline", "--pictures", str(tmp_path / "pictures"))
    assert (status, err) == (0, f"Pictures: {tmp_path / 'pictures'}\n")
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"one.png", "one-2.png"}


def test_a_bad_file_is_named_and_tells_in_the_exit_status(ask, tmp_path):
    (tmp_path / "music" / "bad.wav").write_text("hello")
    status, out, _ = ask("music")
    assert status == 1
    assert "Skipped music/bad.wav: it is not audio that can be read" in out
    status, out, err = ask("music", "--format", "csv")
    assert status == 1
    assert "Skipped music/bad.wav" in err
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(out))}
    assert rows["music/bad.wav"]["error"].startswith("it is not audio")
    assert rows["music/bad.wav"]["genre"] == ""
    assert rows["music/one.wav"]["genre"] in ("blues", "jazz", "rock")
    status, out, _ = ask("music/bad.wav", "--format", "json")
    assert (status, list(json.loads(out)["files"][0])) == (1, ["file", "error"])


@pytest.mark.parametrize(
    ("words", "name", "said"),
    [
        (["*.xyz"], "best", "no file fits this pattern"),
        (["music"], "nothing", "no run has it in its name"),
        (["music", "--jobs", "0"], "best", "--jobs 0"),
    ],
)
def test_a_users_mistake_is_status_2(ask, words, name, said):
    status, _, err = ask(*words, name=name)
    assert status == 2
    assert said in err
