"""Deformed clips, and the scores of a run on them."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import MagicMock

import numpy as np
import pandas as pd
import pytest
import soundfile
import tiny

from gtzan_lightning.cli import main
from gtzan_lightning.config.composition import compose
from gtzan_lightning.corpus.tracks import Track
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.features import augmented_audio
from gtzan_lightning.inference import robustness_study
from gtzan_lightning.inference.robustness_study import DEFORMATIONS, RATE_HZ, RobustnessStudy, deformed, robustness
from gtzan_lightning.inference.trained_run import load_run
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

pytestmark = pytest.mark.slow

TIME_S = np.arange(3 * RATE_HZ) / RATE_HZ
TONES = (0.2 * np.sin(2 * np.pi * 500 * TIME_S) + 0.2 * np.sin(2 * np.pi * 6000 * TIME_S)).astype(np.float32)


@pytest.fixture
def clip(tmp_path):
    soundfile.write(tmp_path / "clip.wav", TONES, RATE_HZ)
    return tmp_path / "clip.wav"


def sound_of(clip, name, tmp_path):
    return soundfile.read(deformed(clip, name, 30.0, tmp_path), dtype="float32")[0]


def level_db(sound, hz):
    """Level of the loudest frequency within 10 Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    near = np.abs(np.fft.rfftfreq(len(sound), 1 / RATE_HZ) - hz) < 10
    return 20 * np.log10(spectrum[near].max() / (len(sound) / 4))


@pytest.mark.parametrize("name", DEFORMATIONS)
def test_every_deformation_is_audio_that_depends_on_clip_and_name_alone(clip, tmp_path, name):
    first, again = (sound_of(clip, name, tmp_path / folder) for folder in ("a", "b"))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first).max() <= 1
    factor = {"speed -3 %": 0.97, "speed +3 %": 1.03}.get(name, 1.0)
    assert len(first) == pytest.approx(len(TONES) / factor, abs=2)


@pytest.mark.parametrize(("name", "snr_db"), [("noise 20 dB", 20), ("noise 10 dB", 10), ("noise 0 dB", 0)])
def test_the_noise_has_its_level(clip, tmp_path, name, snr_db):
    noise = sound_of(clip, name, tmp_path) - TONES
    assert 10 * np.log10(np.mean(TONES**2) / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.3)  # clipping at 0 dB


def test_levels_and_bands(clip, tmp_path):
    quiet, loud = (sound_of(clip, name, tmp_path) for name in ("gain -12 dB", "gain +6 dB, clipped"))
    np.testing.assert_allclose(quiet, TONES * 10 ** (-12 / 20), atol=1e-4)
    np.testing.assert_allclose(loud, np.clip(TONES * 10 ** (6 / 20), -1, 1), atol=1e-4)
    for name in ("low-pass 4 kHz", "telephone"):
        sound = sound_of(clip, name, tmp_path)
        assert level_db(sound, 500) == pytest.approx(level_db(TONES, 500), abs=0.2)
        assert level_db(sound, 6000) < level_db(TONES, 6000) - 40
    assert level_db(sound_of(clip, "speed +3 %", tmp_path), 515) == pytest.approx(level_db(TONES, 500), abs=0.5)
    assert level_db(sound_of(clip, "MP3 64 kbit/s", tmp_path), 500) == pytest.approx(level_db(TONES, 500), abs=0.5)


def test_deformed_audio_is_computed_once(clip, tmp_path, monkeypatch):
    before = deformed(clip, "reverberation", 30.0, tmp_path)
    monkeypatch.setattr(robustness_study, "read_audio", None)
    assert deformed(clip, "reverberation", 30.0, tmp_path) == before
    assert [path.suffix for path in tmp_path.glob("deformed/*/*")] == [".flac"]


def test_only_rows_that_both_have_are_compared():
    def table(starts):
        rows = len(starts)
        return Predictions(["a"] * rows, starts, ["test"] * rows, ["x"] * rows, np.full((rows, 2), 0.5), ("x", "y"))

    one, other = robustness_study._common(table([0.0, 3.0]), table([0.0, 3.0, 6.0]))
    assert one.start_s.tolist() == other.start_s.tolist() == [0.0, 3.0]


@pytest.fixture
def run(audio_root, monkeypatch):
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    words = [f"data.root={audio_root}", "features=mfcc", "slice=3s", "trainer.max_epochs=2", "trainer.progress=false"]
    return load_run(train(compose(words), overrides=words).folder)


def test_a_run_on_its_own_test_clips(run, monkeypatch, capsys):
    def missing(*_):
        raise ModuleNotFoundError

    monkeypatch.setitem(DEFORMATIONS, "pitch -1 semitone", missing)
    for name in [name for name in DEFORMATIONS if name not in ("noise 0 dB", "pitch -1 semitone", "gain -12 dB")]:
        monkeypatch.delitem(DEFORMATIONS, name)
    found = robustness(run)
    assert found.table["condition"].tolist() == ["clean", "noise 0 dB", "gain -12 dB"]
    clean = found.table.iloc[0]
    test = run.card["metrics"]["test"]
    assert clean["window_accuracy"] == test["window"]["accuracy"]
    assert clean["clip_accuracy"] == test["clip"]["accuracy"]
    assert (clean["window_change"], clean["clip_change"]) == (0, 0)
    noisy = found.table.iloc[1]
    assert noisy["clip_change"] == pytest.approx(noisy["clip_accuracy"] - clean["clip_accuracy"])
    assert found.notes == ('pitch -1 semitone: not computed, since it needs pip install "gtzan-lightning[augment]".',)
    folder = run.path.parent
    assert pd.read_csv(folder / "robustness.csv")["condition"].tolist() == found.table["condition"].tolist()
    assert "| clean | " in (folder / "robustness.md").read_text()
    assert (folder / "robustness.png").is_file()
    assert main(["robustness", str(folder)]) == 0
    assert "noise 0 dB" in capsys.readouterr().out
    card = {**run.card, "study": {"outputs": "outputs"}}
    result = RobustnessStudy().analyse([card], [])
    assert result.tables[0].title == f"Robustness of {run.name}: {found.clips} test clips"
    assert list(result.figures) == [f"robustness_{run.name}"]


def test_noise_uses_the_augmentation_code():
    assert robustness_study.with_noise is augmented_audio.with_noise


def test_test_tracks_of_any_name_are_found(tmp_path, monkeypatch):
    tracks = tuple(Track(name, "rock", path=Path(f"{number}.wav")) for number, name in enumerate(("nan", "=x", "-1 a")))
    corpus = replace(tiny.corpus(), tracks=tracks)
    monkeypatch.setattr(robustness_study, "load_configured_corpus", lambda _: corpus)
    rows = ("nan,0,3,test", "'=x,0,3,test", "'-1 a,0,3,train")
    (tmp_path / "split.csv").write_text("\n".join(("track_id,start_s,stop_s,part", *rows)))
    found, files = robustness_study._test_clips(SimpleNamespace(config=MagicMock()), RunFolder(tmp_path))
    assert ([track.track_id for track in found], files) == (["nan", "=x"], [Path("0.wav"), Path("1.wav")])
