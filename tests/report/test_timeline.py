"""The figure of a file's predictions over time."""

import io
from pathlib import Path

import numpy as np
import pytest

from gtzan_lightning.evaluation.file_prediction import FilePrediction
from gtzan_lightning.report.timeline import timeline_figure

RUN = "lstm · slices of 3 s · stats · seed 0 · lstm-3s-grouped-0123abcd"


def prediction(slices, slice_s=3.0):
    start_s = np.arange(slices) * slice_s
    probabilities = np.tile(np.float32([0.7, 0.3]), (slices, 1))
    return FilePrediction(Path("song.mp3"), ("blues", "rock"), start_s, start_s + slice_s, probabilities)


@pytest.mark.parametrize(("slices", "slice_s"), [(1, 1.0), (1, 2.0), (1, 3.0), (10, 3.0), (60, 3.0), (1200, 3.0)])
def test_the_ticks_of_the_time_are_different(slices, slice_s):
    figure = timeline_figure(prediction(slices, slice_s), RUN)
    figure.savefig(io.BytesIO(), format="png")
    axes = figure.axes[0]
    low, high = axes.get_xlim()
    shown = [label.get_text() for place, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True)
             if low <= place <= high]  # fmt: skip
    assert len(shown) >= 2
    assert len(set(shown)) == len(shown)


def test_the_caption_has_the_run_and_the_title_the_answer():
    texts = [text.get_text() for text in timeline_figure(prediction(10), RUN).texts]
    assert texts[0] == "song.mp3: blues, 0.70"
    assert " ".join(texts[1:]) == f"{RUN} · 10 slices, 100% of them blues"
