"""`gtzan audit` on a command line, on a manifest and on a run."""

import numpy as np
import pandas as pd
import pytest
import soundfile
import tiny

from gtzan_lightning.cli import main
from gtzan_lightning.cli.overrides_argument import configuration
from gtzan_lightning.config.composition import composed
from gtzan_lightning.datamodule.manifest import manifest_csv
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.training.audit_targets import planned
from gtzan_lightning.training.train import train


@pytest.fixture
def manifest(tables_root, tmp_path):
    """A grouped split as a file that a test may spoil."""
    data = planned(configuration([f"data.root={tables_root}", "split=grouped"])).data
    path = tmp_path / "split.csv"
    path.write_bytes(manifest_csv(data.corpus, data.slices, data.parts))
    return path


def test_a_sound_split_ends_with_status_0(tmp_path, capsys):
    root = tiny.write_tables(tmp_path / "tables", genres=("blues", "jazz", "rock"), tracks=20, windows=3)
    assert main(["audit", "split=artist", f"data.root={root}"]) == 0
    assert "nothing to object" in capsys.readouterr().out


def test_a_manifest_with_a_slipped_track_ends_with_status_1(tables_root, manifest, capsys):
    table = pd.read_csv(manifest)
    row = table.index[table["part"] == "train"][0]
    table.loc[row, "part"] = "test"
    table.to_csv(manifest, index=False)
    assert main(["audit", f"split.manifest={manifest}", f"data.root={tables_root}"]) == 1
    output = capsys.readouterr().out
    assert "tracks in several" in output
    assert table["track_id"][row] in output
    with pytest.raises(GtzanError, match=r"both train and test|in both train"):
        train(composed([f"split.manifest={manifest}", f"data.root={tables_root}", "debug=fast"]))


def test_liberties_that_a_command_line_takes_are_told_before_any_training(tables_root, capsys):
    liberties = ["features.scaling_fitted_on=all", "trainer.best_epoch_on=test"]
    assert main(["audit", *liberties, "split=grouped", f"data.root={tables_root}"]) == 0  # it says so itself
    output = capsys.readouterr().out
    assert "normalisation" in output
    assert "The epoch was chosen by test/window_accuracy" in " ".join(output.split())


def test_a_run_that_the_audit_refuses_is_on_record(tables_root, manifest, tmp_path):
    overrides = [f"split.manifest={manifest}", "split=artist", f"data.root={tables_root}", "debug=fast"]
    with pytest.raises(GtzanError, match="artists stand in several parts"):
        train(composed(overrides), folder=tmp_path / "run", overrides=overrides)
    record = pd.read_json(tmp_path / "run" / "run.json", typ="series")
    assert record["status"] == "failed"
    assert "error" in {finding["severity"] for finding in record["audit"]["findings"]}


def test_a_finished_run_is_audited_with_its_own_facts(tables_root, tmp_path, capsys):
    overrides = [f"data.root={tables_root}", "split=grouped", "debug=fast"]
    run = train(composed(overrides), folder=tmp_path / "run", overrides=overrides)
    assert {"normalisation", "epoch selection"} <= set(run.card["audit"]["checked"])
    sheet = tmp_path / "sheet.md"
    assert main(["audit", str(run.folder), "random_labels=track", "--sheet", str(sheet)]) == 0
    output = capsys.readouterr().out
    assert "Random labels by track" in output
    text = sheet.read_text()
    assert "### L1.2 pre-processing on training and test set\n\n- Checked, and nothing found: normalisation." in text
    assert run.card["split"]["sha256"] in text


def test_random_labels_labels_on_a_leaky_split(tables_root, capsys):
    assert main(["audit", "split=leaky", f"data.root={tables_root}", "random_labels=track"]) == 0
    assert "the split leaks" in capsys.readouterr().out


def test_the_default_probe_knows_voices_where_artists_are_asked_for(tables_root, capsys):
    main(["audit", f"data.root={tables_root}", "random_labels=track", "random_labels=artist", "--draws", "2"])
    output = capsys.readouterr().out
    assert "by track, probe nearest" in " ".join(output.split())
    assert "by artist, probe kernel" in " ".join(output.split())


def test_the_real_model_as_a_probe(tables_root, capsys):
    arguments = [
        "audit",
        f"data.root={tables_root}",
        "debug=fast",
        "random_labels=track",
        "--probe",
        "model",
        "--draws",
        "2",
    ]
    assert main(arguments) == 0
    assert "probe model" in capsys.readouterr().out


def test_shared_sound_is_heard(tmp_path, capsys):
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
def test_mistakes_are_told(tables_root, capsys, words, message):
    root = [] if "some-run" in words else [f"data.root={tables_root}"]
    assert main(["audit", *words, *root]) == 2
    assert message in capsys.readouterr().err
