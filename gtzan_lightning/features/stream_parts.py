"""Streams of an audio file: several one after another, cut ones, and headers that state another length.

libsndfile reads the first stream of a file to the length that its header states, without an error. `find_streams`
compares the headers with the size of the file, so that all of it is read, or a note says what is missing.
"""

from __future__ import annotations

import mmap
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

MIN_FRAMES = 10  # of MP3 behind a complete stream; fewer are counted differently by the encoder
MIN_REST_S = 0.1  # shorter rests behind the sound of a WAV, AU or AIFF file are tags or padding
UNKNOWN_SIZE = 0xFFFFFFFF  # what programs that write to a pipe put into the header

_MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}  # by MPEG version
_MP3_KBITS = {  # by whether the version is MPEG 1, and by layer
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_SYNC = re.compile(rb"\xff[\xe2-\xff]")
_FLAC_START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")  # marker and header of the first block, 34 bytes


@dataclass(frozen=True)
class Streams:
    """The streams of a file, each as the content of a file of its own."""

    parts: tuple[bytes, ...] = ()  # empty: the file can be read as it is
    notes: tuple[str, ...] = ()  # what is missing, or was corrected


def find_streams(path: Path, file_format: str) -> Streams:
    """The streams of a file.

    Args:
        path: The file, which is not empty.
        file_format: As libsndfile names it: WAV, AU, AIFF, MP3, OGG or FLAC; others have one stream.

    Raises:
        OSError: The file cannot be read.
    """
    split: Callable[[mmap.mmap], _Split] | None = {"MP3": _mp3, "OGG": _ogg, "FLAC": _flac}.get(file_format)
    search = {"WAV": _chunked, "WAVEX": _chunked, "AIFF": _chunked, "AU": _au}.get(file_format)
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if search:
            return search(data)
        return _separated(data, split(data)) if split else Streams()


class _Split(NamedTuple):
    starts: list[int]  # of the streams
    notes: list[str]
    headers: list[bytes]  # that the streams lack


def _separated(data: mmap.mmap, split: _Split) -> Streams:
    """The streams that begin at these places, each behind its missing header."""
    starts, notes, headers = split
    if len(starts) < 2 and not any(headers):
        return Streams((), tuple(notes))
    stops = [*starts[1:], len(data)]
    parts = tuple(header + data[start:stop] for header, start, stop in zip(headers, starts, stops, strict=True))
    several = [f"{len(parts)} streams one after another, all are used"] if len(parts) > 1 else []
    return Streams(parts, (*several, *notes))


def _chunked(data: mmap.mmap) -> Streams:
    """WAV and AIFF: chunks of a name, a size and content."""
    order = "<" if data[:4] == b"RIFF" else ">"
    if data[:4] not in (b"RIFF", b"RIFX", b"FORM"):
        return Streams()  # RF64: its sizes are elsewhere
    bytes_per_s, place = 0.0, 12
    while place + 8 <= len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, place)
        if name == b"fmt " and len(data) >= place + 20:
            bytes_per_s = struct.unpack_from(f"{order}I", data, place + 16)[0]
        elif name == b"COMM" and len(data) >= place + 26:
            channels, _, bits, exponent, mantissa = struct.unpack_from(">hIhHI", data, place + 8)
            bytes_per_s = mantissa * 2.0 ** (exponent - 16383 - 31) * channels * bits / 8
        elif name in (b"data", b"SSND"):
            header = 8 if name == b"SSND" else 0  # two numbers before the samples
            end = place + 8 + size + size % 2
            if size > header and _are_chunks(data, end, order):
                return Streams()
            return _with_size(data, place + 4, f"{order}I", size, place + 8, bytes_per_s, header)
        place += 8 + size + size % 2
    return Streams()


def _are_chunks(data: mmap.mmap, place: int, order: str) -> bool:
    """Whether chunks follow to the end of the file; false if nothing follows."""
    if place >= len(data):
        return False
    while place + 8 <= len(data):
        name, size = struct.unpack_from(f"{order}4sI", data, place)
        if not all(32 <= character < 127 for character in name) or place + 8 + size > len(data):
            return False
        place += 8 + size + size % 2
    return True


def _au(data: mmap.mmap) -> Streams:
    """AU: a header with the place and the size of the sound."""
    order = ">" if data[:4] == b".snd" else "<"
    start, size, encoding, rate_hz, channels = struct.unpack_from(f"{order}5I", data, 4)
    sample_bytes = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8}.get(encoding, 1)
    return _with_size(data, 8, f"{order}I", size, start, rate_hz * channels * sample_bytes)


def _with_size(
    data: mmap.mmap, place: int, form: str, size: int, start: int, bytes_per_s: float, header: int = 0
) -> Streams:
    """The file with the size of its sound corrected, if the header states less than is there.

    Args:
        data: The file.
        place: Of the size in the header.
        form: Of the size, for `struct`.
        size: As stated.
        start: Of the sound.
        bytes_per_s: Of the sound.
        header: Bytes before the samples that belong to the size.
    """
    there = len(data) - start
    promised = f"the header promises {size - header if size > header else 0} bytes of sound, {there - header} are there"
    if size == UNKNOWN_SIZE or abs(there - size) <= 1:
        return Streams()
    if size > there:
        return Streams((), (f"{promised} and used",))
    if there - size < MIN_REST_S * bytes_per_s or not bytes_per_s:
        return Streams()
    corrected = bytearray(data)
    struct.pack_into(form, corrected, place, there)
    if place != 8:  # the size of the whole file, in WAV and AIFF
        struct.pack_into(form, corrected, 4, len(data) - 8)
    return Streams((bytes(corrected),), (f"{promised} and used",))


def _flac(data: mmap.mmap) -> _Split:
    starts = [match.start() for match in _FLAC_START.finditer(data)]
    return _Split(starts, [], [b""] * len(starts))


def _ogg(data: mmap.mmap) -> _Split:
    """Starts of the links of a chain; a page that begins a stream after other pages begins a link.

    Source: RFC 3533, section 6; bit 2 of the flags begins a stream, bit 4 ends it.
    """
    starts: list[int] = []
    notes: list[str] = []
    flags, place = 0x02, data.find(b"OggS")
    while place >= 0 and place + 27 <= len(data):
        n_segments = data[place + 26]
        stop = place + 27 + n_segments + sum(data[place + 27 : place + 27 + n_segments])
        if stop > len(data):
            break
        before, flags = flags, data[place + 5]
        if flags & 0x02 and (not starts or not before & 0x02):
            if starts and not before & 0x04:
                notes.append("a stream has no end: it was cut, and is used up to there")
            starts.append(place)
        place = data.find(b"OggS", stop)
    if not flags & 0x04:
        notes.append("the stream has no end: the file was cut, and is used up to there")
    return _Split(starts, notes, [b""] * len(starts))


@dataclass(frozen=True)
class _Mp3Frame:
    size: int  # bytes
    samples: int
    kind: tuple[int, int, bool]  # version and layer, sampling rate in Hz, mono
    side_info: int  # bytes before the content, where the header of a stream is


def _mp3_frame(data: mmap.mmap | bytearray, place: int) -> _Mp3Frame | None:
    """The frame at a place of the file; None if there is none. Source: ISO/IEC 11172-3, 2.4.1.3, and 13818-3."""
    if place + 4 > len(data) or data[place] != 0xFF or data[place + 1] < 0xE0:
        return None
    version, layer = data[place + 1] >> 3 & 3, 4 - (data[place + 1] >> 1 & 3)
    bitrate, rate = data[place + 2] >> 4, data[place + 2] >> 2 & 3
    if version == 1 or layer == 4 or not 1 <= bitrate <= 14 or rate == 3:
        return None
    first, mono = version == 3, data[place + 3] >> 6 == 3
    samples = 384 if layer == 1 else 1152 if first or layer == 2 else 576
    rate_hz, padding = _MP3_RATES_HZ[version][rate], data[place + 2] >> 1 & 1
    kbits = _MP3_KBITS[first, layer][bitrate - 1]
    size = (12000 * kbits // rate_hz + padding) * 4 if layer == 1 else samples * 125 * kbits // rate_hz + padding
    side_info = (17 if mono else 32) if first else (9 if mono else 17)
    return _Mp3Frame(size, samples, (version * 4 + layer, rate_hz, mono), side_info)


def _mp3(data: mmap.mmap) -> _Split:
    """Starts of the streams, notes, and the headers that they lack.

    A stream starts where its header is, where the kind of the frames changes, or behind a complete stream. Without a
    header, libsndfile estimates the number of frames from the first one, which is wrong if the bitrate varies. Layers
    1 and 2 have no such header: the decoder would play it as sound.
    """
    streams: list[_Mp3Stream] = []
    notes: list[str] = []
    stream, place = _Mp3Stream(), 0
    while place < len(data):
        frame = _mp3_frame(data, place)
        if frame is None or (stream.kind != frame.kind and not _confirmed(data, place, frame)):
            place = _after_tag(data, place)
            continue
        if place + frame.size > len(data):
            notes += (
                [] if stream.promised else ["the last frame is incomplete: the file was cut, and is used up to there"]
            )
            break
        header = _stream_header(data, place + 4 + frame.side_info)
        if header is not None or stream.kind != frame.kind:
            stream = _Mp3Stream(place, frame.kind, frame.samples, header)
            streams.append(stream)
        stream.frames += header is None  # the frame of a header has no sound
        if stream.promised and stream.frames == stream.promised:
            stream.stop = place + frame.size
        if stream.promised and stream.frames == stream.promised + MIN_FRAMES:
            stream = _Mp3Stream(stream.stop, frame.kind, frame.samples, frames=MIN_FRAMES)
            streams.append(stream)
        place += frame.size
    notes += [note for stream in streams for note in stream.missing()]
    headers = [stream.header(data) if stream.promised is None and stream.layer == 3 else b"" for stream in streams]
    return _Split([stream.start for stream in streams], notes, headers)


@dataclass
class _Mp3Stream:
    start: int = 0
    kind: tuple[int, int, bool] | None = None  # of its frames
    samples: int = 0  # of a frame
    promised: int | None = None  # frames, as its header states; 0 if it does not, None without a header
    frames: int = 0  # found
    stop: int = 0  # behind the promised frames

    @property
    def layer(self) -> int:
        """Of the frames, 1 to 3; 0 without a frame."""
        return self.kind[0] % 4 if self.kind else 0

    def missing(self) -> list[str]:
        """A note if there are fewer frames than promised; encoders differ by one."""
        if self.kind is None or not self.promised or self.frames >= self.promised - 1:
            return []
        promised_s, found_s = (count * self.samples / self.kind[1] for count in (self.promised, self.frames))
        return [f"the header promises {promised_s:.1f} s, {found_s:.1f} s are there and used"]

    def header(self, data: mmap.mmap) -> bytes:
        """A frame without sound that states the number of frames, as encoders put it before the others."""
        start = bytearray(data[self.start : self.start + 4])
        start[1] |= 1  # no checksum
        start[2] = start[2] & 0x0C | 0x80  # 64 kbit/s or more: long enough for the numbers
        frame = _mp3_frame(start, 0)
        assert frame is not None
        numbers = struct.pack(">4sII", b"Xing", 1, self.frames)
        return (bytes(start) + bytes(frame.side_info) + numbers).ljust(frame.size, b"\0")


def _stream_header(data: mmap.mmap, place: int) -> int | None:
    """Number of frames in the header of a stream (Xing or Info); 0 if it does not say, None without a header."""
    if data[place : place + 4] in (b"Xing", b"Info"):
        flags, frames = struct.unpack_from(">II", data, place + 4)
        return frames if flags & 1 else 0
    return None


def _confirmed(data: mmap.mmap, place: int, frame: _Mp3Frame) -> bool:
    """Whether a frame of the same kind follows, or the end of the file or a tag; else the bytes are no frame."""
    after = place + frame.size
    following = _mp3_frame(data, after)
    return after >= len(data) or (following is not None and following.kind == frame.kind)


def _after_tag(data: mmap.mmap, place: int) -> int:
    """The next place where a frame may begin: behind a tag, or at the next synchronisation word."""
    if data[place : place + 3] == b"ID3" and place + 10 <= len(data):
        high, middle, low, lowest = data[place + 6 : place + 10]
        return place + 10 + (high << 21 | middle << 14 | low << 7 | lowest)
    if data[place : place + 3] == b"TAG":
        return place + 128
    match = _MP3_SYNC.search(data, place + 1)
    return match.start() if match else len(data)
