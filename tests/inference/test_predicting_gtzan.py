"""A run trained on GTZAN's tables predicts its audio; needs GTZAN_ROOT."""

import numpy as np
import pytest
import soundfile
import soxr

from gtzan_lightning import load_run, predict
from gtzan_lightning.config.composition import compose
from gtzan_lightning.corpus.feature_table import STATS_COLUMNS, read_published_table
from gtzan_lightning.evaluation.predictions import read_predictions
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

pytestmark = [pytest.mark.gtzan, pytest.mark.slow]


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


def test_every_window_of_the_clips_has_the_probabilities_of_the_table_within_one_percent(run, clips, gtzan_root):
    table = read_published_table(gtzan_root / "features_3_sec.csv")
    kept = [STATS_COLUMNS.index(column) for column in run.columns]
    compared, differences = 0, []
    for prediction in predict(run, clips, calibrated=False):
        rows = np.flatnonzero([track == prediction.path.stem for track in table.track_ids])
        published = run.probabilities(table.values[rows][:, None, kept].astype(np.float32), calibrated=False)
        windows = np.round(table.start_s[rows] / 3).astype(int)
        differences.append(np.abs(prediction.probabilities[windows] - published).max())
        compared += len(rows)
    assert compared >= 190
    print("largest difference of each clip:", *(f"{each:.4f}" for each in sorted(differences)))
    assert max(differences) <= 0.01


def test_few_clips_and_all_telephone_recordings_have_warnings(run, clips, tmp_path):
    clean = list(predict(run, clips))
    assert sum(bool(prediction.warnings) for prediction in clean) <= 1
    for clip in clips:
        sound, rate_hz = soundfile.read(clip)
        call = soxr.resample(sound, rate_hz, 8000)
        call = np.clip(4 * call / np.abs(call).max(), -1, 1) / 2 + np.random.default_rng(0).normal(0, 0.01, len(call))
        soundfile.write(tmp_path / clip.name, soxr.resample(call, 8000, rate_hz), rate_hz)
    called = list(predict(run, tmp_path))
    for some, name in ((clean, "clean"), (called, "telephone")):
        right = sum(prediction.path.name.startswith(f"{prediction.genre}.") for prediction in some)
        print(f"{name}: {right} of {len(some)} correct, {sum(bool(each.warnings) for each in some)} with warnings")
    for prediction in called:
        assert [warning.partition(":")[0] for warning in prediction.warnings] == ["narrow band", "out of distribution"]
