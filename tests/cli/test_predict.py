"""`gtzan predict`: output, figures and exit status."""

import csv
import io
import json
import re
import shutil

import pytest

from gtzan_lightning.cli import main
from gtzan_lightning.config.composition import compose
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

pytestmark = pytest.mark.slow

NUMBERS = ("probability", "runner_up_probability", "agreement")


@pytest.fixture(scope="module")
def outputs(audio_root, tmp_path_factory):
    """One run, trained on three genres of made-up audio with slices of a second."""
    folder = tmp_path_factory.mktemp("predict") / "outputs"
    command = [f"data.root={audio_root}", f"outputs={folder}", "features=mfcc", "slice=3s", "slice.seconds=1"]
    command += ["trainer.max_epochs=2", "trainer.progress=false", "model.hidden_size=16"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        train(compose(command), overrides=command)
    return folder


@pytest.fixture
def predict(outputs, audio_root, tmp_path, monkeypatch, capsys):
    """`gtzan predict best ... --outputs FOLDER` in a folder with two clips, `music/one.wav` and `music/sub/one.wav`."""
    (tmp_path / "music" / "sub").mkdir(parents=True)
    shutil.copy(audio_root / "blues" / "blues.00000.wav", tmp_path / "music" / "one.wav")
    shutil.copy(audio_root / "rock" / "rock.00000.wav", tmp_path / "music" / "sub" / "one.wav")
    monkeypatch.setenv("COLUMNS", "160")

    def run(*words, name="best"):
        status = main(["predict", name, *words, "--outputs", str(outputs)])
        return status, *capsys.readouterr()

    return run


def test_the_table_has_a_row_per_file_and_remarks_on_the_run(predict):
    status, out, _ = predict("music")
    assert status == 0
    assert re.findall(r"^ (music/\S+)  ", out, re.MULTILINE) == ["music/one.wav", "music/sub/one.wav"]
    assert "Predictions of mlp-1s-grouped-mfcc" in out
    assert "Calibrated: temperature" in out


def test_a_narrow_terminal_shows_every_number(predict, monkeypatch):
    (row,) = csv.DictReader(io.StringIO(predict("music/one.wav", "--format", "csv")[1]))
    monkeypatch.setenv("COLUMNS", "40")
    lines = predict("music/one.wav")[1].splitlines()
    place = lines.index("music/one.wav")
    genres = [f"{row[name]} {float(row[f'{name}_probability' if name == 'runner_up' else 'probability']):.2f}"
              for name in ("genre", "runner_up")]  # fmt: skip
    shown = " ".join(line.strip() for line in lines[place + 1 : place + 3])
    assert shown.startswith(f"genre {genres[0]}, runner-up {genres[1]}, agree {float(row['agreement']):.0%}")
    assert max(map(len, lines[: place + 3])) <= 40


def test_csv_has_a_row_per_file_and_with_a_timeline_per_slice(predict):
    _, out, _ = predict("music", "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["file"] for row in rows] == ["music/one.wav", "music/sub/one.wav"]
    assert [row["slices"] for row in rows] == ["3", "3"]
    _, out, _ = predict("music", "--format", "csv", "--timeline")
    timed = list(csv.DictReader(io.StringIO(out)))
    assert [(row["start_s"], row["stop_s"]) for row in timed[:2]] == [("", ""), ("0.0", "1.0")]
    assert len(timed) == 8
    for genre in ("blues", "jazz", "rock"):
        slices = [float(row[f"p_{genre}"]) for row in timed[1:4]]
        assert float(rows[0][f"p_{genre}"]) == pytest.approx(sum(slices) / 3, abs=1e-5)
    assert float(rows[0]["probability"]) == max(float(rows[0][f"p_{genre}"]) for genre in ("blues", "jazz", "rock"))


def test_json_has_the_values_of_the_csv(predict):
    table = next(csv.DictReader(io.StringIO(predict("music/one.wav", "--format", "csv")[1])))
    read = json.loads(predict("music/one.wav", "--format", "json", "--timeline")[1])
    (file,) = read["files"]
    assert {key: file[key] for key in NUMBERS} == {key: float(table[key]) for key in NUMBERS}
    assert file["probabilities"] == {genre: float(table[f"p_{genre}"]) for genre in ("blues", "jazz", "rock")}
    assert [row["start_s"] for row in file["timeline"]] == pytest.approx([0.0, 1.0, 2.0], abs=0.05)
    assert read["run"].startswith("mlp-1s-grouped-mfcc")


def test_uncalibrated_omits_the_temperature(predict):
    plain = json.loads(predict("music/one.wav", "--format", "json", "--uncalibrated")[1])
    usual = json.loads(predict("music/one.wav", "--format", "json")[1])
    assert plain["files"][0]["probability"] != usual["files"][0]["probability"]
    assert "Uncalibrated: probabilities without the temperature, as in predictions.csv." in plain["remarks"]


def test_a_timeline_is_a_figure_per_file(predict, tmp_path):
    status, _, err = predict("music", "--timeline", "--pictures", str(tmp_path / "pictures"))
    assert (status, err) == (0, f"Pictures: {tmp_path / 'pictures'}\n")
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {"one.png", "one-2.png"}


def test_a_bad_file_is_listed_and_sets_the_exit_status(predict, tmp_path):
    (tmp_path / "music" / "bad.wav").write_text("hello")
    status, out, _ = predict("music")
    assert status == 1
    assert "Skipped music/bad.wav: it is not audio that can be read" in out
    status, out, err = predict("music", "--format", "csv")
    assert status == 1
    assert "Skipped music/bad.wav" in err
    rows = {row["file"]: row for row in csv.DictReader(io.StringIO(out))}
    assert rows["music/bad.wav"]["error"].startswith("it is not audio")
    assert rows["music/bad.wav"]["genre"] == ""
    assert rows["music/one.wav"]["genre"] in ("blues", "jazz", "rock")
    status, out, _ = predict("music/bad.wav", "--format", "json")
    assert (status, list(json.loads(out)["files"][0])) == (1, ["file", "error"])


@pytest.mark.parametrize(
    ("words", "name", "message"),
    [
        (["*.xyz"], "best", "no file fits this pattern"),
        (["music"], "nothing", "no run has it in its name"),
        (["music", "--jobs", "0"], "best", "--jobs 0"),
    ],
)
def test_invalid_arguments_are_status_2(predict, words, name, message):
    status, _, err = predict(*words, name=name)
    assert status == 2
    assert message in err
