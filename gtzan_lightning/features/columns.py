"""The names of frame features; those of `stats` are the published tables' own (`corpus.tables.STATS_COLUMNS`)."""

from __future__ import annotations

from gtzan_lightning.features.frame_kinds import kind_named
from gtzan_lightning.features.settings import FrameSettings


def frame_columns(name: str, settings: FrameSettings) -> tuple[str, ...]:
    """Column names of a kind of frame features, such as `mfcc1 ...`; with deltas, `mfcc1_delta ...` follow."""
    columns = kind_named(name).columns(settings)
    return tuple(columns + [f"{column}_delta" for column in columns] * settings.deltas)
