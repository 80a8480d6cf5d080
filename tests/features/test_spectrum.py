"""Parity of mel cepstra and log-mel spectra with librosa."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch

from gtzan_lightning.features.feature_request import FrameSettings, feature_columns
from gtzan_lightning.features.spectrum import deltas, frame_features

from .librosa_reference import RATE_HZ, music

Y = music(3.0)
SETTINGS = [
    FrameSettings(),
    FrameSettings(n_mfcc=20, n_mels=40),
    FrameSettings(n_fft=1024, hop_length_samples=256, n_mels=64),
]


def librosa_mel(settings):
    return librosa.feature.melspectrogram(
        y=Y, sr=RATE_HZ, n_fft=settings.n_fft, hop_length=settings.hop_length_samples, n_mels=settings.n_mels
    )


def assert_close(got, want):
    """Within 1e-4 of the largest value of each column."""
    assert got.shape == want.shape
    assert (np.abs(got.numpy() - want) / np.abs(want).max(axis=0)).max() < 1e-4


@pytest.mark.parametrize("settings", SETTINGS)
def test_logmel_parity(settings):
    want = librosa.power_to_db(librosa_mel(settings), top_db=None).T
    assert_close(frame_features("logmel", torch.from_numpy(Y), settings), want)


@pytest.mark.parametrize("settings", SETTINGS)
def test_mfcc_parity(settings):
    want = librosa.feature.mfcc(S=librosa.power_to_db(librosa_mel(settings)), n_mfcc=settings.n_mfcc).T
    assert_close(frame_features("mfcc", torch.from_numpy(Y), settings), want)


def test_deltas_parity():
    rows = np.random.default_rng(0).standard_normal((40, 5)).astype(np.float32)
    np.testing.assert_allclose(deltas(torch.from_numpy(rows)), librosa.feature.delta(rows, axis=0), atol=1e-6)


def test_deltas_follow_and_have_names():
    settings = FrameSettings(deltas=True)
    rows = frame_features("mfcc", torch.from_numpy(Y), settings)
    assert rows.shape == (1 + len(Y) // 512, 26)
    assert feature_columns("mfcc", settings)[12:15] == ("mfcc13", "mfcc1_delta", "mfcc2_delta")
    assert feature_columns("logmel", FrameSettings())[-1] == "mel128"
