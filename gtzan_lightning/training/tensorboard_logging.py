"""TensorBoard events of a finished run: scores, figures, HPARAMS, charts across runs, and audio of confident errors."""

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
RATE_HZ = 22_050  # sampling rate of the excerpts, as in GTZAN
SOUNDS = 3  # excerpts per run

LAYOUT = {
    "Learning": {
        "train against val loss": ["Multiline", ["train/loss", "val/loss"]],
        "window against clip accuracy": ["Multiline", ["val/window_accuracy", "val/clip_accuracy"]],
    },
    "Accuracy by split": {
        "leaky against grouped, val window accuracy": [
            "Multiline",
            ["window_accuracy_leaky/val", "window_accuracy_grouped/val"],
        ],
    },
}
"""Charts of the tab CUSTOM SCALARS, by category; a run has a curve only for its own split."""


class EventLogger(TensorBoardLogger):
    """Writes event files, but no hparams.yaml: the run folder has a config.yaml."""

    def save(self) -> None:
        """Flushes the event file."""
        self.experiment.flush()


def event_logger(run_dir: Path) -> EventLogger:
    """A logger that writes into the run folder itself, so that TensorBoard shows its name."""
    return EventLogger(run_dir.parent, name=run_dir.name, version="", default_hp_metric=False)


def log_results(
    logger: TensorBoardLogger, config: Mapping[str, Any], card: Mapping[str, Any], pictures: Mapping[str, bytes]
) -> None:
    """Logs the final scores, figures (content of PNG files) and one HPARAMS session."""
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
    """Scores of the best epoch as `final_<part>/<level>_<metric>`, distinct from the names of the curves."""
    return {
        f"final_{part}/{level}_{metric}": card["metrics"][part][level][metric]
        for part in ("val", "test")
        for level in ("window", "clip", "clip_vote")
        for metric in SHOWN_METRICS
    }


def add_charts(writer: SummaryWriter, history: pd.DataFrame, split: str) -> None:
    """Adds the charts, and the validation curve under the name of the split, to compare runs of different splits."""
    writer.add_custom_scalars(LAYOUT)
    if "val/window_accuracy" in history:
        for epoch, accuracy in zip(history["epoch"], history["val/window_accuracy"], strict=True):
            writer.add_scalar(f"window_accuracy_{split}/val", accuracy, epoch)


def add_precision_recall(writer: SummaryWriter, test: Predictions) -> None:
    """Adds one precision-recall curve per genre at window level: the genre against all others."""
    for column, genre in enumerate(test.genres):
        writer.add_pr_curve(f"precision_recall/{genre}", test.y_true == genre, test.probabilities[:, column])


def add_wrong_slices(writer: SummaryWriter, test: Predictions, corpus: Corpus, seconds: float) -> None:
    """Adds the audio of the most confident errors, if their tracks have audio files.

    Args:
        writer: writer of the event file.
        test: predictions of the test part.
        corpus: the tracks with their files.
        seconds: length of a slice.
    """
    paths = {track.track_id: track.path for track in corpus.tracks if track.path is not None and track.path.is_file()}
    for row in most_confident_errors(test, set(paths)):
        path, start_s = paths[test.track_id[row]], float(test.start_s[row])
        signal = read_audio(path, RATE_HZ, start_s + seconds).signal[round(start_s * RATE_HZ) :]
        if len(signal):
            predicted = test.genres[int(test.probabilities[row].argmax())]
            confidence = float(test.probabilities[row].max())
            names = f"{test.y_true[row]}_taken_for_{predicted}_{confidence:.2f}_{test.track_id[row]}_{start_s:g}s"
            tag = f"wrong_slices/{names}"
            writer.add_audio(tag, signal[None], sample_rate=RATE_HZ)


def most_confident_errors(test: Predictions, track_ids: set[str], count: int = SOUNDS) -> list[int]:
    """Rows of wrong predictions of these tracks, the most confident first, at most one per track."""
    predicted = np.asarray(test.genres, dtype=object)[test.probabilities.argmax(axis=1)]
    wrong = np.flatnonzero((predicted != test.y_true) & np.isin(test.track_id.astype(str), list(track_ids)))
    ranked = wrong[np.argsort(-test.probabilities[wrong].max(axis=1), kind="stable")]
    first_of_track = {test.track_id[row]: int(row) for row in reversed(ranked)}
    return [int(row) for row in ranked if first_of_track[test.track_id[row]] == row][:count]


def _picture(tag: str, png: bytes) -> Summary:
    """An image summary of a PNG file; `SummaryWriter.add_figure` would render the figure a second time."""
    width, height = struct.unpack(">II", png[16:24])  # IHDR chunk (PNG specification, 11.2.2)
    image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)  # 4 is RGBA
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else str(value)
