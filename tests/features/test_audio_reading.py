"""Audio files: used, repaired with a note, or skipped with a reason."""

from __future__ import annotations

import os
import struct

import numpy as np
import pytest
import soundfile
import soxr

from gtzan_lightning.features import audio_reading
from gtzan_lightning.features.audio_reading import read_audio

from .librosa_reference import RATE_HZ, music

Y = music(1.0)


def read(path, rate_hz=RATE_HZ, max_s=120.0):
    return read_audio(path, rate_hz, max_s)


def write(path, y=Y, rate_hz=RATE_HZ, **options):
    soundfile.write(path, y, rate_hz, **options)
    return path


@pytest.mark.parametrize(
    ("suffix", "options", "error"),
    [
        ("wav", {"subtype": "PCM_16"}, 0),
        ("wav", {"subtype": "PCM_24"}, 0),
        ("wav", {"subtype": "DOUBLE"}, 0),
        ("wav", {"subtype": "PCM_U8"}, 1 / 128),
        ("au", {"subtype": "PCM_16"}, 0),
        ("flac", {}, 0),
        ("ogg", {}, 0.2),
        ("mp3", {}, 0.2),
    ],
)
def test_formats_and_bit_depths(tmp_path, suffix, options, error):
    result = read(write(tmp_path / f"x.{suffix}", **options))
    assert result.skipped is None
    assert result.notes == ()
    assert result.signal.dtype == np.float32
    if suffix != "mp3":  # an MP3 decoder adds a delay
        np.testing.assert_allclose(result.signal, Y, atol=error)
    assert abs(len(result.signal) - len(Y)) < 2500


def test_the_format_is_detected_from_the_content(tmp_path):
    os.rename(write(tmp_path / "x.ogg"), tmp_path / "x.wav")
    assert len(read(tmp_path / "x.wav").signal) == len(Y)


@pytest.mark.parametrize("rate_hz", [8000, 44100, 192000])
def test_other_rates_are_resampled(tmp_path, rate_hz):
    y = np.sin(2 * np.pi * 440 * np.arange(rate_hz) / rate_hz).astype(np.float32) * 0.5
    result = read(write(tmp_path / "x.wav", y, rate_hz, subtype="FLOAT"))
    assert abs(len(result.signal) - RATE_HZ) <= 1
    want = np.sin(2 * np.pi * 440 * np.arange(len(result.signal)) / RATE_HZ) * 0.5
    np.testing.assert_allclose(result.signal[500:-500], want[500:-500], atol=1e-3)
    np.testing.assert_array_equal(result.signal, soxr.resample(y, rate_hz, RATE_HZ, quality="HQ"))


def test_six_channels_are_averaged(tmp_path):
    y = np.stack([Y * gain for gain in (1, 0.5, 0.25, 0, 0, -0.25)], axis=1)
    np.testing.assert_allclose(read(write(tmp_path / "x.wav", y, subtype="FLOAT")).signal, Y * 0.25, atol=1e-7)


@pytest.mark.parametrize("name", ["with space.wav", "tonart \u00e4 \u97f3.wav", "new\nline.wav"])
def test_unusual_file_names(tmp_path, name):
    assert len(read(write(tmp_path / name)).signal) == len(Y)


def test_clipped_files_are_used_unchanged(tmp_path):
    result = read(write(tmp_path / "x.wav", np.clip(Y * 50, -1, 1), subtype="FLOAT"))
    assert result.skipped is None
    assert np.abs(result.signal).max() == 1.0


def test_long_files_are_cut(tmp_path):
    path = write(tmp_path / "x.wav", np.tile(Y, 10))
    result = read(path, max_s=2.0)
    assert len(result.signal) == 2 * RATE_HZ
    assert result.notes == ("longer than 2 s: the first 2 s are used",)
    assert read(path, max_s=10.0).notes == ()


def test_nan_and_infinite_samples_become_zero_with_a_note(tmp_path):
    y = Y.copy()
    y[[3, 5, 7]] = [np.nan, np.inf, -np.inf]
    result = read(write(tmp_path / "x.wav", y, subtype="FLOAT"))
    assert result.notes == ("3 samples that are not numbers were set to 0",)
    np.testing.assert_array_equal(result.signal, np.where(np.isfinite(y), y, 0))


def test_truncated_data_are_used_with_a_note(tmp_path):
    path = write(tmp_path / "x.wav")
    path.write_bytes(path.read_bytes()[:20044])
    result = read(path)
    np.testing.assert_array_equal(result.signal, Y[:10000])
    assert result.notes == (f"the header promises {2 * len(Y)} bytes of sound, 20000 are there and used",)


def test_a_header_that_claims_gigabytes_does_not_fill_the_memory(tmp_path):
    path = write(tmp_path / "x.wav")
    data = bytearray(path.read_bytes())
    data[40:44] = struct.pack("<I", 0xFFFFFFF0)
    path.write_bytes(data)
    assert len(read(path).signal) == len(Y)


def test_damage_in_the_middle_keeps_the_part_before(tmp_path):
    path = write(tmp_path / "x.flac", np.tile(Y, 20))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    result = read(path)
    assert result.skipped is None
    assert 5 * RATE_HZ < len(result.signal) < 15 * RATE_HZ
    assert len(result.notes) == 1


def empty(path):
    path.write_bytes(b"")


def text(path):
    path.write_text("this is not audio\n" * 100)


def header_cut(path):
    write(path)
    path.write_bytes(path.read_bytes()[:20])


def header_only(path):
    write(path, np.zeros(0, np.float32))


def silence(path):
    write(path, np.zeros(RATE_HZ, np.float32))


def direct_current(path):
    write(path, np.full(RATE_HZ, 0.25, np.float32))


def not_numbers(path):
    write(path, np.full(RATE_HZ, np.nan, np.float32), subtype="FLOAT")


def folder(path):
    path.mkdir()


def dangling(path):
    path.symlink_to(path.parent / "nowhere")


def absent(path):
    pass


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (empty, "the file is empty"),
        (text, "it is not audio that can be read"),
        (header_cut, "it is not audio that can be read"),
        (header_only, "the header is valid, but no sample follows it"),
        (silence, "silent: every sample has the same value"),
        (direct_current, "silent: every sample has the same value"),
        (not_numbers, "100% of the samples are not numbers"),
        (folder, "it is a folder"),
        (dangling, "the link points to nothing"),
        (absent, "the file does not exist"),
    ],
)
def test_unusable_files_are_skipped_with_a_reason(tmp_path, make, reason):
    make(tmp_path / "x.wav")
    result = read(tmp_path / "x.wav")
    assert result.skipped is not None
    assert result.skipped.startswith(reason)
    assert len(result.signal) == 0


def test_no_permission_is_a_reason(tmp_path, monkeypatch):
    path = write(tmp_path / "x.wav")
    path.chmod(0)
    # root may read anything, so the error is simulated
    monkeypatch.setattr(audio_reading.os, "access", lambda *_: False)
    monkeypatch.setattr(
        audio_reading.soundfile, "SoundFile", lambda *_: (_ for _ in ()).throw(PermissionError(13, "denied"))
    )
    assert read(path).skipped == "no permission to read it"


def test_a_single_sample_is_skipped(tmp_path):
    assert read(write(tmp_path / "x.wav", Y[100:101])).skipped == "silent: every sample has the same value"
