"""One audio file to its rows of features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.features.frames import frame_features, min_samples
from gtzan_lightning.features.reading import read_audio
from gtzan_lightning.features.settings import FrameSettings
from gtzan_lightning.features.stats import MIN_SAMPLES, cut_windows, window_stats

ENGINE_VERSION = 2  # part of every cache key: raise it when a number that this room computes changes
WHOLE_CLIP_S = 30.0  # a window of 30 s is the whole clip, as in the published 30-s table
WINDOWS_AT_ONCE = 16  # windows of one batch: memory does not grow with the length of a file


@dataclass(frozen=True)
class Analysis:
    """What became of one file: its rows, or why there are none."""

    values: NDArray[np.float32]  # (rows, features), contiguous in time; no rows when skipped
    notes: tuple[str, ...] = ()  # what was repaired or left out
    skipped: str | None = None


@dataclass(frozen=True)
class FeatureRequest:
    """What is to be computed of each file."""

    name: str  # "stats", "mfcc" or "logmel"
    window_s: float  # of `stats`
    settings: FrameSettings

    def identity(self) -> dict[str, object]:
        """Everything that can change the numbers of a file, and nothing else."""
        used = {"sample_rate_hz", "max_clip_s"}
        if self.name != "stats":
            used |= {"n_fft", "hop_length_samples", "n_mels", "deltas"}
        if self.name == "mfcc":
            used.add("n_mfcc")
        chosen = {key: value for key, value in self.settings.as_dict().items() if key in used}
        window = {"window_s": self.window_s} if self.name == "stats" else {}
        return {"engine": ENGINE_VERSION, "name": self.name, **window, **chosen}

    @property
    def row_s(self) -> float:
        """Seconds from a row's start to the next one's."""
        return (
            self.window_s if self.name == "stats" else (self.settings.hop_length_samples / self.settings.sample_rate_hz)
        )


def analyse_file(path: Path, request: FeatureRequest) -> Analysis:
    """Reads a file and computes its features; what cannot be used is skipped with a reason."""
    reading = read_audio(path, request.settings.sample_rate_hz, request.settings.max_clip_s)
    if reading.skipped is not None:
        return _skipped(reading.skipped, reading.notes)
    signal = torch.from_numpy(reading.signal)
    missing = _too_short(len(signal), request)
    if missing:
        return _skipped(missing, reading.notes)
    with one_thread(), torch.inference_mode():
        values = _compute(signal, request)
    rows = values.to(torch.float32)
    if not rows.isfinite().all():
        return _skipped("its samples are so large that their features are no numbers", reading.notes)
    return Analysis(rows.numpy(), reading.notes)


@contextmanager
def one_thread() -> Iterator[None]:
    """Files are processed in parallel, each on one thread: threads within a file only get in each other's way."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _compute(signal: torch.Tensor, request: FeatureRequest) -> torch.Tensor:
    rate_hz = request.settings.sample_rate_hz
    if request.name != "stats":
        return frame_features(request.name, signal, request.settings)
    if request.window_s == WHOLE_CLIP_S:
        return window_stats(signal.unsqueeze(0), rate_hz)
    windows = cut_windows(signal, rate_hz, request.window_s)
    return torch.cat([window_stats(batch, rate_hz) for batch in windows.split(WINDOWS_AT_ONCE)])


def _too_short(n_samples: int, request: FeatureRequest) -> str | None:
    rate_hz = request.settings.sample_rate_hz
    if request.name != "stats":
        needed = min_samples(request.settings)
    elif request.window_s == WHOLE_CLIP_S:
        needed = MIN_SAMPLES
    else:
        needed = max(MIN_SAMPLES, round(request.window_s * rate_hz) - 1)
    if n_samples >= needed:
        return None
    return f"too short: {n_samples / rate_hz:.2f} s, and {needed / rate_hz:.2f} s are needed"


def _skipped(reason: str, notes: tuple[str, ...]) -> Analysis:
    return Analysis(np.zeros((0, 0), np.float32), notes, reason)
