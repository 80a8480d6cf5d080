"""Any music to predictions: each file is treated as the training music was, and what is unlike that is said.

MERGED: How a run hears a file: which features, and cut into which slices, by the configuration of its training.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from gtzan_lightning.corpus.audio_folder import music_files
from gtzan_lightning.corpus.published_tables import STATS_COLUMNS
from gtzan_lightning.datamodule.slices import slice_table, step_table
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.file_prediction import FilePrediction
from gtzan_lightning.evaluation.ood import ood_warnings, sound_warnings
from gtzan_lightning.features.cache_pruning import features_cache
from gtzan_lightning.features.extraction import Extracted, extract_file
from gtzan_lightning.features.feature_cache import FileCache
from gtzan_lightning.features.feature_matrix import Features
from gtzan_lightning.features.feature_request import WHOLE_CLIP_S, FeatureRequest
from gtzan_lightning.features.frames import frame_columns
from gtzan_lightning.features.signal_quality import SignalQuality, file_quality
from gtzan_lightning.inference.trained_run import TrainedRun, load_run
from gtzan_lightning.training.split_data import frame_settings
from gtzan_lightning.utils.caching import cache_dir as chosen_cache_dir

if TYPE_CHECKING:  # a process that computes features needs no model
    from gtzan_lightning.inference.trained_run import TrainedRun


LONGEST_S = 1800.0  # no more is read of a file: half an hour at 44.1 kHz is 0.6 GB while it is read
WHOLE_CLIP_MARGIN = (
    1.1  # clips of the corpora that have whole-clip statistics are of one length, but for a few per cent
)


@dataclass(frozen=True)
class Preprocessing:
    """What is computed of a file, and how it is cut."""

    request: FeatureRequest
    seconds: float  # of a slice
    step_s: float | None
    hop_s: float | None
    clip_s: float | None  # mean length of the training clips, for statistics of whole clips

    @classmethod
    def of_training(cls, run: TrainedRun) -> Preprocessing:
        """As the training music was preprocessed."""
        from gtzan_lightning.training.split_data import frame_settings

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

    def for_length(self, duration_s: float) -> Preprocessing:
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
class Preprocessed:
    """What became of a file; its features are in the cache."""

    preprocessing: Preprocessing  # for its length
    sound: SignalQuality | None  # None where it cannot be read
    extracted: Extracted


def preprocess(path: Path, preprocessing: Preprocessing, cache_root: Path) -> Preprocessed:
    """Makes sure that the features of a file are in the cache, and measures its sound."""
    sound, reading = file_quality(path, preprocessing.request.settings.sample_rate_hz, preprocessing.longest_s, cache_root)
    preprocessing = preprocessing.for_length(sound.duration_s if sound else 0.0)
    extracted = extract_file(path, preprocessing.request, cache_root, blocking=True, reading=reading)
    assert extracted is not None  # it waits for others
    return Preprocessed(preprocessing, sound, extracted)


def predict(
    run: TrainedRun | str | Path,
    files: str | Path | Iterable[str | Path],
    *,
    calibrated: bool = True,
    n_jobs: int = 1,
    cache_dir: str | Path | None = None,
) -> list[FilePrediction]:
    """The genre of each file, how sure, and what makes the prediction doubtful.

        from gtzan_lightning import load_run, predict
        for prediction in predict(load_run("best"), "music/"):
            print(prediction.path, prediction.genre, prediction.probability, prediction.warnings)

    Sampling rate, channels, features, steps and slices are those of the training, so that a clip of the test part gets
    the probabilities that `predictions.csv` has. Of a longer file all slices count.

    Args:
        run: from `load_run`, or what it takes.
        files: a file, folder or pattern, or several; see `music_files`.
        calibrated: with the run's temperature, if it has one; False gives the probabilities of `predictions.csv`.
        n_jobs: processes that compute features.
        cache_dir: where features are kept; None is GTZAN_CACHE, else the system's cache folder.

    Returns:
        One prediction a file, in order; a file that cannot be used has `skipped`, the reason.

    Raises:
        GtzanError: no such run, a folder without audio, or a pattern that nothing fits.
    """
    trained = run if isinstance(run, TrainedRun) else load_run(run)
    paths = music_files([files] if isinstance(files, (str, Path)) else files)
    check_columns(trained)
    cache = features_cache(chosen_cache_dir(None if cache_dir is None else str(cache_dir)))
    return list(_predictions(trained, paths, cache, calibrated, n_jobs))


def check_columns(run: TrainedRun) -> None:
    """Whether this version computes from audio what the run was trained on.

    Raises:
        GtzanError: it does not.
    """
    name = run.config.features.name
    computed = STATS_COLUMNS if name == "stats" else frame_columns(name, frame_settings(run.config))
    if tuple(computed) != run.columns:
        raise GtzanError(
            f"{run.path}: its {len(run.columns)} features are not the {len(computed)} of {name} in this version. "
            "Repeat the run with rerun=true."
        )


def _predictions(
    run: TrainedRun, paths: list[Path], cache_root: Path, calibrated: bool, n_jobs: int
) -> Iterator[FilePrediction]:
    console = Console(stderr=True)
    preprocessed: Iterable[Preprocessed] = Parallel(n_jobs=min(n_jobs, len(paths)), return_as="generator")(
        delayed(preprocess)(path.absolute(), Preprocessing.of_training(run), cache_root.absolute()) for path in paths
    )
    quiet = len(paths) == 1 or not console.is_terminal
    message = track(preprocessed, "listening", len(paths), console=console, transient=True, disable=quiet)
    for path, each in zip(paths, message, strict=True):
        yield replace(_prediction(run, each, FileCache(cache_root), calibrated), path=path)


def _prediction(run: TrainedRun, preprocessed: Preprocessed, cache: FileCache, calibrated: bool) -> FilePrediction:
    preprocessing, sound, extracted = preprocessed.preprocessing, preprocessed.sound, preprocessed.extracted
    skipped = FilePrediction(extracted.path, run.genres, skipped=extracted.summary.skipped)
    if skipped.skipped or sound is None:
        return skipped
    features = _features(run, preprocessing.request, cache.values(extracted.key))
    try:
        slices = slice_table(
            features, seconds=preprocessing.seconds, step_s=preprocessing.step_s, hop_s=preprocessing.hop_s
        )
    except GtzanError:
        needed = f"{preprocessing.seconds:g} s are needed for one slice of this run"
        return replace(skipped, skipped=f"too short: {sound.duration_s:.1f} s, and {needed}")
    values, step_index = step_table(features, slices)
    x = values[step_index]
    message = sound_warnings(sound, preprocessing.request.settings.sample_rate_hz)
    if run.ood is not None:
        message += ood_warnings(run.ood, sound, run.standardisation.apply(x))
    return FilePrediction(
        extracted.path,
        run.genres,
        start_s=slices.start_s,
        stop_s=slices.stop_s,
        probabilities=run.probabilities(x, calibrated=calibrated),
        warnings=(*message, *extracted.summary.notes),
    )


def _features(run: TrainedRun, request: FeatureRequest, values: NDArray[np.float32]) -> Features:
    """The rows of one file, as those of a corpus of one track."""
    return Features(
        name=request.name,
        columns=run.columns,
        values=values,
        track_index=np.zeros(len(values), np.int32),
        start_s=np.arange(len(values), dtype=np.float64) * request.row_s,
        row_s=request.row_s,
    )
