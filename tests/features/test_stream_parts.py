"""Files with several streams, cut files, and headers that state another length: all is read, or a note says what."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import soundfile
import soxr
from scipy.signal import correlate

from gtzan_lightning.features.audio_reading import read_audio

from .librosa_reference import RATE_HZ, music

A, B = music(3.0), music(5.0)[::-1].copy()
ALL_USED = "2 streams one after another, all are used"


def encoded(y, audio_format, subtype=None, rate_hz=RATE_HZ):
    buffer = io.BytesIO()
    soundfile.write(buffer, y, rate_hz, format=audio_format, subtype=subtype)
    return buffer.getvalue()


def decoded(content):
    return soundfile.read(io.BytesIO(content), dtype="float32")[0]


def written(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    return path


def read(tmp_path, content, max_s=120.0):
    return read_audio(written(tmp_path, content), RATE_HZ, max_s)


FORMATS = [("MP3", None), ("OGG", "VORBIS"), ("FLAC", "PCM_16")]


@pytest.mark.parametrize(("audio_format", "subtype"), FORMATS)
def test_streams_one_after_another_are_all_read(tmp_path, audio_format, subtype):
    one, other = encoded(A, audio_format, subtype), encoded(B, audio_format, subtype)
    result = read(tmp_path, one + other)
    np.testing.assert_allclose(result.signal, np.concatenate([decoded(one), decoded(other)]), atol=1e-6)
    assert result.notes == (ALL_USED,)
    assert read(tmp_path, one).notes == read(tmp_path, other).notes == ()


def test_streams_of_opus(tmp_path):
    content = [encoded(y, "OGG", "OPUS", 24_000) for y in (A, B)]
    want = np.concatenate([soxr.resample(decoded(each), 24_000, RATE_HZ, quality="HQ") for each in content])
    result = read(tmp_path, b"".join(content))
    np.testing.assert_array_equal(result.signal, want)
    assert result.notes == (ALL_USED,)


@pytest.mark.parametrize("tag", [b"", b"ID3\x03\0\0\0\0\x01\0" + bytes(128), b"TAG" + bytes(125)])
def test_mp3_streams_of_other_rates_and_with_tags_between(tmp_path, tag):
    twice = soxr.resample(B, RATE_HZ, 2 * RATE_HZ)
    one, other = encoded(A, "MP3"), encoded(np.stack([twice, twice], axis=1), "MP3", None, 2 * RATE_HZ)
    want = [decoded(one), soxr.resample(decoded(other).mean(axis=1), 2 * RATE_HZ, RATE_HZ, quality="HQ")]
    for content, parts in ((one + tag + other, want), (other + tag + one, want[::-1])):
        result = read(tmp_path, content)
        np.testing.assert_allclose(result.signal, np.concatenate(parts), atol=1e-6)
        assert result.notes == (ALL_USED,)


def test_mp3_streams_without_a_header_are_read_to_their_end(tmp_path):
    one, other = encoded(A, "MP3"), encoded(B, "MP3")
    sound = other[other.index(b"\xff\xf3", 1) :]  # without the first frame, which is the header
    assert len(decoded(sound)) < 3 * RATE_HZ  # libsndfile estimates the length from the bitrate of the first frame
    result = read(tmp_path, sound)
    assert len(result.signal) == pytest.approx(5 * RATE_HZ, abs=0.1 * RATE_HZ)
    assert result.notes == ()
    want = decoded(other)[RATE_HZ : 4 * RATE_HZ]
    delay = int(np.argmax(correlate(result.signal, want, "valid"))) - RATE_HZ  # of the encoder, stated in the header
    assert 500 < delay < 2000
    np.testing.assert_allclose(result.signal[RATE_HZ + delay : 4 * RATE_HZ + delay], want, atol=1e-5)
    result = read(tmp_path, one + sound)
    assert result.notes == (ALL_USED,)
    assert len(result.signal) == pytest.approx(8 * RATE_HZ, abs=0.1 * RATE_HZ)


def test_the_first_part_of_several_streams(tmp_path):
    content = encoded(A, "OGG", "VORBIS") + encoded(B, "OGG", "VORBIS")
    for max_s in (2.0, 3.0, 4.0):
        result = read(tmp_path, content, max_s)
        assert len(result.signal) == max_s * RATE_HZ
        assert result.notes == (ALL_USED, f"longer than {max_s:g} s: the first {max_s:g} s are used")


@pytest.mark.parametrize(("audio_format", "subtype"), FORMATS)
def test_cut_files_have_a_note(tmp_path, audio_format, subtype):
    content = encoded(np.tile(A, 5), audio_format, subtype)
    result = read(tmp_path, content[: len(content) // 2])
    seconds = len(result.signal) / RATE_HZ
    assert 6.0 < seconds < 8.5
    assert len(result.notes) == 1
    assert result.notes[0] in {
        "the header promises 15.1 s, 7.6 s are there and used",
        "the stream has no end: the file was cut, and is used up to there",
        f"damaged after {seconds:.1f} s, used up to there (flac decoder lost sync)",
    }


def test_a_cut_mp3_without_a_header_has_a_note(tmp_path):
    content = encoded(A, "MP3")
    sound = content[content.index(b"\xff\xf3", 1) :]
    assert read(tmp_path, sound).notes == ()
    assert read(tmp_path, sound[:-20]).notes == (
        "the last frame is incomplete: the file was cut, and is used up to there",
    )


@pytest.mark.parametrize(("more", "noted"), [(0, False), (1, False), (2, True)])
def test_an_mp3_header_that_promises_two_frames_more_has_a_note(tmp_path, more, noted):
    content = bytearray(encoded(A, "MP3"))
    place = content.index(b"Xing" if b"Xing" in content else b"Info") + 8
    frames = struct.unpack_from(">I", content, place)[0]
    struct.pack_into(">I", content, place, frames + more)
    promised_s, found_s = (count * 576 / RATE_HZ for count in (frames + more, frames))
    note = f"the header promises {promised_s:.1f} s, {found_s:.1f} s are there and used"
    assert read(tmp_path, content).notes == ((note,) if noted else ())


@pytest.mark.parametrize(
    ("head", "size", "rate_hz"),
    [
        (b"\xff\xf5\x80\xc0", 417, 22_050),  # MPEG 2, layer 2, 64 kbit/s, mono: 144 * 64000 / 22050
        (b"\xff\xfd\x40\xc0", 208, 44_100),  # MPEG 1, layer 2, 64 kbit/s, mono
    ],
    ids=["mpeg2", "mpeg1"],
)
def test_layer_2_has_frames_of_1152_samples_and_no_header(tmp_path, head, size, rate_hz):
    random = np.random.default_rng(0)
    content = b"".join(head + random.integers(0, 128, size - 4, np.uint8).tobytes() for _ in range(50))
    result = read_audio(written(tmp_path, content), rate_hz, 120.0)
    np.testing.assert_array_equal(result.signal, decoded(content))
    assert (len(result.signal), result.notes) == (50 * 1152, ())
    cut = read_audio(written(tmp_path, content[:-100]), rate_hz, 120.0)
    assert cut.notes == ("the last frame is incomplete: the file was cut, and is used up to there",)


SIZE_AT = {"WAV": (b"data", 4, "<I", 0), "AIFF": (b"SSND", 4, ">I", 8), "AU": (b".snd", 8, ">I", 0)}


@pytest.mark.parametrize("audio_format", SIZE_AT)
@pytest.mark.parametrize("share", [0.0, 0.25, 2.0])
def test_a_header_with_a_wrong_size(tmp_path, audio_format, share):
    content = bytearray(encoded(A, audio_format, "PCM_16"))
    mark, offset, form, extra = SIZE_AT[audio_format]
    stated = round(2 * len(A) * share)
    struct.pack_into(form, content, content.index(mark) + offset, stated + extra if share else 0)
    result = read(tmp_path, content)
    np.testing.assert_array_equal(result.signal, decoded(encoded(A, audio_format, "PCM_16")))
    assert result.notes == (f"the header promises {stated} bytes of sound, {2 * len(A)} are there and used",)


@pytest.mark.parametrize("audio_format", SIZE_AT)
def test_other_content_behind_the_sound_is_not_sound(tmp_path, audio_format):
    content = encoded(A, audio_format, "PCM_16")
    order = ">" if audio_format == "AIFF" else "<"
    chunk = struct.pack(f"{order}4sI", b"LIST", 20_000) + bytes(20_000) if audio_format != "AU" else b"TAG" + bytes(125)
    result = read(tmp_path, content + chunk)
    assert (len(result.signal), result.notes) == (len(A), ())


@pytest.mark.parametrize(
    ("subtype", "sample_bytes"),
    [("ULAW", 1), ("PCM_S8", 1), ("PCM_16", 2), ("PCM_24", 3), ("PCM_32", 4), ("FLOAT", 4), ("DOUBLE", 8)],
)
def test_a_rest_of_a_tenth_of_a_second_behind_an_au_file_is_sound(tmp_path, subtype, sample_bytes):
    content = encoded(A, "AU", subtype)
    sound = len(A) * sample_bytes
    rest = RATE_HZ // 10 * sample_bytes
    assert read(tmp_path, content + bytes(rest - 8)).notes == ()
    note = f"the header promises {sound} bytes of sound, {sound + rest + 8} are there and used"
    assert read(tmp_path, content + bytes(rest + 8)).notes == (note,)
