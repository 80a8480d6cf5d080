"""A run trained on GTZAN's tables predicts its audio; needs GTZAN_ROOT."""

import numpy as np
import pytest
import soundfile
import soxr

from gtzan_lightning import load_run, predict
from gtzan_lightning.config.composition import compose
from gtzan_lightning.corpus.feature_table import STATS_COLUMNS, read_published_table
from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.features.feature_cache import FileCache, features_cache
from gtzan_lightning.inference.file_preprocessing import Preprocessing, preprocess
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train
from gtzan_lightning.utils.caching import cache_dir

pytestmark = pytest.mark.gtzan
NOT_RECOMPUTED = ("harmony_mean", "harmony_var", "perceptr_mean", "perceptr_var")  # an older librosa's


@pytest.fixture(scope="module")
def run(gtzan_root, tmp_path_factory):
    """A run on a split whose test part has clips with audio."""
    outputs = tmp_path_factory.mktemp("outputs")
    command = [f"data.root={gtzan_root}", f"outputs={outputs}", "split=grouped", "split.fold=2", "split.n_folds=5"]
    command += ["trainer.max_epochs=8", "trainer.progress=false"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        return load_run(train(compose(command), overrides=command).folder)


@pytest.fixture(scope="module")
def clips(gtzan_root):
    return sorted(gtzan_root.glob("genres_original/*/*.wav"))


@pytest.fixture(scope="module")
def predictions(run):
    return read_predictions(run.path.parent / "predictions.csv")


def test_audio_gives_the_rows_of_the_test_part_where_the_columns_can_be_recomputed(run, clips, predictions, gtzan_root):
    table = read_published_table(gtzan_root / "features_3_sec.csv")
    theirs = [STATS_COLUMNS.index(name) for name in NOT_RECOMPUTED]
    cache = features_cache(cache_dir())
    compared = 0
    for clip in clips:
        rows = predictions.rows((predictions.track_id == clip.stem) & (predictions.part == "test"))
        preprocessed = preprocess(clip, Preprocessing.of_training(run), cache)
        values = FileCache(cache).values(preprocessed.extracted.key)[np.round(rows.start_s / 3).astype(int)]
        published = {
            start: row[theirs]
            for track, start, row in zip(table.track_ids, table.start_s, table.values, strict=True)
            if track == clip.stem
        }
        for row, start in zip(values, rows.start_s, strict=True):
            row[theirs] = published[start]
        if len(rows):
            found = run.probabilities(values[:, None], calibrated=False)
            assert found == pytest.approx(rows.probabilities, abs=1e-4)
            compared += len(rows)
    assert compared >= 20


def test_predictions_from_audio_equal_those_from_the_table_with_few_exceptions(run, clips, predictions):
    tracks = predictions.clips()
    decided = dict(zip(tracks.track_id, np.array(tracks.genres)[tracks.decisions()], strict=True))
    predictions = [prediction for prediction in predict(run, clips) if prediction.path.stem in decided]
    same = [prediction.genre == decided[prediction.path.stem] for prediction in predictions]
    assert sum(same) >= len(same) - 1


def test_few_clips_and_all_telephone_recordings_have_warnings(run, clips, tmp_path):
    assert sum(bool(prediction.warnings) for prediction in predict(run, clips)) <= 1
    for clip in clips:
        sound, rate_hz = soundfile.read(clip)
        call = soxr.resample(sound, rate_hz, 8000)
        call = np.clip(4 * call / np.abs(call).max(), -1, 1) / 2 + np.random.default_rng(0).normal(0, 0.01, len(call))
        soundfile.write(tmp_path / clip.name, soxr.resample(call, 8000, rate_hz), rate_hz)
    for prediction in predict(run, tmp_path):
        assert [warning.partition(":")[0] for warning in prediction.warnings] == ["narrow band", "out of distribution"]
