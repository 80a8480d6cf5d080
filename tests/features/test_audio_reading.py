"""Audio files: used, repaired with a note, or skipped with a reason."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

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


def test_channels_are_averaged(tmp_path):
    other = np.roll(Y, 1)
    y = np.stack([Y, other, Y, other, Y, 0.5 * Y], axis=1)
    result = read(write(tmp_path / "x.wav", y, subtype="FLOAT"))
    np.testing.assert_allclose(result.signal, y.mean(axis=1), atol=1e-7)
    assert result.notes == ()


@pytest.mark.parametrize(
    ("gains", "loss", "used"),
    [
        ((1, -1), "60 dB or more", 0),  # one plug wired the wrong way
        ((-0.98, 1), "40.0 dB", 1),
        ((0, 1), "6.0 dB", 1),
        ((0, 0, 1, 0, 0, 0), "15.6 dB", 2),  # 5.1 with sound in the centre only
    ],
)
def test_the_loudest_channel_replaces_a_mix_that_cancels(tmp_path, gains, loss, used):
    y = np.stack([np.float32(gain) * Y for gain in gains], axis=1)
    result = read(write(tmp_path / "x.wav", y, subtype="FLOAT"))
    np.testing.assert_array_equal(result.signal, y[:, used])
    assert result.notes == (
        f"the mix of its {len(gains)} channels is {loss} below channel {used + 1}, which is used in its place",
    )


def test_a_constant_offset_is_no_sound_of_a_channel(tmp_path):
    y = np.stack([np.full_like(Y, 0.9), Y], axis=1)
    np.testing.assert_array_equal(read(write(tmp_path / "x.wav", y, subtype="FLOAT")).signal, Y)


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
    assert 9.7 * RATE_HZ < len(result.signal) < 10.1 * RATE_HZ  # not a whole block less
    assert result.notes == (
        f"damaged after {len(result.signal) / RATE_HZ:.1f} s, used up to there (flac decoder lost sync)",
    )


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


def web_page(path):
    path.write_bytes(b"ID3\x03\0\0\0\0\0\0" + b"<!DOCTYPE html><html>404</html>" * 50)


def zeros(path):
    path.write_bytes(b"ID3\x03\0\0\0\0\0\0" + bytes(20_000))


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
        (web_page, "it is a web page and not audio: download the file again"),
        (zeros, "it holds zeros and no audio"),
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


@pytest.mark.parametrize("device", [None, "/dev/zero"])
def test_pipes_and_devices_are_refused_at_once(tmp_path, device):
    path = tmp_path / "x.wav"
    if device is None:
        os.mkfifo(path)
    result = read(path if device is None else Path(device))
    assert result.skipped == "it is a pipe or a device: write its content to a file first"


def test_decoders_do_not_write_to_stderr(tmp_path, capfd):
    path = write(tmp_path / "x.mp3", np.tile(Y, 3))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with soundfile.SoundFile(path) as file:
        file.read()
    assert "Xing stream size off" in capfd.readouterr().err  # else this test shows nothing
    read(path)
    assert capfd.readouterr().err == ""


def m4a(path, seconds=2.0):
    """An AAC file of a sine of 440 Hz, its index in front of the sound."""
    av = pytest.importorskip("av")
    y = 0.4 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * RATE_HZ)) / RATE_HZ)
    frame = av.AudioFrame.from_ndarray(y[None].astype(np.float32), format="fltp", layout="mono")
    frame.rate = RATE_HZ
    with av.open(str(path), "w", format="ipod", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("aac", rate=RATE_HZ, layout="mono")
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=RATE_HZ, frame_size=1024)
        for part in [*resampler.resample(frame), *resampler.resample(None)]:
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    return path


def test_ffmpeg_reads_what_libsndfile_does_not(tmp_path):
    result = read(m4a(tmp_path / "x.m4a"))
    assert result.skipped is None
    assert result.notes == ()
    assert len(result.signal) == pytest.approx(2 * RATE_HZ, abs=2048)
    spectrum = np.abs(np.fft.rfft(result.signal[RATE_HZ // 2 : 3 * RATE_HZ // 2]))
    assert spectrum.argmax() == 440
    assert len(read(tmp_path / "x.m4a", max_s=1.0).signal) == RATE_HZ


def test_a_cut_file_of_ffmpeg_has_a_note(tmp_path):
    path = m4a(tmp_path / "x.m4a", 20.0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    result = read(path)
    assert 10 * RATE_HZ < len(result.signal) < 14 * RATE_HZ
    seconds = f"{len(result.signal) / RATE_HZ:.1f} s"
    assert result.notes == (f"damaged after {seconds}, used up to there (Invalid data found when processing input)",)


@pytest.mark.parametrize(("name", "start"), [("x.m4a", b""), ("x.bin", b"\0\0\0\x20ftypM4A "), ("x.wma", b"0&\xb2u")])
def test_without_ffmpeg_the_reason_says_how_to_install_it(tmp_path, monkeypatch, name, start):
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / name
    path.write_bytes(start + b"\0" * 4000)
    assert read(path).skipped == 'AAC, WMA, MP4 and WebM are read with FFmpeg: pip install "gtzan-lightning[ffmpeg]"'
