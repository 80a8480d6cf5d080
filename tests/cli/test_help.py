"""Help and configuration are printed without importing torch."""

import subprocess
import sys

import pytest

from gtzan_lightning import cli


def run(checkout, *arguments):
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=checkout)


HEAVY = ("torch", "lightning", "pandas", "sklearn", "matplotlib", "scipy", "torchaudio", "numba")
SPY = (
    "import runpy, sys\n"
    "sys.argv = sys.argv[1:]\n"
    "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
    "finally:\n    print('LOADED', sorted({name.split('.')[0] for name in sys.modules}), file=sys.stderr)\n"
)


@pytest.mark.slow
@pytest.mark.parametrize("option", [["--help"], ["--cfg", "job"], ["--cfg", "job", "model=lstm", "slice=6s"]])
def test_help_and_configuration_load_nothing_heavy(checkout, option):
    done = run(checkout, "-c", SPY, "train.py", *option)
    assert done.returncode == 0, done.stderr
    loaded = done.stderr.rpartition("LOADED ")[2]
    assert [name for name in HEAVY if f"'{name}'" in loaded] == []
    if option == ["--help"]:
        for words in ("python train.py model=lstm slice=6s split=grouped", "model: convlstm, forest, knn",
                      "split: artist, filtered, grouped, leaky", "max_epochs: 60"):  # fmt: skip
            assert words in done.stdout
    elif "slice=6s" in option:
        assert "seconds: 6" in done.stdout
        assert "_target_: gtzan_lightning.models.BiLSTM" in done.stdout


def test_the_package_itself_loads_nothing_heavy(checkout):
    code = (
        "import gtzan_lightning, gtzan_lightning.errors, sys; print(gtzan_lightning.__version__, sorted(sys.modules))"
    )
    done = run(checkout, "-c", code)
    assert done.returncode == 0, done.stderr
    assert [name for name in (*HEAVY, "numpy", "hydra") if f"'{name}'" in done.stdout] == []


def test_the_configuration_can_be_shown_in_this_process_too(command):
    ended = command("--cfg", "job", "model=reslstm")
    assert ended.status == 0
    assert "gtzan_lightning.models.ResLSTM" in ended.out
    assert ended.cards() == {}


def test_options_stand_anywhere(monkeypatch):
    parsed = {}
    monkeypatch.setattr("gtzan_lightning.cli.predict._run", lambda arguments: parsed.update(vars(arguments)))
    assert cli.main(["predict", "RUN", "a.wav", "--jobs", "2", "b.wav", "--trust", "mypkg", "c.wav"]) == 0
    assert (parsed["run_name"], parsed["files"]) == ("RUN", ["a.wav", "b.wav", "c.wav"])
    assert (parsed["jobs"], parsed["trust"]) == (2, ["mypkg"])


@pytest.mark.parametrize(
    ("words", "positional"),
    [
        (["predict", "run", "a.wav", "--format", "csv", "b.wav"], {"run_name": "run", "files": ["a.wav", "b.wav"]}),
        (["predict", "--format", "csv", "run", "a.wav"], {"run_name": "run", "files": ["a.wav"]}),
        (["predict", "run", "--trust", "mypkg", "a.wav", "--jobs", "2", "b.wav"], {"files": ["a.wav", "b.wav"]}),
        (["audit", "split=grouped", "--draws", "3", "seed=1"], {"words": ["split=grouped", "seed=1"]}),
        (["data", "check", "a=1", "-cd", "conf", "b=2"], {"overrides": ["a=1", "b=2"]}),
        (["export", "--to", "onnx", "run", "--overwrite"], {"run_name": "run"}),
    ],
)
def test_arguments_and_options_in_any_order(words, positional):
    parsed = vars(cli._parsed(cli.parser(), words))
    assert {name: parsed[name] for name in positional} == positional


def test_the_home_folder_is_expanded_in_options_and_variables(tmp_path, tables_root, monkeypatch, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GTZAN_CACHE", "~/cache")
    assert cli.main(["audit", f"data.root={tables_root}", "--sheet=~/sheet.md"]) == 0
    assert (tmp_path / "sheet.md").is_file()
    assert cli.main(["cache", "ls"]) == 0
    assert str(tmp_path / "cache") in "".join(capsys.readouterr().out.split())
