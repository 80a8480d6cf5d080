"""Looking at runs needs no permission to write; where writing is needed, the message names the file and the key."""

import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from reader import as_reader, set_modes

from gtzan_lightning.cli import main
from gtzan_lightning.config.composition import compose
from gtzan_lightning.sweeps.launch import launch
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(audio_root, tmp_path_factory):
    """`outputs` with two runs and an interrupted one, `music` and `cache`; readable by everyone, writable by nobody."""
    shared = Path(tempfile.mkdtemp(prefix="gtzan-read-only-"))  # pytest's own folders are closed to other users
    shutil.copytree(audio_root, shared / "music")
    (shared / "cache").mkdir()
    common = ["features=mfcc", "slice=3s", "slice.seconds=1", "trainer.max_epochs=2", "trainer.progress=false"]
    common += [f"data.root={shared / 'music'}", f"outputs={shared / 'outputs'}", "model.hidden_size=16"]
    common += [f"cache_dir={tmp_path_factory.mktemp('cache')}", "logger=none", "data.n_jobs=1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        for seed in (0, 1, 2):
            words = [*common, f"seed={seed}", "split.seed=0"]
            run = train(compose(words), overrides=words).folder
    (run / "run.json").write_text(json.dumps(json.loads((run / "run.json").read_text()) | {"status": "running"}))
    set_modes(shared, folders=0o555, files=0o444)
    yield shared
    set_modes(shared, folders=0o755, files=0o644)
    shutil.rmtree(shared)


@pytest.fixture
def gtzan(folder, monkeypatch):
    """`gtzan ...` in that folder, as a reader."""
    monkeypatch.setenv("GTZAN_CACHE", str(folder / "cache"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words):
        return as_reader(lambda: main(words), folder)

    return run


def names(folder):
    return sorted(path.name for path in (folder / "outputs" / "runs").iterdir() if path.is_dir())


def test_runs_are_listed_shown_compared_and_used(gtzan, folder):
    first, second, interrupted = names(folder)
    status, out, err = gtzan("runs", "ls")
    assert (status, err) == (0, "")
    assert "3 runs, test accuracy" in out
    assert "interrupted" in next(line for line in out.splitlines() if interrupted in line)
    for words, expected in (
        (("runs", "show", first), "mlp on music (36 tracks), split grouped"),
        (("runs", "diff", first, second), "seed"),
        (("compare", first, second), "Test accuracy, clip level, music, split grouped"),
        (("card", first), "# "),
        (("data", "check", "data.root=music", "data.n_jobs=1"), "36 tracks, audio"),
        (("cache", "ls"), "features of a file"),
    ):
        status, out, err = gtzan(*words)
        assert status == 0, words
        assert "denied" not in out + err, words
        assert expected in out, words


def test_best_predicts_without_a_cache_that_can_be_written(gtzan, folder):
    status, out, err = gtzan("predict", "best", "music/rock/rock.00000.wav", "--format", "csv")
    assert status == 0, err
    assert out.splitlines()[1].startswith("music/rock/rock.00000.wav,")
    assert not any((folder / "cache").iterdir())
    status, out, err = gtzan("predict", "best", "music/rock/rock.00000.wav", "--timeline")
    assert status == 2
    assert "rock.00000.wav" in out
    assert err == "outputs/timelines: Permission denied. Choose another file or folder with --pictures.\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("report",), "outputs/reports: the report cannot be written (", ),
        (("audit", "features=mfcc", "slice=3s", "data.root=music", "data.n_jobs=1", "cache_dir={free}", "--sheet=s.md"),
         "s.md: Permission denied. Choose another file or folder with --sheet.\n"),
        (("features", "features=mfcc", "data.root=music", "data.n_jobs=1", "cache_dir={free}", "--csv", "f.csv"),
         "f.csv: Permission denied. Choose another file or folder with --csv.\n"),
        (("data", "check", "data.root=music", "data.n_jobs=1", "--csv", "d.csv"),
         "d.csv: Permission denied. Choose another file or folder with --csv.\n"),
        (("features", "features=mfcc", "data.root=music", "data.n_jobs=1"),
         "the cache cannot be written there (Permission denied). Choose another folder with cache_dir=FOLDER"),
        (("features", "data=synthetic", "data.n_jobs=1"),
         "the cache cannot be written there (Permission denied). Choose another folder with cache_dir=FOLDER"),
        (("evaluate", "best", "data.root=music"), "no permission to write the result into this run folder. Copy it"),
        (("robustness", "best"), "no permission to write the result into this run folder. Copy it"),
        (("export", "best", "--to", "torch-export"), ".: no permission to write there. Name another file with"),
        (("data", "artists", "/dev/null", "--root", "music"), "/dev/null: a pipe or a device"),
        (("runs", "rm", "mlp-1s"), "`gtzan runs ls` lists them"),
    ],
)  # fmt: skip
def test_where_writing_is_needed_the_file_and_the_key_are_named(gtzan, words, message):
    with tempfile.TemporaryDirectory() as free:
        os.chmod(free, 0o777)
        status, _, err = gtzan(*(word.format(free=free) for word in words))
    assert status == 2
    assert message in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "Permission denied.\nPermission denied. Choose another folder with outputs=FOLDER"),
        (("-m", "seed=0,1"), "Permission denied. Choose another folder with outputs=FOLDER"),
        (("outputs={free}",), "(Permission denied). Choose another folder with cache_dir=FOLDER"),
    ],
)
def test_training_names_the_key_of_the_folder(folder, main_job, monkeypatch, words, message):
    monkeypatch.setenv("GTZAN_CACHE", str(folder / "cache"))
    monkeypatch.setattr("sys.argv", ["train.py"])
    fixed = (
        "data.root=music",
        "features=mfcc",
        "slice=3s",
        "seed=7",
        "debug=fast",
        "trainer.progress=false",
        "data.n_jobs=1",
    )
    with tempfile.TemporaryDirectory() as free:
        os.chmod(free, 0o777)
        given = [word.format(free=free) for word in words]
        keys = {word.partition("=")[0] for word in given}
        fixed = [word for word in fixed if word.partition("=")[0] not in keys]
        status, out, err = as_reader(lambda: launch(main_job, [*fixed, *given]), folder)
    assert status == 2, out
    assert message in err
    assert "Traceback" not in out + err
