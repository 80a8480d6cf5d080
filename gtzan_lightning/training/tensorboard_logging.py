"""TensorBoard events of a finished run: scores, figures, HPARAMS, charts across runs, and audio of confident errors."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.tensorboard.summary import Summary, hparams
from torch.utils.tensorboard.writer import SummaryWriter

from gtzan_lightning.config.identity import ANALYSIS, WITHOUT_EFFECT, flat
from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.features.audio_reading import read_audio
from gtzan_lightning.runs.browser import model_name

SHOWN_METRICS = ("accuracy", "f1")
RATE_HZ = 22_050  # sampling rate of the excerpts, as in GTZAN
SOUNDS = 3  # excerpts per run

LAYOUT = {
    "Learning": {
        "train against val loss": ["Multiline", ["train/loss", "val/loss"]],
        "window against clip accuracy": ["Multiline", ["val/window_accuracy", "val/clip_accuracy"]],
    },
}
"""Charts of the tab CUSTOM SCALARS, by category."""


class EventLogger(TensorBoardLogger):
    """Writes event files, but no hparams.yaml: the run folder has a config.yaml. Curves are over epochs from 1."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Logs the scores of an epoch.

        Args:
            metrics: the scores by tag, and as `epoch` the number of the epoch from 0.
            step: used if there is no epoch.
        """
        scores = dict(metrics)
        epoch = scores.pop("epoch", None)
        super().log_metrics(scores, step if epoch is None else int(epoch) + 1)

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
    # Without the experiment that `hparams` returns first, TensorBoard finds out which values differ between runs, and
    # shows these first.
    scores = final_scores(card)
    for summary in hparams(settings_of(config, card), scores)[1:]:
        writer.file_writer.add_summary(summary)
    for name, value in scores.items():
        writer.add_scalar(name, value)
    for name, png in pictures.items():
        writer.file_writer.add_summary(_picture(f"figures/{name}", png))
    writer.flush()


def settings_of(config: Mapping[str, Any], card: Mapping[str, Any]) -> dict[str, Any]:
    """What usually varies between runs, and every override that can change a result, each once; without None."""
    values = flat(config)
    is_estimator = str(values["model._target_"]).startswith("sklearn.")
    split, overrides = card["split"], dict(word.lstrip("+").partition("=")[::2] for word in card["overrides"])
    settings = {
        "model": model_name(card),
        "split": split["name"],
        "slice_s": values["slice.seconds"],
        "features": card["features"]["name"],
        "lr": None if is_estimator else values.get("optimizer.lr") or values.get("model.lr"),
        "hidden_size": values.get("model.hidden_size"),
        "dropout": values.get("model.dropout"),
        "weight_decay": values.get("model.weight_decay"),
        "seed": card["seed"],
        "split_seed": split["seed"],
        "fold": split["fold"],
    }
    shown = {"slice", "model.lr", "model.hidden_size", "model.dropout", "model.weight_decay", "slice.seconds",
             "split.seed", "split.fold", *settings}  # fmt: skip
    for key in overrides:
        if key not in shown and key not in WITHOUT_EFFECT and not key.startswith(("hydra", "~")):
            settings[key] = values.get(key, overrides[key])
    return {key: _plain(value) for key, value in settings.items() if value is not None}


def logged_values(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration with dotted keys, without what has no effect on the results."""
    return {
        key: _plain(value)
        for key, value in flat(config).items()
        if key not in WITHOUT_EFFECT and key.partition(".")[0] not in ANALYSIS
    }


def final_scores(card: Mapping[str, Any]) -> dict[str, float]:
    """Scores of the best epoch as `final_<part>/<level>_<metric>`, distinct from the names of the curves."""
    return {
        f"final_{part}/{level}_{metric}": card["metrics"][part][level][metric]
        for part in card["metrics"]
        for level in ("window", "clip", "clip_vote")
        for metric in SHOWN_METRICS
    }


def add_charts(writer: SummaryWriter) -> None:
    """Adds the charts of the tab CUSTOM SCALARS."""
    writer.add_custom_scalars(LAYOUT)


def add_precision_recall(writer: SummaryWriter, test: Predictions) -> None:
    """Adds one precision-recall curve per genre at window level: the genre against all others."""
    for column, genre in enumerate(test.genres):
        writer.add_pr_curve(f"precision_recall/{genre}", test.y_true == genre, test.probabilities[:, column])


def add_wrong_slices(writer: SummaryWriter, test: Predictions, corpus: Corpus, seconds: float) -> None:
    """Adds the audio of the most confident errors with a text each, if their tracks have audio files.

    Args:
        writer: writer of the event file.
        test: predictions of the test part.
        corpus: the tracks with their files.
        seconds: length of a slice.
    """
    paths = {track.track_id: track.path for track in corpus.tracks if track.path is not None and track.path.is_file()}
    for place, row in enumerate(most_confident_errors(test, set(paths)), start=1):
        path, start_s = paths[test.track_id[row]], float(test.start_s[row])
        signal = read_audio(path, RATE_HZ, start_s + seconds).signal[round(start_s * RATE_HZ) :]
        if len(signal):
            predicted = test.genres[int(test.probabilities[row].argmax())]
            confidence = float(test.probabilities[row].max())
            track = test.track_id[row]
            text = (
                f"{test.y_true[row]} taken for {predicted}, probability {confidence:.2f}: {track}, from {start_s:g} s"
            )
            writer.add_text(f"wrong_slices/{place}", text)
            writer.add_audio(f"wrong_slices/{place}", signal[None], sample_rate=RATE_HZ)


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
