"""How a run hears a file: which features, and cut into which slices, by the configuration of its training."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gtzan_lightning.features.extraction import Extracted, extract_file
from gtzan_lightning.features.request import WHOLE_CLIP_S, FeatureRequest
from gtzan_lightning.features.sound import Sound, sound_of

if TYPE_CHECKING:  # a process that computes features needs no model
    from gtzan_lightning.prediction.trained import TrainedRun

LONGEST_S = 1800.0  # no more is read of a file: half an hour at 44.1 kHz is 0.6 GB while it is read
WHOLE_CLIP_MARGIN = (
    1.1  # clips of the corpora that have whole-clip statistics are of one length, but for a few per cent
)


@dataclass(frozen=True)
class Hearing:
    """What is computed of a file, and how it is cut."""

    request: FeatureRequest
    seconds: float  # of a slice
    step_s: float | None
    hop_s: float | None
    clip_s: float | None  # mean length of the training clips, for statistics of whole clips

    @classmethod
    def of_training(cls, run: TrainedRun) -> Hearing:
        """As the training music was heard."""
        from gtzan_lightning.split_data import frame_settings

        features, lengths = run.config.features, run.config.slice
        window_s = features.window_s if features.framed else features.row_s(lengths.step_s)
        request = FeatureRequest(features.name, window_s, frame_settings(run.config))
        clip_s = None
        if run.config.whole_clips:
            clip_s = float(run.standardisation.mean[run.columns.index("length")]) / features.sample_rate_hz
        return cls(request, lengths.seconds, lengths.step_s, lengths.hop_s, clip_s)

    @property
    def longest_s(self) -> float:
        """No more than this is read of a file."""
        return max(LONGEST_S, self.request.settings.max_clip_s)

    def for_length(self, duration_s: float) -> Hearing:
        """For a file of this length.

        Training reads the beginning of a long file (`features.max_clip_s`), prediction all of it. Where a training clip
        was one window, a longer file is as many windows of that length: statistics of a whole song are other numbers.
        """
        settings = self.request.settings
        if duration_s > settings.max_clip_s:
            settings = replace(settings, max_clip_s=self.longest_s)
        request = replace(self.request, settings=settings)
        if self.clip_s is None or duration_s <= WHOLE_CLIP_MARGIN * self.clip_s:
            return replace(self, request=request)
        # the engine takes a window of exactly 30 s for the whole file
        window_s = self.clip_s if self.clip_s != WHOLE_CLIP_S else WHOLE_CLIP_S + 1 / settings.sample_rate_hz
        return replace(self, request=replace(request, window_s=window_s), seconds=window_s, step_s=None, hop_s=None)


@dataclass(frozen=True)
class Heard:
    """What became of a file; its features are in the cache."""

    hearing: Hearing  # for its length
    sound: Sound | None  # None where it cannot be read
    extracted: Extracted


def hear(path: Path, hearing: Hearing, cache_root: Path) -> Heard:
    """Makes sure that the features of a file are in the cache, and measures its sound."""
    sound, reading = sound_of(path, hearing.request.settings.sample_rate_hz, hearing.longest_s, cache_root)
    hearing = hearing.for_length(sound.duration_s if sound else 0.0)
    extracted = extract_file(path, hearing.request, cache_root, blocking=True, reading=reading)
    assert extracted is not None  # it waits for others
    return Heard(hearing, sound, extracted)
