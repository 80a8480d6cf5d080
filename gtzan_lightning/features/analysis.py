"""One audio file to its rows of features."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.features.contents import content_hash
from gtzan_lightning.features.frames import frame_features, min_samples
from gtzan_lightning.features.reading import Reading, read_audio
from gtzan_lightning.features.request import WHOLE_CLIP_S, Analysis, FeatureRequest
from gtzan_lightning.features.stats import MIN_SAMPLES, cut_windows, window_stats

WINDOWS_AT_ONCE = 16  # windows of one batch: memory does not grow with the length of a file


def analyse_file(path: Path, request: FeatureRequest, reading: Reading | None = None) -> Analysis:
    """Reads a file, unless it is given as read, and computes its features; one that cannot be used is skipped."""
    reading = reading or read_audio(path, request.settings.sample_rate_hz, request.settings.max_clip_s)
    if reading.skipped is not None:
        return _skipped(reading.skipped, reading.notes)
    signal = torch.from_numpy(_as_asked(reading.signal, path, request))
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


def _as_asked(signal: NDArray[np.float32], path: Path, request: FeatureRequest) -> NDArray[np.float32]:
    """The signal of a file, or the rendition of it that is asked for."""
    if request.rendition is None:
        return signal
    from gtzan_lightning.features.rendering import rendered  # SciPy's filters: who makes no rendition need not wait

    return rendered(signal, request.settings.sample_rate_hz, request.rendition, content_hash(path))


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
