"""The figure of a file's predictions over time."""

import io
from pathlib import Path

import numpy as np
import pytest

from gtzan_lightning.evaluation.file_prediction import FilePrediction
from gtzan_lightning.report.timeline import save_timelines, timeline_figure

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


def of(path="song.wav", genres=("blues", "rock")):
    probabilities = np.array([[0.3, 0.7], [0.4, 0.6]], np.float32)
    return FilePrediction(Path(path), genres, np.array([0.0, 3.0]), np.array([3.0, 6.0]), probabilities)


def test_genres_are_sorted_by_their_mean():
    axes = timeline_figure(of(), RUN).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["blues  0.35", "rock  0.65"]


def test_names_are_never_parsed_as_formulas():
    figure = timeline_figure(of("$x{$.wav", ("$\\frac{$", "a$b$c")), "$run{$")
    figure.savefig(io.BytesIO(), format="png")
    texts = [*figure.axes[0].get_yticklabels(), *figure.texts]
    assert [text.get_text()[:3] for text in texts[:2]] == ["$\\f", "a$b"]
    assert not any(text.get_parse_math() for text in texts)


def test_a_file_of_any_name_has_a_picture(tmp_path):
    names = ("x" * 240 + ".wav", "\u65e5" * 80 + ".wav", "tab\there.wav", "caf\udce9.wav")
    save_timelines([of(name) for name in names], RUN, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {str(Path(name).with_suffix(".png")) for name in names}
