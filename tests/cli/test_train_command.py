"""`gtzan train` does what train.py does, from any folder."""

import json
import subprocess
import sys

import pytest

from gtzan_lightning.cli import main
from gtzan_lightning.training import results

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _without_figures(monkeypatch):
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    monkeypatch.setattr(sys, "argv", ["gtzan"])
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")


def test_a_run_is_trained_and_its_card_names_the_command(tables_root, tmp_path, capsys):
    words = [f"data.root={tables_root}", "model=lstm", "slice=6s", "debug=fast", "trainer.progress=false"]
    assert main(["train", *words]) == 0
    (card,) = [json.loads(path.read_text()) for path in (tmp_path / "outputs" / "runs").glob("*/run.json")]
    assert card["status"] == "done"
    assert card["command"] == " ".join(["gtzan train", *words])
    assert "lstm on" in capsys.readouterr().out


def test_its_help_is_that_of_the_training(capsys):
    assert main(["train", "--help"]) == 0
    assert "Groups and their members" in capsys.readouterr().out


def test_overrides_without_the_command_get_a_hint(capsys):
    assert main(["model=lstm", "slice=6s"]) == 2
    assert "Did you mean gtzan train model=lstm slice=6s?" in capsys.readouterr().err


def test_a_mistake_in_the_command_line_has_status_2_and_leaves_no_folder(tmp_path, capsys):
    assert main(["train", "model=lstn"]) == 2
    assert "Did you mean lstm?" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["lr=0.01"], "Did you mean model.lr=0.01"),
        (["epochs=8"], "Did you mean trainer.max_epochs=8?"),
        (["--model", "lstm"], "--model: unknown option. Write model=VALUE, without dashes."),
        (["split.manifest=nowhere.csv"], "split.manifest: there is no file nowhere.csv."),
    ],
)
def test_common_mistakes_get_the_right_hint_and_leave_no_folder(words, hint, tmp_path, capsys):
    assert main(["train", *words]) == 2
    assert hint in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_version(capsys):
    assert main(["train", "--version"]) == 0
    assert capsys.readouterr().out.startswith("gtzan-lightning ")


@pytest.mark.parametrize("music", ["song.mp3", "albums"])
def test_predict_without_a_run_gets_the_right_command(music, tmp_path, capsys):
    (tmp_path / "albums").mkdir()
    assert main(["predict", music]) == 2
    assert f"gtzan predict best {music}" in capsys.readouterr().err


def test_without_the_packages_the_message_says_how_to_install_them(checkout):
    done = subprocess.run([sys.executable, "-S", checkout / "train.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"train.py: {sys.executable} has no module ")
    assert "use .venv/bin/python train.py" in done.stderr
    assert "Traceback" not in done.stderr
