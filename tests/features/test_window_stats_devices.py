"""The tensor implementation for GPUs equals the compiled kernels for CPUs."""

from __future__ import annotations

import ast
import subprocess
import sys

import numpy as np
import pytest
import torch

from gtzan_lightning.features import chroma
from gtzan_lightning.features import window_stats as statistics
from gtzan_lightning.features.feature_request import FrameSettings
from gtzan_lightning.features.median import median_along_rows, median_of_last_dim
from gtzan_lightning.features.separation import harmonic_mask, soft_mask
from gtzan_lightning.features.spectrum import N_FFT, bin_frequencies, frame_features, stft
from gtzan_lightning.features.window_stats import window_stats

from .librosa_reference import RATE_HZ, music

pytestmark = pytest.mark.slow

SIGNALS = torch.from_numpy(np.stack([music(1.5), music(1.5, seed=1)]))


def test_mask():
    magnitudes = stft(SIGNALS).abs()
    magnitudes[0, 20:60] = 0  # longer than the filter: silence
    along_bins = median_along_rows(magnitudes.transpose(1, 2).contiguous()).transpose(1, 2)
    want = soft_mask(median_along_rows(magnitudes), along_bins)
    torch.testing.assert_close(harmonic_mask(magnitudes), want, rtol=1e-6, atol=1e-7)
    assert (want[0, 40] == 0.5).all()


def test_mask_is_the_wiener_filter():
    h, p = torch.rand(2, 50, dtype=torch.float64)
    torch.testing.assert_close(soft_mask(h, p), h**2 / (h**2 + p**2))


def test_spectral_shape():
    spectra = stft(SIGNALS)
    want = statistics._spectral_shape_on_device(spectra, bin_frequencies(RATE_HZ))
    for got, other in zip(statistics.spectral_shape(spectra, RATE_HZ), want, strict=True):
        torch.testing.assert_close(got, other, rtol=1e-5, atol=1e-6)


def test_pitches():
    power = stft(SIGNALS)[1].abs() ** 2
    power[20:40] = 0
    power[10, 100:103] = power.max()  # of equal heights, the first bin is the peak
    pitches, heights = chroma._pitches_on_device(power, 14, 372, RATE_HZ / N_FFT)
    got = chroma._pitches(power, RATE_HZ)
    assert len(pitches) > 100
    torch.testing.assert_close(got, (pitches, heights), rtol=0, atol=0)


def test_median_of_last_dim():
    values = torch.rand(3, 7, 128)
    other = (values.median(dim=-1).values - (-values).median(dim=-1).values) / 2
    torch.testing.assert_close(median_of_last_dim(values), other)


ON_A_FAKE_GPU = """
import dataclasses, torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import ShapeEnv
from gtzan_lightning.features import chroma
from gtzan_lightning.features.feature_request import FrameSettings
from gtzan_lightning.features.spectrum import frame_features
from gtzan_lightning.features.window_stats import window_stats

chroma.tuning = lambda *_: 0.0  # the number of peaks is unknown for fake tensors
settings = dataclasses.replace(FrameSettings(), deltas=True)
with FakeTensorMode(allow_non_fake_inputs=True, shape_env=ShapeEnv()):
    found = [window_stats(torch.empty(2, 66149, device="cuda"), 22050)]
    found += [frame_features(name, torch.empty(66149, device="cuda"), settings) for name in ("mfcc", "logmel")]
print([(str(each.device), tuple(each.shape)) for each in found])
"""


def test_all_intermediate_results_stay_on_the_device():
    """Fake tensors have a device and no values, and refuse operations across devices: no GPU is needed.

    In a separate process, since cached filter banks would be fake for other tests.
    """
    done = subprocess.run([sys.executable, "-c", ON_A_FAKE_GPU], capture_output=True, text=True, check=True)
    assert ast.literal_eval(done.stdout) == [("cuda:0", (2, 58)), ("cuda:0", (130, 26)), ("cuda:0", (130, 256))]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda():
    want = window_stats(SIGNALS, RATE_HZ)
    torch.testing.assert_close(window_stats(SIGNALS.cuda(), RATE_HZ).cpu(), want, rtol=1e-4, atol=1e-5)
    for name in ("mfcc", "logmel"):
        want = frame_features(name, SIGNALS[0], FrameSettings())
        got = frame_features(name, SIGNALS[0].cuda(), FrameSettings()).cpu()
        torch.testing.assert_close(got, want, rtol=1e-4, atol=1e-3)
