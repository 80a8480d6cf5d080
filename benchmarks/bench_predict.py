"""Speed of prediction: a three-minute song against librosa's features of it, a folder against feature extraction alone.

    python benchmarks/bench_predict.py [--clips 100] [--repeats 3] [--jobs 2]

Trains a temporary model on the synthetic corpus, then times, after start-up and with an empty cache: a stereo MP3 at
44.1 kHz from file to prediction, in turn with librosa's decoding and 58 columns of the same windows (CPU time on one
core); and a folder of 30-s clips from files to predictions, in turn with feature extraction alone. All audio is
generated. Needs librosa: `pip install -e .[dev]`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from bench_features import RATE_HZ, generate, librosa_columns, quartiles
from threadpoolctl import threadpool_limits

from gtzan_lightning import load_run, predict
from gtzan_lightning.config.composition import compose
from gtzan_lightning.features.extraction import extract
from gtzan_lightning.inference.file_preprocessing import Preprocessing
from gtzan_lightning.inference.trained_run import TrainedRun
from gtzan_lightning.training.train import train

SONG_S, SONG_RATE_HZ = 180, 44_100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=int, default=100, help="clips of the folder")
    parser.add_argument("--repeats", type=int, default=3, help="turns")
    parser.add_argument("--jobs", type=int, default=2, help="processes of the last comparison")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = temporary_run(folder)
        compare_song(run, song(folder / "song.mp3"), folder, arguments.repeats)
        compare_folder(run, clips(folder / "clips", arguments.clips), folder, arguments.repeats, arguments.jobs)


def temporary_run(folder: Path) -> TrainedRun:
    overrides = ["data=synthetic", "debug=fast", "trainer.progress=false", f"outputs={folder / 'outputs'}"]
    return load_run(train(compose(overrides), overrides=overrides).folder)


def song(path: Path) -> Path:
    """Six generated clips in a row, in stereo."""
    parts = [soundfile.read(generate(path.with_suffix(f".{seed}.wav"), seed))[0] for seed in range(SONG_S // 30)]
    sound = librosa.resample(np.concatenate(parts), orig_sr=RATE_HZ, target_sr=SONG_RATE_HZ)
    soundfile.write(path, np.stack([sound, 0.8 * sound], axis=1) / 2, SONG_RATE_HZ)
    return path


def clips(folder: Path, count: int) -> list[Path]:
    folder.mkdir()
    return [generate(folder / f"clip{seed}.wav", seed) for seed in range(count)]


def librosa_song(path: Path) -> None:
    """The 58 columns of the same windows, computed as for the published tables."""
    signal, _ = librosa.load(path, sr=RATE_HZ)
    for start in range(0, len(signal) - 3 * RATE_HZ + 2, 3 * RATE_HZ):
        librosa_columns(signal[start : start + 3 * RATE_HZ - 1])


def compare_song(run: TrainedRun, path: Path, folder: Path, repeats: int) -> None:
    fresh = fresh_folders(folder / "song")
    list(predict(run, path, cache_dir=next(fresh))), librosa_song(path)  # compile, fill caches
    ours, theirs, wall = [], [], []
    for _ in range(repeats):
        begun = time.perf_counter()
        ours.append(seconds(time.process_time, lambda: list(predict(run, path, cache_dir=next(fresh)))))
        wall.append(time.perf_counter() - begun)
        theirs.append(seconds(time.process_time, lambda: librosa_song(path)))
    print(f"\n{SONG_S}-s stereo MP3 on one core, CPU time of {repeats} turns")
    print(f"  file to prediction                  {quartiles(np.array(ours) * 1e3, 'ms'):>24}")
    print(f"  librosa {librosa.__version__}, features alone       {quartiles(np.array(theirs) * 1e3, 'ms'):>24}")
    print(f"  ratio                               {quartiles(np.array(theirs) / np.array(ours), 'x'):>24}")
    print(f"  file to prediction, wall time       {quartiles(np.array(wall) * 1e3, 'ms'):>24}")


def compare_folder(run: TrainedRun, paths: list[Path], folder: Path, repeats: int, jobs: int) -> None:
    fresh = fresh_folders(folder / "folder")
    request = Preprocessing.of_training(run).request
    print(f"\n{len(paths)} clips of 30 s, wall time of {repeats} turns, load {os.getloadavg()[0]:.1f} before")
    for n_jobs in dict.fromkeys((1, jobs)):
        list(predict(run, paths[: 2 * n_jobs], n_jobs=n_jobs, cache_dir=next(fresh)))  # starts the workers
        rates = [
            (
                len(paths) / seconds(time.perf_counter, lambda: extract(paths, request, next(fresh), n_jobs)),  # noqa: B023
                len(paths)
                / seconds(time.perf_counter, lambda: list(predict(run, paths, n_jobs=n_jobs, cache_dir=next(fresh)))),  # noqa: B023
            )
            for _ in range(repeats)
        ]
        features, predictions = np.array(rates).T
        print(f"  {n_jobs} process(es): features alone    {quartiles(features, '/s'):>28}")
        print(f"  {n_jobs} process(es): predictions       {quartiles(predictions, '/s'):>28}")
        print(f"  {n_jobs} process(es): share             {quartiles(100 * predictions / features, '%'):>28}")


def fresh_folders(root: Path):  # noqa: ANN201
    """Yields folders for empty caches."""
    return (root / str(number) for number in range(10**9))


def seconds(clock: Callable[[], float], work: Callable[[], object]) -> float:
    begun = clock()
    work()
    return clock() - begun


if __name__ == "__main__":
    main()
