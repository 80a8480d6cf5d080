"""Parity of the 58 columns with librosa 0.11, on generated audio."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from gtzan_lightning.corpus.feature_table import STATS_COLUMNS
from gtzan_lightning.features import chroma
from gtzan_lightning.features.window_stats import cut_windows, window_stats

from .librosa_reference import RATE_HZ, librosa_stats, music

pytestmark = pytest.mark.slow


def noise(seconds):
    return np.random.default_rng(1).uniform(-0.5, 0.5, round(seconds * RATE_HZ)).astype(np.float32)


def tone(seconds):
    y = 0.4 * np.sin(2 * np.pi * 442.7 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    return (y + noise(seconds) * 1e-3).astype(np.float32)


def pure_tone(seconds):
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)).astype(np.float32)


def sweep(seconds):
    t = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.5 * np.sin(2 * np.pi * (50 + 1500 * t) * t)).astype(np.float32)


def half_silent(seconds):
    y = music(seconds, seed=2).copy()
    y[len(y) // 2 :] = 0
    return y


def off_centre(seconds):
    return music(seconds, seed=3) * 0.5 + np.float32(0.2)


def quiet(seconds):
    return music(seconds, seed=4) * np.float32(1e-3)


def assert_close(got, y, rtol=1e-4):
    """Every column within `rtol`, relative to the level of the signal for the means of the two waveforms."""
    want = librosa_stats(y)
    scale = np.abs(want)
    for name in ("harmony_mean", "perceptr_mean"):
        scale[STATS_COLUMNS.index(name)] = np.sqrt(np.mean(np.square(y, dtype=np.float64)))
    error = np.abs(got - want) / np.maximum(scale, 1e-12)
    worst = {name: float(value) for name, value in zip(STATS_COLUMNS, error, strict=True) if value > rtol}
    assert not worst
    assert got[STATS_COLUMNS.index("tempo")] == want[STATS_COLUMNS.index("tempo")]


@pytest.mark.parametrize("make", [music, noise, tone, pure_tone, sweep, half_silent, off_centre, quiet])
@pytest.mark.parametrize("seconds", [3.0, 1.37])
def test_parity(make, seconds):
    y = make(seconds)
    assert_close(window_stats(torch.from_numpy(y)[None], RATE_HZ)[0].numpy(), y)


def test_a_batch_equals_its_windows_one_by_one():
    windows = cut_windows(torch.from_numpy(music(7.0)), RATE_HZ, 2.0)
    together = window_stats(windows, RATE_HZ)
    for window, row in zip(windows, together, strict=True):
        np.testing.assert_allclose(window_stats(window[None], RATE_HZ)[0], row, rtol=1e-5, atol=1e-7)


def test_silence_has_finite_statistics_and_no_tempo():
    row = window_stats(torch.zeros(1, 30000), RATE_HZ)[0].numpy()
    assert np.isfinite(row).all()
    assert row[STATS_COLUMNS.index("tempo")] == 0
    assert row[STATS_COLUMNS.index("rms_mean")] == 0


def test_windows_are_cut_as_published():
    signal = torch.arange(200_000, dtype=torch.float32)
    windows = cut_windows(signal, RATE_HZ, 3.0)
    assert windows.shape == (3, 66149)
    assert windows[:, 0].tolist() == [0, 66150, 132300]
    assert len(cut_windows(signal[:198449], RATE_HZ, 3.0)) == 3  # 3 * 66150 - 1: the last one is exactly complete
    assert len(cut_windows(signal[:198448], RATE_HZ, 3.0)) == 2
    assert cut_windows(signal[:100], RATE_HZ, 3.0).shape == (0, 66149)


def test_pitches_on_the_edges_of_the_histogram_have_the_tuning_of_librosa(monkeypatch):
    """In double precision, some of these residuals are in another bin."""
    semitones = np.arange(-24, 25)
    for hundredths in range(-50, 50):
        pitches = (440 * 2 ** ((semitones + hundredths / 100) / 12)).astype(np.float32)
        found = torch.from_numpy(pitches), torch.ones(len(pitches))
        monkeypatch.setattr(chroma, "_pitches", lambda *_, found=found: found)
        assert chroma.tuning(torch.empty(0), 22_050) == librosa.pitch_tuning(pitches), hundredths
