"""What TensorBoard shows beside curves and figures: charts across runs, and the sound of the surest mistakes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from torch.utils.tensorboard.writer import SummaryWriter

from gtzan_lightning.corpus.tracks import Corpus
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.features.reading import read_audio

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
    for row in surest_mistakes(test, set(paths)):
        path, start_s = paths[test.track_id[row]], float(test.start_s[row])
        signal = read_audio(path, RATE_HZ, start_s + seconds).signal[round(start_s * RATE_HZ) :]
        if len(signal):
            said = test.genres[int(test.probabilities[row].argmax())]
            sure = float(test.probabilities[row].max())
            tag = f"wrong_slices/{test.y_true[row]}_taken_for_{said}_{sure:.2f}_{test.track_id[row]}_{start_s:g}s"
            writer.add_audio(tag, signal[None], sample_rate=RATE_HZ)


def surest_mistakes(test: Predictions, track_ids: set[str], count: int = SOUNDS) -> list[int]:
    """Rows of the wrong predictions of these tracks, the surest first, one a track."""
    answer = np.asarray(test.genres, dtype=object)[test.probabilities.argmax(axis=1)]
    wrong = np.flatnonzero((answer != test.y_true) & np.isin(test.track_id.astype(str), list(track_ids)))
    surest = wrong[np.argsort(-test.probabilities[wrong].max(axis=1), kind="stable")]
    first_of_track = {test.track_id[row]: int(row) for row in reversed(surest)}
    return [int(row) for row in surest if first_of_track[test.track_id[row]] == row][:count]
