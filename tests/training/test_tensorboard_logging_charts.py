"""Charts and audio of TensorBoard, read back from the event files."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.custom_scalar import layout_pb2
from torch.utils.tensorboard.writer import SummaryWriter

from gtzan_lightning.corpus.tracks import Corpus, Track
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.training.tensorboard_logging import (
    RATE_HZ,
    add_charts,
    add_precision_recall,
    add_wrong_slices,
    most_confident_errors,
)

# Four slices of three tracks of two genres: rows 1, 2 and 3 are wrong, row 3 with the highest confidence.
TEST = Predictions(
    track_id=["a", "b", "b", "c"],
    start_s=[0.0, 0.0, 1.0, 1.0],
    part=["test"] * 4,
    y_true=["jazz", "jazz", "jazz", "rock"],
    probabilities=[[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.8, 0.2]],
    genres=("jazz", "rock"),
)


@pytest.fixture
def writer(tmp_path):
    with SummaryWriter(str(tmp_path / "events")) as opened:
        yield opened


def written(writer):
    writer.flush()
    return EventAccumulator(writer.log_dir).Reload()


def test_the_most_confident_errors_come_first_one_a_track():
    assert most_confident_errors(TEST, {"a", "b", "c"}) == [3, 2]
    assert most_confident_errors(TEST, {"a", "b", "c"}, count=1) == [3]
    assert most_confident_errors(TEST, {"b"}) == [2]
    assert most_confident_errors(TEST, set()) == []


def test_charts_are_the_same_for_all_runs(writer):
    add_charts(writer)
    events = written(writer)
    assert events.Tags()["scalars"] == []
    layout = layout_pb2.Layout.FromString(events.Tensors("custom_scalars__config__")[0].tensor_proto.string_val[0])
    charts = {chart.title: list(chart.multiline.tag) for category in layout.category for chart in category.chart}
    assert charts == {
        "train against val loss": ["train/loss", "val/loss"],
        "window against clip accuracy": ["val/window_accuracy", "val/clip_accuracy"],
    }


def test_each_genre_has_a_precision_recall_curve(writer):
    add_precision_recall(writer, TEST)
    assert set(written(writer).Tags()["tensors"]) == {"precision_recall/jazz", "precision_recall/rock"}


def test_the_audio_of_a_wrong_slice_is_logged(writer, tmp_path):
    ramp = np.linspace(-0.5, 0.5, 3 * RATE_HZ, dtype=np.float32)
    soundfile.write(tmp_path / "c.wav", ramp, RATE_HZ)
    track = Track("c", "rock", path=tmp_path / "c.wav")
    gone = replace(track, track_id="b", path=tmp_path / "gone.wav")
    corpus = Corpus("music", (gone, track), ("jazz", "rock"), "audio", Path(), "")
    add_wrong_slices(writer, TEST, corpus, seconds=1.0)
    events = written(writer)
    (tag,) = events.Tags()["audio"]
    assert tag == "wrong_slices/1"
    (text,) = events.Tensors("wrong_slices/1/text_summary")
    assert text.tensor_proto.string_val[0] == b"rock taken for jazz, probability 0.80: c, from 1 s"
    (tmp_path / "excerpt.wav").write_bytes(events.Audio(tag)[0].encoded_audio_string)
    excerpt, rate_hz = soundfile.read(tmp_path / "excerpt.wav")
    assert rate_hz == RATE_HZ
    np.testing.assert_allclose(excerpt, ramp[RATE_HZ : 2 * RATE_HZ], atol=2**-14)
