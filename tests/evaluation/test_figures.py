import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from gtzan_lightning.evaluation.calibration import expected_calibration_error, risk_coverage, with_temperature
from gtzan_lightning.evaluation.figures import (
    Caption,
    confusion_figure,
    genre_figure,
    learning_figure,
    reliability_figure,
    risk_coverage_figure,
)
from gtzan_lightning.evaluation.metrics import Decisions
from gtzan_lightning.evaluation.run_metrics import genre_metrics

from .test_calibration import overconfident

GENRES = ("blues", "jazz", "rock")
ENTRY = {"accuracy": 0.7352, "accuracy_ci95": [0.7011, 0.7718], "n": 1990, "cluster": "artist"}
LEAKY = "LEAKY SPLIT: windows of one track in train and test"


def decisions():
    tracks = np.array([f"t{row}" for row in range(9)], dtype=object)
    return Decisions("clip", tracks, np.repeat([0, 1, 2], 3), np.array([0, 0, 0, 1, 1, 2, 0, 0, 0]), GENRES)


def genre_table():
    return genre_metrics(decisions(), {f"t{row}": f"a{row}" for row in range(9)})


def history():
    epoch = np.arange(1, 4)
    return pd.DataFrame({"epoch": epoch, "train/loss": 3.0 - epoch, "val/window_accuracy": [0.1, np.nan, 0.3]})


def every_figure(caption):
    return [
        confusion_figure(decisions(), ENTRY, caption),
        genre_figure(genre_table(), ENTRY, "clip", caption),
        learning_figure(history(), ENTRY, "clip", caption, best_epoch=3),
    ]


def texts(figure):
    return [text.get_text() for text in figure.texts]


@pytest.mark.parametrize("index", [0, 1, 2])
def test_each_figure_has_its_caption(index):
    caption = " ".join(texts(every_figure(Caption("gtzan", "grouped"))[index]))
    assert "gtzan · grouped split · test · clips, mean probability, n = 1,990" in caption
    assert "accuracy 0.735 [0.701, 0.772] (95 %, by artist)" in caption


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_leakage_warning_is_in_a_box_above_the_data(index):
    figure = every_figure(Caption("gtzan", "leaky", leakage_warning=LEAKY))[index]
    figure.savefig(io.BytesIO(), format="png")  # runs the layout
    leakage_warning = next(text for text in figure.texts if text.get_text() == LEAKY)
    assert leakage_warning.get_bbox_patch() is not None
    top_of_data = max(axes.get_tightbbox().y1 for axes in figure.axes)
    assert all(text.get_window_extent().y0 >= top_of_data for text in figure.texts)
    assert all(
        text.get_window_extent().x0 >= 0 and text.get_window_extent().x1 <= figure.bbox.x1 for text in figure.texts
    )


def test_a_long_leakage_warning_does_not_cover_the_title():
    figure = genre_figure(
        genre_table(), ENTRY, "clip", Caption("gtzan", "leaky", leakage_warning=f"{LEAKY}; {LEAKY}; {LEAKY}")
    )
    figure.savefig(io.BytesIO(), format="png")
    leakage_warning, title, *_ = figure.texts
    assert leakage_warning.get_text().count("\n") >= 1
    assert leakage_warning.get_bbox_patch().get_window_extent().y0 >= title.get_window_extent().y1


def test_without_a_leakage_warning_there_is_no_box():
    assert all(text.get_bbox_patch() is None for text in every_figure(Caption("gtzan", "grouped"))[0].texts)


def test_the_confusion_matrix_shows_counts_and_shares():
    axes = confusion_figure(decisions(), ENTRY, Caption("gtzan", "grouped")).axes[0]
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "3", (1, 1): "2", (2, 1): "1", (0, 2): "3"}  # (column, row)
    np.testing.assert_allclose(axes.images[0].get_array(), [[1, 0, 0], [0, 2 / 3, 1 / 3], [1, 0, 0]])
    assert [label.get_text() for label in axes.get_yticklabels()] == list(GENRES)


def test_genres_are_sorted_by_f1_and_labelled_with_their_clusters():
    axes = genre_figure(genre_table(), ENTRY, "clip", Caption("gtzan", "grouped")).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "jazz\nn = 3, 3 artists",
        "blues\nn = 3, 3 artists",
        "rock\nn = 3, 3 artists",
    ]
    np.testing.assert_allclose(sorted(bar.get_width() for bar in axes.patches), [0, 2 / 3, 0.8])
    assert all(bar.get_hatch() for bar in axes.patches)  # three artists are below the minimum


def test_missing_curves_are_omitted():
    loss, accuracy = learning_figure(history(), ENTRY, "clip", Caption("gtzan", "grouped")).axes
    assert [line.get_label() for line in loss.lines] == ["train"]
    assert accuracy.lines[0].get_xdata().tolist() == [1, 3]  # the epoch without a value is omitted
    empty = learning_figure(pd.DataFrame({"epoch": [1]}), ENTRY, "clip", Caption("gtzan", "grouped"))
    assert not any(axes.lines for axes in empty.axes)


def test_the_best_epoch_is_marked():
    loss = every_figure(Caption("gtzan", "grouped"))[2].axes[0]
    assert loss.lines[-1].get_label() == "best epoch (3)"


def test_calibration_figures_show_their_numbers():
    predictions = overconfident(500)
    both = {"uncalibrated": predictions, "temperature-scaled (T = 2.5)": with_temperature(predictions, 2.5)}
    figure = reliability_figure(both, ENTRY, "window", Caption("gtzan", "grouped", leakage_warning="LEAKY"))
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[1] == f"uncalibrated: ECE {expected_calibration_error(predictions):.3f}"
    risk = risk_coverage_figure(predictions, ENTRY, "window", Caption("gtzan", "grouped"))
    assert f"AURC {risk_coverage(predictions).aurc:.3f}" in risk.axes[0].get_legend().get_texts()[0].get_text()
    for each in (figure, risk):
        each.savefig(io.BytesIO(), format="png")
        assert "gtzan · grouped split" in " ".join(texts(each))


def test_labels_of_the_reliability_diagram_do_not_overlap():
    figure = reliability_figure({"uncalibrated": overconfident(500)}, ENTRY, "window", Caption("gtzan", "grouped"))
    figure.savefig(io.BytesIO(), format="png")
    labels = [label for axes in figure.axes for label in (axes.xaxis.label, axes.yaxis.label)]
    for axis, (low, high) in (
        *((axes.yaxis, axes.get_ylim()) for axes in figure.axes), (figure.axes[1].xaxis, figure.axes[1].get_xlim())
    ):  # fmt: skip
        labels += [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    boxes = [label.get_window_extent() for label in labels if label.get_text()]
    assert len(boxes) > 10
    assert not any(one.overlaps(other) for place, one in enumerate(boxes) for other in boxes[:place])


def test_names_are_never_parsed_as_formulas():
    """An unbalanced brace between dollars is an error in a formula, and two dollars alone would disappear."""
    names = ("$\\frac{$", "a$b$c", "rock")
    decided = replace(decisions(), genres=names)
    caption = Caption("$x{$", "my$split$", leakage_warning="LEAKY $\\sqrt{$")
    metrics = genre_metrics(decided, {f"t{row}": f"a{row}" for row in range(9)})
    figures = [
        confusion_figure(decided, ENTRY, caption),
        genre_figure(metrics, ENTRY, "clip", caption),
        learning_figure(history(), ENTRY, "clip", caption),
        reliability_figure({"uncalibrated": overconfident(50)}, ENTRY, "window", caption),
        risk_coverage_figure(overconfident(50), ENTRY, "window", caption),
    ]
    for figure in figures:
        figure.savefig(io.BytesIO(), format="png")
    matrix, bars = figures[0].axes[0], figures[1].axes[0]
    labels = [*matrix.get_xticklabels(), *matrix.get_yticklabels(), *bars.get_yticklabels()]
    assert not any(text.get_parse_math() for text in [*labels, *(text for figure in figures for text in figure.texts)])
