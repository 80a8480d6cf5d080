"""Predicts the genre of audio files with a trained run, and warns of files unlike its training data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from gtzan_lightning.corpus.audio_folder import music_files
from gtzan_lightning.corpus.location import TABLE
from gtzan_lightning.datamodule.slices import slice_table, step_table
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.file_prediction import FilePrediction
from gtzan_lightning.evaluation.ood import ood_warnings, sound_warnings
from gtzan_lightning.features.feature_cache import FileCache, features_cache
from gtzan_lightning.features.feature_request import FeatureRequest, Features, feature_columns
from gtzan_lightning.inference.file_preprocessing import Preprocessed, Preprocessing, preprocess
from gtzan_lightning.inference.trained_run import TrainedRun, load_run
from gtzan_lightning.training.split_data import frame_settings
from gtzan_lightning.utils.caching import writable_cache
from gtzan_lightning.utils.terminal import is_live, quiet_workers


def predict(
    run: TrainedRun | str | Path,
    files: str | Path | Iterable[str | Path],
    *,
    calibrated: bool = True,
    n_jobs: int = 1,
    cache_dir: str | Path | None = None,
) -> list[FilePrediction]:
    """Predicts the genre of each file, with probabilities and warnings.

    Sampling rate, channels, features, steps and slices are those of the training, so that a clip of the test part gets
    the probabilities of `predictions.csv`. The prediction of a file is the mean over all its slices.

    Args:
        run: from `load_run`, or its argument.
        files: a file, folder or pattern, or several; see `music_files`.
        calibrated: whether to apply the run's temperature, if it has one; False gives the probabilities of
            `predictions.csv`.
        n_jobs: processes that compute features.
        cache_dir: folder of the feature cache; None is GTZAN_CACHE, else the system's cache folder. Where it cannot be
            written, nothing is cached.

    Returns:
        One prediction per file, in order; for a file that cannot be used, `skipped` is the reason.

    Raises:
        GtzanError: there is no such run, a folder has no audio, or a pattern has no match.

    Examples:
        >>> from gtzan_lightning import load_run, predict
        >>> for prediction in predict(load_run("best"), "music/"):
        ...     print(prediction.path, prediction.genre in prediction.genres)
        music/song.wav True
    """
    trained = run if isinstance(run, TrainedRun) else load_run(run)
    paths = music_files([files] if isinstance(files, (str, Path)) else files)
    check_columns(trained)
    with writable_cache(None if cache_dir is None else str(cache_dir)) as cache:
        return list(_predictions(trained, paths, features_cache(cache), calibrated, n_jobs))


def check_columns(run: TrainedRun) -> None:
    """Checks that this version computes the features that the run was trained on.

    Raises:
        GtzanError: the features differ.
    """
    name = run.config.features.name
    if name == TABLE:
        raise GtzanError(
            f"{run.path}: was trained on a feature table, which cannot be computed from audio.\n"
            "Compute the same features with the program that made the table."
        )
    drop = run.config.features.drop or ()
    computed = tuple(column for column in feature_columns(name, frame_settings(run.config)) if column not in drop)
    if computed != run.columns:
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
    quiet = len(paths) == 1 or not is_live(console)
    tracked = track(preprocessed, "predicting", len(paths), console=console, transient=True, disable=quiet)
    with quiet_workers():
        for path, each in zip(paths, tracked, strict=True):
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
    warnings = sound_warnings(sound, preprocessing.request.settings.sample_rate_hz)
    if run.ood is not None:
        distance = float(np.median(run.ood.distances(run.representations(x))))
        warnings += ood_warnings(run.ood, sound, distance)
    return FilePrediction(
        extracted.path,
        run.genres,
        start_s=slices.start_s,
        stop_s=slices.stop_s,
        probabilities=run.probabilities(x, calibrated=calibrated),
        warnings=(*warnings, *extracted.summary.notes),
    )


def _features(run: TrainedRun, request: FeatureRequest, values: NDArray[np.float32]) -> Features:
    """The rows of one file, as those of a corpus of one track."""
    columns = feature_columns(request.name, request.settings)
    return Features(
        name=request.name,
        columns=run.columns,
        values=values[:, [columns.index(column) for column in run.columns]],
        track_index=np.zeros(len(values), np.int32),
        start_s=np.arange(len(values), dtype=np.float64) * request.row_s,
        row_s=request.row_s,
    )
