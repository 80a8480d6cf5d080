"""The example script of an export computes its input with librosa and gives the predictions of `predict`."""

import json
import sys

import numpy as np
import pytest
import soundfile
import torch
from features.librosa_reference import music

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.datamodule.scaling import Standardisation
from gtzan_lightning.features.extraction import analyse_file
from gtzan_lightning.features.feature_request import FeatureRequest, feature_columns
from gtzan_lightning.inference.exporting import export_run
from gtzan_lightning.inference.file_inference import predict
from gtzan_lightning.inference.input_sheet import example_script
from gtzan_lightning.inference.trained_run import TrainedRun
from gtzan_lightning.training.construction import make_model
from gtzan_lightning.training.split_data import frame_settings

pytestmark = pytest.mark.slow

GENRES = ("blues", "jazz", "rock")
KINDS = {
    "windows": (["slice=6s", "slice.hop_s=3"], 2),
    "whole-clip": (["slice=30s", "slice.step_s=30"], 1),
    "mfcc": (["features=mfcc", "features.deltas=true", "features.n_mfcc=5", "slice=3s", "slice.step_s=0.5"], 5),
    "logmel": (["features=logmel", "features.n_mels=16", "slice=2s", "slice.hop_s=1", "slice.step_s=0.25"], 7),
}


@pytest.fixture(scope="module")
def song(tmp_path_factory):
    """Ten seconds in stereo, at another rate than that of the features."""
    path = tmp_path_factory.mktemp("song") / "song.wav"
    left, right = (np.repeat(music(10, seed=seed), 2) for seed in (1, 2))
    soundfile.write(path, np.stack([left, right], axis=1), 44_100, subtype="FLOAT")
    return path


def untrained(overrides, steps, song):
    """A run with random weights, standardised on the song; only the input is under test."""
    config = validate_config(compose(["model=mlp", "model.hidden_size=64", "model.num_layers=1", *overrides]))
    features, settings = config.features, frame_settings(config)
    window_s = features.window_s if features.framed else features.row_s(config.slice.step_s)
    computed = feature_columns(features.name, settings)
    columns = tuple(column for column in computed if column not in (features.drop or ()))
    rows = analyse_file(song, FeatureRequest(features.name, window_s, settings)).values
    rows = rows[:, [computed.index(column) for column in columns]]
    mean = rows.mean(axis=0)
    scale = Standardisation(mean, (rows.std(axis=0) + 0.1 * np.abs(mean) + 1e-4).astype(np.float32))
    torch.manual_seed(0)
    model = make_model(config, (steps, len(columns)), len(GENRES)).eval()
    return TrainedRun(
        path=song.parent / "best.ckpt", model=model, config=config, genres=GENRES, columns=columns,
        shape=(steps, len(columns)), standardisation=scale, ood=None, temperature=0.5, card=None,
    )  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_gives_the_predictions_of_predict(kind, song, tmp_path, monkeypatch, capsys):
    run = untrained(*KINDS[kind], song)
    (prediction,) = predict(run, song)
    export_run(run, tmp_path / "m.pt2", "torch-export")
    script = "\n".join(json.loads((tmp_path / "m.json").read_text())["example"])
    monkeypatch.setattr(sys, "argv", ["example.py", "m.json", "m.pt2", str(song)])
    exec(compile(script, "example.py", "exec"), {})
    probabilities = json.loads(capsys.readouterr().out)
    assert tuple(probabilities) == GENRES
    # a single row has no spread to standardise by, so that rounding errors of means near zero matter
    np.testing.assert_allclose(
        list(probabilities.values()), prediction.mean, atol=1e-3 if kind == "whole-clip" else 1e-6
    )
    assert np.ptp(prediction.mean) > 0.01  # not a constant


def test_custom_features_have_no_example():
    assert example_script("own", whole_clip=False, deltas=False, to="onnx") == ""


@pytest.mark.parametrize("features", ["stats", "mfcc", "logmel"])
def test_the_example_for_onnx_differs_only_in_running_the_model(features):
    ours, other = (
        example_script(features, whole_clip=False, deltas=False, to=to).splitlines() for to in ("onnx", "torch-export")
    )
    compile("\n".join(ours), "example.py", "exec")
    assert ours[:-3] == other[:-3]
    assert "import onnxruntime" in ours
