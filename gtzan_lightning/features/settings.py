"""What can be chosen about features computed from audio."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class FrameSettings:
    """How audio becomes features; every field is part of the cache key of what depends on it."""

    sample_rate_hz: int = 22050  # audio of another rate is resampled
    n_fft: int = 2048  # samples of one analysis frame
    hop_length_samples: int = 512  # samples from a frame to the next
    n_mfcc: int = 13  # coefficients of `mfcc`; `stats` always has the published 20
    n_mels: int = 128  # mel bands of `logmel`, and below `mfcc`
    deltas: bool = False  # append the first differences over time (9 frames, as librosa.feature.delta)
    max_clip_s: float = 120.0  # no more than this is read of a longer file

    def as_dict(self) -> dict[str, float]:
        """Plain numbers, for cache keys and records."""
        return asdict(self)
