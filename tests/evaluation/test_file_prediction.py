"""One file's answer, worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from gtzan_lightning.evaluation.file_prediction import FilePrediction

ROWS = np.array([[0.6, 0.3, 0.1], [0.2, 0.5, 0.3], [0.7, 0.1, 0.2], [0.5, 0.4, 0.1]], np.float32)
ANSWER = FilePrediction(Path("x.wav"), ("a", "b", "c"), np.arange(4) * 3.0, np.arange(1, 5) * 3.0, ROWS)


def test_a_file_is_the_mean_of_its_slices():
    assert ANSWER.mean == pytest.approx([0.5, 0.325, 0.175])
    assert (ANSWER.genre, ANSWER.runner_up) == ("a", "b")
    assert (ANSWER.probability, ANSWER.runner_up_probability) == pytest.approx((0.5, 0.325))
    assert ANSWER.agreement == 0.75


def test_a_slice_is_an_answer_of_its_own():
    second = ANSWER.slices()[1]
    assert (second.genre, second.runner_up, second.agreement) == ("b", "c", 1.0)
    assert (second.start_s.tolist(), second.stop_s.tolist()) == ([3.0], [6.0])


def test_a_file_without_an_answer_has_the_reason():
    assert FilePrediction(Path("x.wav"), ("a", "b"), skipped="empty").slices() == []
