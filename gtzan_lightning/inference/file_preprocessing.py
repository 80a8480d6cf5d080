"""Preprocessing of audio files for prediction, as the clips were preprocessed in training.

A module of its own: worker processes import it, and do without the model and Lightning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gtzan_lightning.features.extraction import Extracted, extract_file
from gtzan_lightning.features.feature_request import WHOLE_CLIP_S, FeatureRequest
from gtzan_lightning.features.signal_quality import SignalQuality, file_quality

if TYPE_CHECKING:
    from gtzan_lightning.inference.trained_run import TrainedRun

LONGEST_S = 1800.0  # longer files are cut: reading half an hour at 44.1 kHz takes 0.6 GB
WHOLE_CLIP_MARGIN = 1.1  # relative to the longest clip of the corpus


@dataclass(frozen=True)
class Preprocessing:
    """The features to compute and the slicing."""

    request: FeatureRequest
    seconds: float  # of a slice
    step_s: float | None
    hop_s: float | None
    clip_s: float | None  # length of the longest clip of the training corpus, for statistics of whole clips

    @classmethod
    def of_training(cls, run: TrainedRun) -> Preprocessing:
        """The preprocessing of the run's training clips."""
        from gtzan_lightning.training.split_data import frame_settings

        features, lengths = run.config.features, run.config.slice
        request = FeatureRequest(features.name, features.row_s(lengths.step_s), frame_settings(run.config))
        return cls(request, lengths.seconds, lengths.step_s, lengths.hop_s, run.clip_s)

    @property
    def longest_s(self) -> float:
        """The length to which files are cut."""
        return max(LONGEST_S, self.request.settings.max_clip_s)

    def for_length(self, duration_s: float) -> Preprocessing:
        """The preprocessing of a file of this length.

        Training reads the beginning of a long file (`features.max_clip_s`), prediction the whole file. If a training
        clip was one window, a longer file is split into windows of that length, since statistics depend on the length.
        """
        settings = self.request.settings
        if duration_s > settings.max_clip_s:
            settings = replace(settings, max_clip_s=self.longest_s)
        request = replace(self.request, settings=settings)
        if self.clip_s is None or duration_s <= WHOLE_CLIP_MARGIN * self.clip_s:
            return replace(self, request=request)
        # a window of exactly WHOLE_CLIP_S would stand for the whole file
        window_s = self.clip_s if self.clip_s != WHOLE_CLIP_S else WHOLE_CLIP_S + 1 / settings.sample_rate_hz
        return replace(self, request=replace(request, window_s=window_s), seconds=window_s, step_s=None, hop_s=None)


@dataclass(frozen=True)
class Preprocessed:
    """The outcome for a file, whose features are in the cache."""

    preprocessing: Preprocessing  # for its length
    sound: SignalQuality | None  # None if it cannot be read
    extracted: Extracted


def preprocess(path: Path, preprocessing: Preprocessing, cache_root: Path) -> Preprocessed:
    """Computes the features of a file into the cache, unless they are there, and its signal quality."""
    sound, reading = file_quality(
        path, preprocessing.request.settings.sample_rate_hz, preprocessing.longest_s, cache_root
    )
    preprocessing = preprocessing.for_length(sound.duration_s if sound else 0.0)
    extracted = extract_file(path, preprocessing.request, cache_root, blocking=True, reading=reading)
    assert extracted is not None  # as blocking=True
    return Preprocessed(preprocessing, sound, extracted)
