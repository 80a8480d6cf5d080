"""The prediction of one file by hand."""

from pathlib import Path

import numpy as np
import pytest

from gtzan_lightning.evaluation.file_prediction import FilePrediction

ROWS = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.7, 0.1, 0.2], [0.5, 0.4, 0.1]], np.float32)
PREDICTION = FilePrediction(Path("x.wav"), ("a", "b", "c"), np.arange(4) * 3.0, np.arange(1, 5) * 3.0, ROWS)


def test_a_file_is_the_mean_of_its_slices():
    assert PREDICTION.mean == pytest.approx([0.5, 0.325, 0.175])
    assert (PREDICTION.genre, PREDICTION.runner_up) == ("a", "b")
    assert (PREDICTION.probability, PREDICTION.runner_up_probability) == pytest.approx((0.5, 0.325))
    assert PREDICTION.agreement == 0.75


def test_each_slice_has_a_prediction():
    second = PREDICTION.slices()[1]
    assert (second.genre, second.runner_up, second.agreement) == ("b", "c", 1.0)
    assert (second.start_s.tolist(), second.stop_s.tolist()) == ([3.0], [6.0])


def test_a_skipped_file_has_no_slices():
    assert FilePrediction(Path("x.wav"), ("a", "b"), skipped="empty").slices() == []
