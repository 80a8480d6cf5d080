"""The command `gtzan audit` on overrides, a manifest and a run."""

import os
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
import tiny

from gtzan_lightning.cli import main
from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.datamodule.manifest import manifest_csv
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.training.audit_targets import split_target
from gtzan_lightning.training.train import train

pytestmark = pytest.mark.slow


@pytest.fixture
def manifest(tables_root, tmp_path):
    """A grouped split as a file that a test may change."""
    data = split_target(validate_config(compose([f"data.root={tables_root}", "split=grouped"]))).data
    path = tmp_path / "split.csv"
    path.write_bytes(manifest_csv(data.corpus, data.slices, data.parts))
    return path


def test_a_split_without_leaks_exits_with_status_0(tmp_path, capsys):
    root = tiny.write_tables(tmp_path / "tables", genres=("blues", "jazz", "rock"), tracks=20, windows=3)
    assert main(["audit", "split=artist", f"data.root={root}"]) == 0
    assert "no errors or warnings" in capsys.readouterr().out


def test_a_manifest_with_a_track_in_two_parts_exits_with_status_1(tables_root, manifest, capsys):
    table = pd.read_csv(manifest)
    row = table.index[table["part"] == "train"][0]
    table.loc[row, "part"] = "test"
    table.to_csv(manifest, index=False)
    assert main(["audit", f"split.manifest={manifest}", f"data.root={tables_root}"]) == 1
    output = capsys.readouterr().out
    assert "tracks in several" in output
    assert table["track_id"][row] in output
    with pytest.raises(GtzanError, match=r"both train and test|in both train"):
        train(compose([f"split.manifest={manifest}", f"data.root={tables_root}", "debug=fast"]))


def test_declared_leaks_of_a_command_line_are_reported_before_any_training(tables_root, capsys):
    declared = ["features.scaling_fitted_on=all", "trainer.best_epoch_on=test"]
    assert main(["audit", *declared, "split=grouped", f"data.root={tables_root}"]) == 0  # declared leaks are warnings
    output = capsys.readouterr().out
    assert "normalisation" in output
    assert "The best epoch was selected by test/window_accuracy" in " ".join(output.split())


def test_a_run_that_the_audit_refuses_is_recorded_as_failed(tables_root, manifest, tmp_path):
    overrides = [f"split.manifest={manifest}", "split=artist", f"data.root={tables_root}", "debug=fast"]
    with pytest.raises(GtzanError, match="artists stand in several parts"):
        train(compose(overrides), folder=tmp_path / "run", overrides=overrides)
    record = pd.read_json(tmp_path / "run" / "run.json", typ="series")
    assert record["status"] == "failed"
    assert "error" in {finding["severity"] for finding in record["audit"]["findings"]}


def test_a_finished_run_is_audited_with_its_own_normalisation_and_epoch(tables_root, tmp_path, capsys):
    overrides = [f"data.root={tables_root}", "split=grouped", "debug=fast"]
    run = train(compose(overrides), folder=tmp_path / "run", overrides=overrides)
    assert {"normalisation", "epoch selection"} <= set(run.card["audit"]["checked"])
    sheet = tmp_path / "sheet.md"
    assert main(["audit", str(run.folder), "random_labels=track", "--sheet", str(sheet)]) == 0
    output = capsys.readouterr().out
    assert "Random labels by track" in output
    text = sheet.read_text()
    checked = "Checked, and nothing found: normalisation, scaling beforehand."
    assert f"### L1.2 pre-processing on training and test set\n\n- {checked}" in text
    assert run.card["split"]["sha256"] in text


def test_random_labels_reveal_a_leaky_split(tables_root, capsys):
    assert main(["audit", "split=leaky", f"data.root={tables_root}", "random_labels=track"]) == 0
    assert "the split leaks" in capsys.readouterr().out


def test_the_default_probe_for_artists_is_the_kernel(tables_root, capsys):
    main(["audit", f"data.root={tables_root}", "random_labels=track", "random_labels=artist", "--draws", "2"])
    output = capsys.readouterr().out
    assert "by track, probe nearest" in " ".join(output.split())
    assert "by artist, probe kernel" in " ".join(output.split())


def test_the_configured_model_as_a_probe(tables_root, capsys):
    arguments = ["debug=fast", "random_labels=track", "--probe", "model", "--draws", "2"]
    assert main(["audit", f"data.root={tables_root}", *arguments]) == 0
    assert "probe model" in capsys.readouterr().out


def test_a_model_of_ones_own_command_line_needs_no_trust(tables_root, tmp_path, capsys):
    (tmp_path / "ownpkg.py").write_text("from gtzan_lightning.models import MLP\nclass Mine(MLP): pass\n")
    arguments = ["debug=fast", "model._target_=ownpkg.Mine", "random_labels=track", "--probe", "model", "--draws", "2"]
    assert main(["audit", f"data.root={tables_root}", *arguments]) == 0, capsys.readouterr().err


def test_fingerprints_find_shared_sound(tmp_path, capsys):
    root = tiny.write_audio(tmp_path / "music", genres=("jazz", "rock"), tracks=10)
    random = np.random.default_rng(0)
    for path in sorted(root.rglob("*.wav")):
        soundfile.write(path, np.repeat(random.normal(size=64), 1100) * 0.1 * random.normal(size=70_400), tiny.RATE_HZ)
    copied, rate = soundfile.read(root / "jazz" / "jazz.00003.wav")
    soundfile.write(root / "rock" / "rock.00007.wav", 0.3 * copied[2000:], rate)
    arguments = ["audit", "data=folder", f"data.root={root}", "features=mfcc", "slice=2s", "data.n_jobs=1"]
    main([*arguments, "--fingerprint"])
    assert "jazz.00003 ~ rock.00007" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["random_labels=genre"], "random_labels=genre: no such cluster"),
        (["some-run", "split=leaky"], "give one run, or the overrides"),
        (["some-run"], "no run has it in its name"),
        (["--fingerprint"], "no audio files"),
    ],
)
def test_wrong_arguments_are_explained(tables_root, capsys, words, message):
    root = [] if "some-run" in words else [f"data.root={tables_root}"]
    assert main(["audit", *words, *root]) == 2
    assert message in capsys.readouterr().err


def test_files_with_other_time_stamps_and_the_same_content_are_not_called_changed(audio_root, tmp_path, capsys):
    root = shutil.copytree(audio_root, tmp_path / "music")
    command = [f"data.root={root}", "features=mfcc", "slice=3s", "trainer.max_epochs=1", "trainer.progress=false"]
    command += ["model.hidden_size=8", "logger=none", "data.n_jobs=1"]
    run = train(compose(command), overrides=command).folder
    assert main(["audit", run.name]) == 0
    for path in root.rglob("*.wav"):
        content = path.read_bytes()
        path.unlink()
        path.write_bytes(content)
        os.utime(path, (10**9, 10**9))
    assert main(["audit", run.name]) == 0
    capsys.readouterr()
    content = (root / "blues" / "blues.00000.wav").read_bytes()
    (root / "blues" / "blues.00000.wav").write_bytes(content[:-2] + b"\1\1")
    assert main(["audit", run.name]) == 2
    assert "its corpus has changed since" in capsys.readouterr().err
