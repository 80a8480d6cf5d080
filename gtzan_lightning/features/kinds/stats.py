"""The 58 statistics of a window, as in the published tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from gtzan_lightning.corpus.feature_table import STATS_COLUMNS
from gtzan_lightning.features.feature_request import WHOLE_CLIP_S, FrameSettings

if TYPE_CHECKING:  # the column names of cached features are needed without torch
    import torch

FRAMED = False
DROPPED = ("length", "harmony_mean", "perceptr_mean")  # by default: constant; not reproducible from audio
SETTINGS: frozenset[str] = frozenset()
WINDOWS_AT_ONCE = 16  # windows of a batch, so that memory does not grow with the length of a file


def columns(settings: FrameSettings) -> list[str]:  # noqa: ARG001
    """Names of the statistics."""
    return list(STATS_COLUMNS)


def rows(signal: torch.Tensor, window_s: float, settings: FrameSettings, weights_dir: Path | None) -> torch.Tensor:  # noqa: ARG001
    """Signal `(samples,)` to `(windows, 58)`; one row for the whole signal if `window_s` is `WHOLE_CLIP_S`."""
    import torch

    from gtzan_lightning.features.window_stats import cut_windows, window_stats

    rate_hz = settings.sample_rate_hz
    if window_s == WHOLE_CLIP_S:
        return window_stats(signal.unsqueeze(0), rate_hz)
    windows = cut_windows(signal, rate_hz, window_s)
    return torch.cat([window_stats(batch, rate_hz) for batch in windows.split(WINDOWS_AT_ONCE)])


def min_samples(window_s: float, settings: FrameSettings) -> int:
    """Length of the shortest signal that has a row."""
    from gtzan_lightning.features.window_stats import MIN_SAMPLES

    if window_s == WHOLE_CLIP_S:
        return MIN_SAMPLES
    return max(MIN_SAMPLES, round(window_s * settings.sample_rate_hz) - 1)
