"""The names of frame features; those of `stats` are the published tables' own (`corpus.tables.STATS_COLUMNS`)."""

from __future__ import annotations

from gtzan_lightning.features.settings import FrameSettings


def frame_columns(name: str, settings: FrameSettings) -> tuple[str, ...]:
    """Column names of `mfcc` (`mfcc1 ...`) or `logmel` (`mel1 ...`); with deltas, `mfcc1_delta ...` follow."""
    count = settings.n_mfcc if name == "mfcc" else settings.n_mels
    stem = "mfcc" if name == "mfcc" else "mel"
    columns = [f"{stem}{number}" for number in range(1, count + 1)]
    return tuple(columns + [f"{column}_delta" for column in columns] * settings.deltas)
