"""Predictions for audio files: preprocessing as in training, warnings, skipped files."""

import shutil
from dataclasses import replace

import joblib
import numpy as np
import pytest
import soundfile
import soxr

from gtzan_lightning import load_run, predict
from gtzan_lightning.config.composition import compose
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.calibration import with_temperature
from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

pytestmark = pytest.mark.slow

RATE_HZ = 22_050
FAST = ("trainer.max_epochs=2", "trainer.progress=false", "model.hidden_size=16")
KINDS = {
    "stats": ("slice=3s",),
    "windows": ("features.window_s=1", "slice=2s", "slice.hop_s=1", "model=lstm"),
    "whole": ("slice=30s", "slice.step_s=30"),
    "mfcc": ("features=mfcc", "slice=3s", "slice.seconds=1", "features.sample_rate_hz=16000"),
    "logmel": ("features=logmel", "features.deltas=true", "slice=2s", "slice.hop_s=0.5", "slice.step_s=0.1"),
}


@pytest.fixture(scope="module")
def runs(audio_root, tmp_path_factory):
    """A run of each kind of features, on the same clips."""
    outputs = tmp_path_factory.mktemp("predicting") / "outputs"

    def trained(words):
        command = [f"data.root={audio_root}", f"outputs={outputs}", *FAST, *words]
        return load_run(train(compose(command), overrides=command).folder)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        yield {kind: trained(words) for kind, words in KINDS.items()}


@pytest.fixture
def write(tmp_path):
    """Writes noise under a tone, and returns the path."""

    def noise(name, seconds, rate_hz=RATE_HZ, channels=1):
        random = np.random.default_rng(0)
        tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate_hz)) / rate_hz)
        sound = np.repeat((tone + 0.05 * random.normal(size=len(tone)))[:, None], channels, axis=1)
        soundfile.write(tmp_path / name, sound, rate_hz)
        return tmp_path / name

    return noise


@pytest.mark.parametrize("kind", KINDS)
def test_every_clip_of_the_corpus_gets_its_rows_of_predictions_csv(runs, audio_root, kind):
    run = runs[kind]
    table = read_predictions(run.path.parent / "predictions.csv")
    predictions = predict(run, audio_root, calibrated=False)
    assert len(predictions) == 36
    for prediction in predictions:
        rows = table.rows(table.track_id == prediction.path.stem)
        assert prediction.start_s == pytest.approx(rows.start_s)
        assert prediction.probabilities == pytest.approx(rows.probabilities, abs=1e-6)
    calibrated = predict(run, predictions[0].path)[0]
    rows = with_temperature(table.rows(table.track_id == predictions[0].path.stem), run.temperature)
    assert calibrated.probabilities == pytest.approx(rows.probabilities, abs=1e-5)


def test_features_of_the_training_are_found_in_the_cache(runs, audio_root, monkeypatch):
    from gtzan_lightning.features import extraction

    monkeypatch.setattr(extraction, "analyse_file", None)
    assert len(predict(runs["mfcc"], audio_root / "jazz")) == 12


def test_the_whole_of_a_long_file_is_used_although_training_reads_two_minutes(runs, write):
    (prediction,) = predict(runs["stats"], write("song.wav", 130.0))
    assert len(prediction.start_s) == 43
    assert prediction.stop_s[-1] == 129.0


def test_statistics_of_whole_clips_are_taken_of_pieces_as_long_as_a_training_clip(runs, write):
    (prediction,) = predict(runs["whole"], write("song.wav", 10.0))
    assert prediction.start_s == pytest.approx([0.0, 3.2, 6.4])
    (prediction,) = predict(runs["whole"], write("clip.wav", 3.3))
    assert prediction.start_s.tolist() == [0.0]


def test_a_clip_that_is_longer_than_most_in_training_is_one_piece(audio_root, tmp_path, monkeypatch):
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    shutil.copytree(audio_root, tmp_path / "music")
    for path in (tmp_path / "music").glob("*/*[1-9].wav"):
        sound, rate_hz = soundfile.read(path)
        soundfile.write(path, sound[: int(2.2 * rate_hz)], rate_hz)  # most clips; the others have 3.2 s
    command = [f"data.root={tmp_path / 'music'}", f"outputs={tmp_path / 'outputs'}", *FAST, *KINDS["whole"]]
    run = load_run(train(compose(command), overrides=command).folder)
    table = read_predictions(run.path.parent / "predictions.csv")
    for prediction in predict(run, tmp_path / "music", calibrated=False):
        rows = table.rows(table.track_id == prediction.path.stem)
        assert prediction.probabilities == pytest.approx(rows.probabilities, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "message"),
    [("stats", "too short: 0.50 s, and 3.00 s are needed"), ("logmel", "too short: 0.5 s, and 2 s are needed")],
)
def test_a_file_without_a_slice_is_skipped_with_the_reason(runs, write, kind, message):
    (prediction,) = predict(runs[kind], write("short.wav", 0.5))
    assert prediction.skipped.startswith(message)


def test_bad_files_are_skipped_and_the_others_predicted_in_order(runs, write, tmp_path):
    (tmp_path / "bad.wav").write_text("hello")
    words = [tmp_path / "nowhere.wav", write("b.wav", 4.0), tmp_path / "bad.wav", write("a.wav", 4.0)]
    predictions = predict(runs["stats"], words)
    assert [prediction.path for prediction in predictions] == words
    assert [prediction.skipped is None for prediction in predictions] == [False, True, False, True]
    assert predictions[0].skipped == "the file does not exist"


def test_rate_and_channels_are_brought_to_those_of_the_training(runs, write):
    same = [write("a.flac", 4.0), write("b.flac", 4.0, channels=2)]
    one, two = predict(runs["stats"], same)
    assert one.probabilities == pytest.approx(two.probabilities, abs=1e-4)
    (other,) = predict(runs["stats"], write("c.wav", 4.0, rate_hz=48_000))
    assert len(other.start_s) == 1


def test_a_telephone_recording_has_a_warning_and_a_clip_of_the_corpus_has_none(runs, audio_root, tmp_path):
    clip = audio_root / "blues" / "blues.00003.wav"
    sound, rate_hz = soundfile.read(clip)
    distorted = np.clip(8 * soxr.resample(sound, rate_hz, 8000), -0.5, 0.5)
    soundfile.write(tmp_path / "phone.wav", soxr.resample(distorted, 8000, rate_hz), rate_hz)
    clean, phone = predict(runs["stats"], [clip, tmp_path / "phone.wav"])
    assert clean.warnings == ()
    assert phone.warnings[0].startswith("narrow band: ")


def test_a_clip_beyond_the_limit_is_out_of_distribution(runs, audio_root):
    run, clip = runs["stats"], audio_root / "blues" / "blues.00003.wav"
    warnings = [predict(replace(run, ood=replace(run.ood, limit=limit)), clip)[0].warnings for limit in (0.0, 2.0)]
    assert [[warning.partition(":")[0] for warning in each] for each in warnings] == [["out of distribution"], []]


def test_repairs_are_among_the_warnings(runs, write, tmp_path):
    whole = write("whole.wav", 9.0).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) * 2 // 3])
    (prediction,) = predict(runs["stats"], tmp_path / "cut.wav")
    assert any("the header promises" in warning for warning in prediction.warnings)


def test_several_workers_give_the_predictions_of_one(runs, audio_root, tmp_path):
    one = predict(runs["mfcc"], audio_root / "blues")
    with joblib.parallel_config(backend="threading"):  # processes take seconds to start
        two = predict(runs["mfcc"], audio_root / "blues", n_jobs=2, cache_dir=tmp_path / "cold")
    assert [a.probabilities.tolist() for a in one] == [a.probabilities.tolist() for a in two]


def test_a_run_can_be_named_by_its_checkpoint_and_files_by_a_pattern(runs, audio_root, tmp_path):
    alone = shutil.copy(runs["stats"].path, tmp_path / "alone.ckpt")
    assert len(predict(alone, str(audio_root / "*" / "*.00001.wav"))) == 3


def test_features_that_this_version_computes_differently_raise(runs):
    from dataclasses import replace

    with pytest.raises(GtzanError, match="its 1 features are not the 55 of stats"):
        predict(replace(runs["stats"], columns=("one",)), "x.wav")
