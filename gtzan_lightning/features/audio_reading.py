"""Reading audio files as mono signals. Unusable files give a result with a reason, never an exception."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from gtzan_lightning.corpus.audio_folder import is_ffmpeg_audio
from gtzan_lightning.features.stream_parts import find_streams

BLOCK_FRAMES = 1 << 16  # frames read at a time, so that memory does not grow with the number of channels
SMALL_BLOCK_FRAMES = 1 << 8  # near damage, where a block is lost as a whole
MAX_BAD_SHARE = 0.5  # share of NaN and infinite samples above which a file is skipped
MAX_LOSS_DB = 6.0  # of the mix against the loudest channel
SHORTER_S = 0.1  # a decoded signal may be shorter than the header states by this
FFMPEG_EXTRA = 'pip install "gtzan-lightning[ffmpeg]"'
SNIFFED = 1 << 16  # bytes in which a web page or zeros are recognised
PIPE = "it is a pipe or a device: write its content to a file first"
_STDERR = threading.Lock()


@dataclass(frozen=True)
class Reading:
    """The signal of a file, or the reason why it cannot be used."""

    signal: NDArray[np.float32]  # (samples,), mono, at the requested rate; empty if the file was skipped
    notes: tuple[str, ...] = ()  # what was repaired or left out
    skipped: str | None = None  # the reason


class _UnreadableError(Exception):
    """The reason why a file cannot be decoded."""


@dataclass
class _Decoded:
    """A stream as one channel."""

    rate_hz: int = 0
    stated_s: float = 0.0  # length in the header; 0 if unknown
    parts: list[NDArray[np.float32]] = field(default_factory=list)  # the mono signal, in blocks
    products: Any = 0.0  # sum of the products of the samples of each two channels, (channels, channels)
    sums: Any = 0.0  # sum of the samples of each channel, (channels,)
    is_longer: bool = False  # than the part that was read
    error: str | None = None  # at which decoding ended

    @property
    def n_samples(self) -> int:
        return sum(map(len, self.parts))

    @property
    def duration_s(self) -> float:
        return self.n_samples / self.rate_hz


def read_audio(path: Path, rate_hz: int, max_s: float) -> Reading:
    """Reads WAV, AU, FLAC, OGG, MP3 and other formats of libsndfile, by content and not by suffix.

    All streams of a file are read. Formats that libsndfile lacks (AAC, ALAC, WMA, MP4, WebM) are read with FFmpeg if
    the extra `ffmpeg` is installed. Channels are averaged; where the mean is more than 6 dB below the loudest channel,
    as when channels cancel each other, that channel is used. Other sampling rates are resampled with soxr's
    high-quality filter. NaN and infinite samples are set to 0, and parts that cannot be decoded are left out. All of
    this is noted. Constant signals are skipped.

    Args:
        path: The file.
        rate_hz: Sampling rate of the result.
        max_s: Longest part to read, in seconds.
    """
    if path.exists() and not path.is_file():
        return _skipped("it is a folder" if path.is_dir() else PIPE)
    notes: list[str] = []
    try:
        streams = _decode(path, max_s, notes)
    except _UnreadableError as error:
        return _skipped(str(error))
    except (OSError, soundfile.SoundFileError) as error:
        return _skipped(_reason(path, error))
    signals = [np.concatenate(stream.parts or [np.zeros(0, np.float32)]) for stream in streams]
    if not any(map(len, signals)):
        return _skipped("the header is valid, but no sample follows it")
    bad = sum(int(np.count_nonzero(~np.isfinite(signal))) for signal in signals)
    if bad > MAX_BAD_SHARE * sum(map(len, signals)):
        return _skipped(f"{bad / sum(map(len, signals)):.0%} of the samples are not numbers")
    if bad:
        signals = [np.where(np.isfinite(signal), signal, np.float32(0)) for signal in signals]
        notes.append(f"{bad} samples that are not numbers were set to 0")
    if max(map(np.max, filter(len, signals))) == min(map(np.min, filter(len, signals))):
        return _skipped("silent: every sample has the same value")
    resampled = [
        signal if stream.rate_hz == rate_hz else soxr.resample(signal, stream.rate_hz, rate_hz, quality="HQ")
        for stream, signal in zip(streams, signals, strict=True)
    ]
    return Reading(np.ascontiguousarray(np.concatenate(resampled), dtype=np.float32), tuple(notes))


def _decode(path: Path, max_s: float, notes: list[str]) -> list[_Decoded]:
    """The streams of a file, one after another, to a total of `max_s`; adds to the notes."""
    try:
        with _no_raw_messages(), soundfile.SoundFile(os.fsencode(path)) as file:
            file_format = file.format
    except soundfile.SoundFileError:
        if not path.is_file() or not path.stat().st_size or not is_ffmpeg_audio(path):
            raise
        sources: list[Any] = [_FfmpegFile(path)]
        file_format = "FFmpeg"
    else:
        found = find_streams(path, file_format)
        notes += found.notes
        sources = [io.BytesIO(part) for part in found.parts] or [os.fsencode(path)]
    streams: list[_Decoded] = []
    left_s = max_s
    for number, source in enumerate(sources, start=1):
        try:
            stream = _decode_stream(source, left_s, notes, states_length=file_format != "MP3")
        except soundfile.SoundFileError as error:
            if not streams:
                raise
            notes.append(f"stream {number} cannot be read ({_message(error)}), and is left out")
            continue
        streams.append(stream)
        left_s -= stream.duration_s
        if stream.is_longer or (left_s < SHORTER_S and number < len(sources)):
            notes.append(f"longer than {max_s:g} s: the first {max_s:g} s are used")
            break
    return streams


def _decode_stream(source: Any, max_s: float, notes: list[str], states_length: bool) -> _Decoded:
    stream = _mixed(source, max_s, None, BLOCK_FRAMES)
    block_frames = BLOCK_FRAMES
    error = stream.error
    if error:  # the block is lost, with the samples before the damage
        block_frames = SMALL_BLOCK_FRAMES
        stream = _mixed(source, max_s, None, block_frames)
    if (channel := _channel_instead_of_mix(stream, notes)) is not None:
        stream = _mixed(source, max_s, channel, block_frames)
    if error:
        if not stream.parts:
            raise _UnreadableError(f"it is not audio that can be read ({error})")
        notes.append(f"damaged after {stream.duration_s:.1f} s, used up to there ({error})")
    elif states_length and not stream.is_longer and stream.stated_s - stream.duration_s > SHORTER_S:
        notes.append(
            f"the header promises {stream.stated_s:.1f} s, {stream.duration_s:.1f} s can be decoded and are used"
        )
    return stream


def _mixed(source: Any, max_s: float, channel: int | None, block_frames: int) -> _Decoded:
    """Reads a stream to `max_s`: the mean of its channels, or one channel."""
    stream = _Decoded()
    if isinstance(source, io.BytesIO):
        source.seek(0)
    with _no_raw_messages(), source if isinstance(source, _FfmpegFile) else soundfile.SoundFile(source) as file:
        stream.rate_hz = file.samplerate
        stream.stated_s = file.frames / file.samplerate if file.frames < 1 << 62 else 0.0
        left = round(max_s * file.samplerate)
        try:
            while left and len(block := file.read(min(left, block_frames), dtype="float32", always_2d=True)):
                stream.parts.append(block.mean(axis=1) if channel is None else block[:, channel].copy())
                left -= len(block)
                if block.shape[1] > 1 and channel is None:
                    stream.products += (block.T @ block).astype(np.float64)
                    stream.sums += block.sum(axis=0, dtype=np.float64)
            stream.is_longer = not left and file.read(1, dtype="float32").size > 0
        except soundfile.SoundFileError as error:
            stream.error = _message(error)
    return stream


def _channel_instead_of_mix(stream: _Decoded, notes: list[str]) -> int | None:
    """The loudest channel, with a note, if the mix of the channels is more than `MAX_LOSS_DB` below it."""
    if not stream.n_samples or not np.ndim(stream.products):
        return None
    covariance = stream.products / stream.n_samples - np.outer(stream.sums, stream.sums) / stream.n_samples**2
    power, mix = covariance.diagonal(), max(float(covariance.mean()), 0.0)
    loudest = int(power.argmax())
    if not mix < power[loudest] * 10 ** (-MAX_LOSS_DB / 10):  # also if samples are no numbers
        return None
    loss_db = 10 * np.log10(power[loudest] / max(mix, power[loudest] * 1e-6))
    loss = f"{loss_db:.1f} dB" if loss_db < 59.9 else "60 dB or more"
    notes.append(
        f"the mix of its {len(power)} channels is {loss} below channel {loudest + 1}, which is used in its place"
    )
    return loudest


@contextmanager
def _no_raw_messages() -> Iterator[None]:
    """Discards the lines that libmpg123 and FFmpeg write to stderr without the name of a file."""
    with _STDERR:
        try:
            before = os.dup(2)
        except OSError:  # there is no stderr
            yield
            return
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 2)
        os.close(null)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)


class _FfmpegFile:
    """A file that FFmpeg decodes, with the part of the interface of `soundfile.SoundFile` that is used here."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> _FfmpegFile:
        try:
            import av  # optional dependency
        except ImportError:
            raise _UnreadableError(f"AAC, WMA, MP4 and WebM are read with FFmpeg: {FFMPEG_EXTRA}") from None
        try:
            self._container: Any = av.open(self._path.open("rb"), mode="r")
        except (av.FFmpegError, ValueError) as error:
            raise _UnreadableError(f"it is not audio that can be read ({_ffmpeg_message(error)})") from None
        if not self._container.streams.audio:
            raise _UnreadableError("it has no sound")
        stream = self._container.streams.audio[0]
        self.samplerate = int(stream.rate)
        states_length = self._container.format.name.partition(",")[0] in ("mov", "matroska", "asf")  # else an estimate
        stated_s = (self._container.duration or 0) / av.time_base if states_length else 0.0
        self.frames = round(stated_s * self.samplerate)
        self._blocks = self._decoded(av, stream)
        self._rest: NDArray[np.float32] | None = None
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def read(self, frames: int, **_: object) -> NDArray[np.float32]:
        """The next block `(at most frames, channels)`; empty at the end."""
        block = self._rest if self._rest is not None else next(self._blocks, np.zeros((0, 1), np.float32))
        self._rest = block[frames:] if len(block) > frames else None
        return block[:frames]

    def _decoded(self, av: Any, stream: Any) -> Iterator[NDArray[np.float32]]:
        resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
        try:
            for frame in self._container.decode(stream):
                yield from (np.ascontiguousarray(part.to_ndarray().T) for part in resampler.resample(frame))
        except av.FFmpegError as error:
            raise soundfile.SoundFileError(_ffmpeg_message(error)) from None


def _message(error: Exception) -> str:
    """The last part of a message of libsndfile, without the path."""
    return str(error).rpartition(": ")[2].rstrip(".")


def _ffmpeg_message(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error).partition(":")[0]


def _reason(path: Path, error: Exception) -> str:
    """Why a file cannot be opened."""
    if not path.exists():
        return "the link points to nothing" if path.is_symlink() else "the file does not exist"
    if not os.access(path, os.R_OK) or isinstance(error, PermissionError):
        return "no permission to read it"
    if path.stat().st_size == 0:
        return "the file is empty"
    content = path.read_bytes()[:SNIFFED]
    if content.startswith(b"ID3"):
        content = content[10:]
    if not content.strip(b"\0"):
        return "it holds zeros and no audio, as after an interrupted copy: copy it again"
    if content.lstrip(b"\0 \t\r\n").lower().startswith((b"<!doctype html", b"<html")):
        return "it is a web page and not audio: download the file again"
    message = "no known format" if "pipe?" in str(error) else _message(error)
    return f"it is not audio that can be read ({message})"


def _skipped(reason: str) -> Reading:
    return Reading(np.zeros(0, np.float32), (), reason)
