"""The workers of a Dask cluster instead of processes of this machine.

MERGED: One audio file to its rows of features. | Features of many files: in parallel, each computed once however many processes ask, with progress and a report.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.audio_reading import Reading, read_audio
from gtzan_lightning.features.feature_cache import FileCache, FileState, FileSummary, content_hash, file_state, key_of
from gtzan_lightning.features.feature_request import WHOLE_CLIP_S, Analysis, FeatureRequest
from gtzan_lightning.features.frames import frame_features, min_samples
from gtzan_lightning.features.window_stats import MIN_SAMPLES, cut_windows, window_stats

WINDOWS_AT_ONCE = 16  # windows of one batch: memory does not grow with the length of a file


def analyse_file(path: Path, request: FeatureRequest, reading: Reading | None = None) -> Analysis:
    """Reads a file, unless it is given as read, and computes its features; one that cannot be used is skipped."""
    reading = reading or read_audio(path, request.settings.sample_rate_hz, request.settings.max_clip_s)
    if reading.skipped is not None:
        return _skipped(reading.skipped, reading.notes)
    signal = torch.from_numpy(_as_requested(reading.signal, path, request))
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


def _as_requested(signal: NDArray[np.float32], path: Path, request: FeatureRequest) -> NDArray[np.float32]:
    """The signal of a file, or the augmented_copy of it that is asked for."""
    if request.augmented_copy is None:
        return signal
    from gtzan_lightning.features.augmented_audio import (
        rendered,  # SciPy's filters: who makes no augmented_copy need not wait
    )

    return rendered(signal, request.settings.sample_rate_hz, request.augmented_copy, content_hash(path))


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


@dataclass(frozen=True)
class Extracted:
    """What became of one file, and where its features are."""

    path: Path
    key: str  # of its cache entry; "" if the file could not be read at all
    digest: str  # sha256 of its content; "" if unknown
    state: FileState | None  # of the file, before it was read
    summary: FileSummary
    computed: bool  # now, rather than found in the cache


def extract_file(
    path: Path, request: FeatureRequest, cache_root: Path, blocking: bool, reading: Reading | None = None
) -> Extracted | None:
    """Makes sure that the features of one file are in the cache.

    Args:
        path: the audio file.
        request: what to compute.
        cache_root: the cache's folder.
        blocking: whether to wait for another process that is computing the same.
        reading: the file, if it has been read already, at the request's rate and as far as it wants.

    Returns:
        What became of it; None if another process is computing it and `blocking` is False.
    """
    cache = FileCache(cache_root)
    state = file_state(path)
    try:
        digest = content_hash(path)
    except OSError:
        skipped = analyse_file(path, request, reading).skipped or "it cannot be read"
        return Extracted(path, "", "", state, FileSummary(0, 0, (), skipped), computed=False)
    key = key_of(digest, request.config_hash())
    if (found := cache.summary(key)) is not None:
        return Extracted(path, key, digest, state, found, computed=False)
    with cache.lock(key, blocking) as held:
        if not held:
            return None
        if (found := cache.summary(key)) is not None:  # computed by another process meanwhile
            return Extracted(path, key, digest, state, found, computed=False)
        return Extracted(
            path, key, digest, state, cache.store(key, analyse_file(path, request, reading)), computed=True
        )


def extract(paths: Sequence[Path], request: FeatureRequest, cache_root: Path, n_jobs: int = 1) -> list[Extracted]:
    """Features of all files into the cache.

    Files that another process is just computing are left for a second pass, so that two jobs started at once share
    the work. Runs on any joblib backend that `joblib.parallel_config` chooses; by default on processes of this machine.
    A job that was killed goes on where it was: each file is stored as soon as it is computed.

    Args:
        paths: the audio files.
        request: what to compute of each.
        cache_root: the cache's folder.
        n_jobs: processes; a backend that was chosen may have its own number.

    Returns:
        One result a file, in the order of `paths`.
    """
    paths, cache_root = [path.absolute() for path in paths], cache_root.absolute()  # workers may run elsewhere
    done: dict[Path, Extracted] = {}
    with _Progress(request.title, len(paths)) as progress:
        for blocking in (False, True):
            left = [path for path in dict.fromkeys(paths) if path not in done]
            for result in _parallel(left, request, cache_root, n_jobs, blocking):
                if result is not None:
                    done[result.path] = result
                    progress.advance(result)
    return [done[path] for path in paths]


def _parallel(
    paths: Sequence[Path], request: FeatureRequest, cache_root: Path, n_jobs: int, blocking: bool
) -> Iterable[Extracted | None]:
    if not paths:
        return []
    n_jobs = min(n_jobs, len(paths))
    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    except ValueError:  # a backend that cannot give results one by one: without progress, then
        parallel = Parallel(n_jobs=n_jobs)
    results: Iterable[Extracted | None] = parallel(
        delayed(extract_file)(path, request, cache_root, blocking) for path in paths
    )
    return results


class _Progress:
    """A bar with rate and remaining time on a terminal; elsewhere one line at the start and one at the end."""

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total = name, total
        self._console = Console(stderr=True)
        self._counts = {"computed": 0, "repaired or cut": 0, "skipped": 0}
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )

    def __enter__(self) -> _Progress:
        self._begun = time.perf_counter()
        self._console.print(f"{self._name}: features of {self._total} files", highlight=False)
        self._task = self._bar.add_task(self._name, total=self._total, rate="")
        self._bar.start()
        return self

    def advance(self, result: Extracted) -> None:
        self._counts["computed"] += result.computed
        self._counts["repaired or cut"] += bool(result.summary.notes) and result.summary.skipped is None
        self._counts["skipped"] += result.summary.skipped is not None
        seconds = time.perf_counter() - self._begun
        self._bar.update(self._task, advance=1, rate=f"{self._counts['computed'] / seconds:.1f} files/s")

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        seconds = time.perf_counter() - self._begun
        message = ", ".join(f"{count} {what}" for what, count in self._counts.items())
        self._console.print(f"{self._name}: {message}, {seconds:.1f} s", highlight=False)


CONNECT_S = 10.0


@contextmanager
def dask_workers(scheduler: str) -> Iterator[None]:
    """While this lasts, features are computed by the workers of a Dask cluster.

    The workers need this package, and must see the audio and the cache under the paths that they have here. Any other
    backend of joblib serves as well, with `joblib.parallel_config` around whatever loads features.

    Args:
        scheduler: its address, such as `tcp://192.168.0.1:8786`.

    Raises:
        GtzanError: Dask is not installed, or no scheduler answers there.
    """
    try:
        from dask.distributed import Client  # optional: one machine does without it
    except ImportError:
        raise GtzanError('--scheduler needs Dask: pip install "gtzan-lightning[dask]".') from None
    try:
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise GtzanError(
            f"--scheduler {scheduler}: no Dask scheduler answers there.\n"
            "Start one with `dask scheduler`, and workers with `dask worker ADDRESS --nthreads 1`."
        ) from error
    with client, parallel_config(backend="dask", client=client):
        yield
