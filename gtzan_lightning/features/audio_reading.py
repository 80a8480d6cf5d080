"""Reading audio files as mono signals. Unusable files give a result with a reason, never an exception."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

BLOCK_FRAMES = 1 << 16  # frames read at a time, so that memory does not grow with the number of channels
MAX_BAD_SHARE = 0.5  # share of NaN and infinite samples above which a file is skipped
_DATA_SIZE = re.compile(r"data\s*:\s*(\d+) \(should be (\d+)\)")


@dataclass(frozen=True)
class Reading:
    """The signal of a file, or the reason why it cannot be used."""

    signal: NDArray[np.float32]  # (samples,), mono, at the requested rate; empty if the file was skipped
    notes: tuple[str, ...] = ()  # what was repaired or left out
    skipped: str | None = None  # the reason


def read_audio(path: Path, rate_hz: int, max_s: float) -> Reading:
    """Reads WAV, AU, FLAC, OGG, MP3 and other formats of libsndfile, by content and not by suffix.

    Channels are averaged; other sampling rates are resampled with soxr's high-quality filter. NaN and infinite samples
    are set to 0 and parts that cannot be decoded are left out, both with a note. Constant signals are skipped.

    Args:
        path: The file.
        rate_hz: Sampling rate of the result.
        max_s: Longest part to read, in seconds.
    """
    try:
        mono, source_rate_hz, notes = _decode(path, max_s)
    except (OSError, soundfile.SoundFileError) as error:
        return _skipped(_reason(path, error))
    if len(mono) == 0:
        return _skipped("the header is valid, but no sample follows it")
    bad = ~np.isfinite(mono)
    if bad.mean() > MAX_BAD_SHARE:
        return _skipped(f"{bad.mean():.0%} of the samples are not numbers")
    if bad.any():
        mono[bad] = 0.0
        notes.append(f"{bad.sum()} samples that are not numbers were set to 0")
    if mono.max() == mono.min():
        return _skipped("silent: every sample has the same value")
    if source_rate_hz != rate_hz:
        mono = soxr.resample(mono, source_rate_hz, rate_hz, quality="HQ")
    return Reading(np.ascontiguousarray(mono, dtype=np.float32), tuple(notes))


def _decode(path: Path, max_s: float) -> tuple[NDArray[np.float32], int, list[str]]:
    """Mono samples at the sampling rate of the file, that rate, and notes."""
    notes = []
    parts: list[NDArray[np.float32]] = []
    with soundfile.SoundFile(os.fsencode(path)) as file:
        wanted = round(max_s * file.samplerate)
        size = _DATA_SIZE.search(file.extra_info)  # size in the header, and in the file
        if size and int(size[1]) > int(size[2]):
            notes.append(f"the header promises {size[1]} bytes of sound, {size[2]} are there and used")
        try:
            left = wanted
            while left and len(block := file.read(min(left, BLOCK_FRAMES), dtype="float32", always_2d=True)):
                parts.append(block.mean(axis=1))
                left -= len(block)
            if not left and file.read(1).size:
                notes.append(f"longer than {max_s:g} s: the first {max_s:g} s are used")
        except soundfile.SoundFileError as error:
            if not parts:
                raise
            notes.append(f"damaged after {sum(map(len, parts)) / file.samplerate:.1f} s, used up to there ({error})")
        return np.concatenate(parts or [np.zeros(0, np.float32)]), file.samplerate, notes


def _reason(path: Path, error: Exception) -> str:
    """Why a file cannot be opened."""
    if path.is_dir():
        return "it is a folder"
    if not path.exists():
        return "the link points to nothing" if path.is_symlink() else "the file does not exist"
    if not os.access(path, os.R_OK) or isinstance(error, PermissionError):
        return "no permission to read it"
    if path.stat().st_size == 0:
        return "the file is empty"
    return f"it is not audio that can be read ({str(error).rpartition(': ')[2].rstrip('.')})"


def _skipped(reason: str) -> Reading:
    return Reading(np.zeros(0, np.float32), (), reason)
