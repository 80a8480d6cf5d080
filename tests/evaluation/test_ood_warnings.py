"""Which sentence is said of which file."""

from dataclasses import replace

import numpy as np
import pytest

from gtzan_lightning.evaluation.ood import OodScore, ood_warnings, sound_warnings
from gtzan_lightning.features.signal_quality import SignalQuality

USUAL = SignalQuality(duration_s=30.0, level_dbfs=-16.0, clipped_share=0.001, silent_share=0.02, bandwidth_hz=9_000.0)


def test_nothing_is_said_of_a_usual_file():
    assert sound_warnings(USUAL, 22_050) == []


@pytest.mark.parametrize(
    ("odd", "said"),
    [
        ({"level_dbfs": -52.3}, "very quiet: -52 dBFS"),
        ({"level_dbfs": -3.01}, "very loud: -3 dBFS, louder than any master"),
        ({"clipped_share": 0.3}, "clipped: 30% of the samples are at full scale"),
        ({"silent_share": 0.5}, "silence: 50% of the time is below -60 dBFS"),
        ({"bandwidth_hz": 3_940.0}, "narrow band: nothing above 3.9 kHz, like a telephone"),
    ],
)
def test_what_is_odd_is_said(odd, said):
    assert sound_warnings(replace(USUAL, **odd), 22_050) == [said]


def test_a_model_of_telephone_speech_finds_a_telephone_usual():
    assert sound_warnings(replace(USUAL, bandwidth_hz=3_500.0), 8_000) == []


def test_what_is_far_or_short_beside_the_training_music_is_said():
    known = OodScore(np.zeros(2, np.float32), np.eye(2, dtype=np.float32), limit=1.0, least_s=30.0)
    near, far = np.full((3, 1, 2), 0.9, np.float32), np.full((3, 1, 2), 1.6, np.float32)
    assert ood_warnings(known, USUAL, near) == []
    (said,) = ood_warnings(known, USUAL, far)
    assert said.startswith("unlike training: its features are 60% farther")
    (said,) = ood_warnings(known, replace(USUAL, duration_s=20.0), near)
    assert said == "short: 20.0 s; training tracks have 30 s and more"
