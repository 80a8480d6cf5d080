"""Signal quality of signals with known properties."""

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfiltfilt

from gtzan_lightning.features import signal_quality
from gtzan_lightning.features.signal_quality import file_quality, measure

RATE_HZ = 22_050
TIME_S = np.arange(2 * RATE_HZ) / RATE_HZ


def sine(hz, amplitude=0.5):
    return (amplitude * np.sin(2 * np.pi * hz * TIME_S)).astype(np.float32)


def test_a_sine_has_the_level_of_its_root_mean_square():
    found = measure(sine(1000.0), RATE_HZ)
    assert found.duration_s == 2.0
    assert found.level_dbfs == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.01)
    assert (found.clipped_share, found.silent_share) == (0.0, 0.0)


def test_a_constant_offset_is_not_part_of_the_level():
    assert measure(sine(1000.0) + 0.3, RATE_HZ).level_dbfs == pytest.approx(-9.03, abs=0.01)


@pytest.mark.parametrize("cutoff_hz", [2000.0, 3400.0, 7000.0])
def test_bandwidth_of_filtered_noise_ends_at_70_db_attenuation(cutoff_hz):
    noise = np.random.default_rng(0).normal(size=20 * RATE_HZ)
    sections = butter(20, cutoff_hz, fs=RATE_HZ, output="sos")  # applied twice: 70 dB at about 1.22 times the cutoff
    found = measure(sosfiltfilt(sections, noise).astype(np.float32) * 0.1, RATE_HZ)
    assert cutoff_hz < found.bandwidth_hz < 1.35 * cutoff_hz


def test_white_noise_has_the_full_bandwidth():
    noise = np.random.default_rng(0).normal(size=RATE_HZ).astype(np.float32) * 0.1
    assert measure(noise, RATE_HZ).bandwidth_hz == RATE_HZ / 2


def test_silence_and_clipping_are_shares():
    signal = np.concatenate([sine(440.0), np.zeros(RATE_HZ * 6, np.float32)])
    assert measure(signal, RATE_HZ).silent_share == pytest.approx(0.75, abs=0.01)
    assert measure(sine(440.0, 10.0).clip(-1, 1), RATE_HZ).clipped_share > 0.9
    assert measure(np.full(10, 0.1, np.float32), RATE_HZ).silent_share == 0.0  # shorter than a block


def test_a_file_is_measured_once(tmp_path, monkeypatch):
    file = tmp_path / "x.wav"
    soundfile.write(file, sine(1000.0), RATE_HZ)
    first, reading = file_quality(file, RATE_HZ, 10.0, tmp_path / "cache")
    assert len(reading.signal) == 2 * RATE_HZ
    monkeypatch.setattr(signal_quality, "read_audio", None)
    again, reading = file_quality(file, RATE_HZ, 10.0, tmp_path / "cache")
    assert again.duration_s == first.duration_s == 2.0
    assert reading is None  # nothing was read


@pytest.mark.parametrize("content", [None, b"", b"no audio"])
def test_an_unreadable_file_has_no_signal_quality(tmp_path, content):
    file = tmp_path / "x.wav"
    if content is not None:
        file.write_bytes(content)
    quality, reading = file_quality(file, RATE_HZ, 10.0, tmp_path / "cache")
    assert quality is None
    assert (reading is None) == (content is None)  # a missing file is not opened
    if reading is not None:
        assert reading.skipped
