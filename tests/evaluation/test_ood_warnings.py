"""Warnings about the signal quality and the OOD score of a file."""

from dataclasses import replace

import numpy as np
import pytest

from gtzan_lightning.evaluation.ood import OodScore, ood_warnings, sound_warnings
from gtzan_lightning.features.signal_quality import SignalQuality

USUAL = SignalQuality(duration_s=30.0, level_dbfs=-16.0, clipped_share=0.001, silent_share=0.02, bandwidth_hz=9_000.0)


def test_a_usual_file_has_no_warning():
    assert sound_warnings(USUAL, 22_050) == []


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"level_dbfs": -52.3}, "very quiet: -52 dBFS"),
        ({"level_dbfs": -3.01}, "very loud: -3 dBFS, louder than any master"),
        ({"clipped_share": 0.3}, "clipped: 30% of the samples are at full scale"),
        ({"silent_share": 0.5}, "silence: 50% of the time is below -60 dBFS"),
        ({"bandwidth_hz": 3_940.0}, "narrow band: nothing above 3.9 kHz, like a telephone"),
    ],
)
def test_each_property_has_its_warning(change, warning):
    assert sound_warnings(replace(USUAL, **change), 22_050) == [warning]


def test_the_bandwidth_limit_follows_the_sampling_rate():
    assert sound_warnings(replace(USUAL, bandwidth_hz=3_500.0), 8_000) == []


def test_distant_and_short_files_have_a_warning():
    score = OodScore(np.zeros((1, 2), np.float32), np.ones(2, np.float32), limit=1.0, least_s=30.0)
    assert ood_warnings(score, USUAL, distance=1.0) == []
    assert ood_warnings(score, USUAL, distance=1.6) == [
        "out of distribution: it is further from the training examples than 95% of the validation tracks "
        "(distance 1.60, limit 1.00)"
    ]
    (warning,) = ood_warnings(score, replace(USUAL, duration_s=20.0), distance=0.9)
    assert warning == "short: 20.0 s; training tracks have 30 s and more"
