"""What TensorBoard shows beside curves and figures: charts across runs, and the sound of the most confident errors.

MERGED: What TensorBoard shows beyond the curves: figures, final scores, and one HPARAMS session a run.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.tensorboard.summary import Summary, hparams
from torch.utils.tensorboard.writer import SummaryWriter

from gtzan_lightning.config.identity import WITHOUT_EFFECT, flat
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.features.audio_reading import read_audio

SHOWN_METRICS = ("accuracy", "f1")


class EventLogger(TensorBoardLogger):
    """Event files alone: the run's configuration is in config.yaml, and an hparams.yaml would only repeat it."""

    def save(self) -> None:
        """Flushes the event file."""
        self.experiment.flush()


def event_logger(run_dir: Path) -> EventLogger:
    """Writes event files straight into the run folder, so that TensorBoard shows the folder's name."""
    return EventLogger(run_dir.parent, name=run_dir.name, version="", default_hp_metric=False)


def log_results(
    logger: TensorBoardLogger, config: Mapping[str, Any], card: Mapping[str, Any], pictures: Mapping[str, bytes]
) -> None:
    """Final scores, pictures (PNG files) and the HPARAMS session, all in the run's own event file."""
    writer = logger.experiment
    scores = final_scores(card)
    values = {key: _plain(value) for key, value in flat(config).items() if key not in WITHOUT_EFFECT}
    for summary in hparams(values, scores):
        writer.file_writer.add_summary(summary)
    for name, value in scores.items():
        writer.add_scalar(name, value)
    for name, png in pictures.items():
        writer.file_writer.add_summary(_picture(f"figures/{name}", png))
    writer.flush()


def final_scores(card: Mapping[str, Any]) -> dict[str, float]:
    """`<part>/<level>_<metric>` of the best epoch; the curve of an epoch's scores has another name."""
    return {
        f"final_{part}/{level}_{metric}": card["metrics"][part][level][metric]
        for part in ("val", "test")
        for level in ("window", "clip", "clip_vote")
        for metric in SHOWN_METRICS
    }


def _picture(tag: str, png: bytes) -> Summary:
    """A finished PNG as TensorBoard keeps it; its `add_figure` would draw the figure a second time."""
    width, height = struct.unpack(">II", png[16:24])  # the header's first two fields (PNG specification, 11.2.2)
    image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)  # 4 is RGBA
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else str(value)


LAYOUT = {
    "Learning": {
        "train against val loss": ["Multiline", ["train/loss", "val/loss"]],
        "window against clip accuracy": ["Multiline", ["val/window_accuracy", "val/clip_accuracy"]],
    },
    "What the split is worth": {
        "leaky against grouped, val window accuracy": [
            "Multiline",
            ["window_accuracy_leaky/val", "window_accuracy_grouped/val"],
        ],
    },
}
"""Charts of the tab CUSTOM SCALARS, by category. A run of another split has no curve in the last one."""

RATE_HZ = 22_050  # of the excerpts; what GTZAN has
SOUNDS = 3  # excerpts a run


def add_charts(writer: SummaryWriter, history: pd.DataFrame, split: str) -> None:
    """The layout, and the validation curve once more under the name of the split, so that splits can be compared."""
    writer.add_custom_scalars(LAYOUT)
    if "val/window_accuracy" in history:
        for epoch, accuracy in zip(history["epoch"], history["val/window_accuracy"], strict=True):
            writer.add_scalar(f"window_accuracy_{split}/val", accuracy, epoch)


def add_precision_recall(writer: SummaryWriter, test: Predictions) -> None:
    """One curve a genre, window level: that genre against all others."""
    for column, genre in enumerate(test.genres):
        writer.add_pr_curve(f"precision_recall/{genre}", test.y_true == genre, test.probabilities[:, column])


def add_wrong_slices(writer: SummaryWriter, test: Predictions, corpus: Corpus, seconds: float) -> None:
    """The sound of the slices that the model was surest and wrong about, where their tracks have audio.

    Args:
        writer: the run's events.
        test: predictions of the test part.
        corpus: its tracks know their files.
        seconds: length of a slice.
    """
    paths = {track.track_id: track.path for track in corpus.tracks if track.path is not None and track.path.is_file()}
    for row in most_confident_errors(test, set(paths)):
        path, start_s = paths[test.track_id[row]], float(test.start_s[row])
        signal = read_audio(path, RATE_HZ, start_s + seconds).signal[round(start_s * RATE_HZ) :]
        if len(signal):
            said = test.genres[int(test.probabilities[row].argmax())]
            sure = float(test.probabilities[row].max())
            tag = f"wrong_slices/{test.y_true[row]}_taken_for_{said}_{sure:.2f}_{test.track_id[row]}_{start_s:g}s"
            writer.add_audio(tag, signal[None], sample_rate=RATE_HZ)


def most_confident_errors(test: Predictions, track_ids: set[str], count: int = SOUNDS) -> list[int]:
    """Rows of the wrong predictions of these tracks, the surest first, one a track."""
    answer = np.asarray(test.genres, dtype=object)[test.probabilities.argmax(axis=1)]
    wrong = np.flatnonzero((answer != test.y_true) & np.isin(test.track_id.astype(str), list(track_ids)))
    surest = wrong[np.argsort(-test.probabilities[wrong].max(axis=1), kind="stable")]
    first_of_track = {test.track_id[row]: int(row) for row in reversed(surest)}
    return [int(row) for row in surest if first_of_track[test.track_id[row]] == row][:count]
