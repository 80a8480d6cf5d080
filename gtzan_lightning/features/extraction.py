"""Feature extraction from audio files: one file, many files in parallel, and the workers of a Dask cluster."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from joblib import Parallel, delayed, parallel_config
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.audio_reading import Reading, read_audio
from gtzan_lightning.features.feature_cache import FileCache, FileSummary
from gtzan_lightning.features.feature_request import Analysis, FeatureRequest
from gtzan_lightning.features.kinds import kind_named
from gtzan_lightning.features.spectrum import frame_features, min_samples
from gtzan_lightning.utils.content_index import FileState, content_hash, file_state, key_of
from gtzan_lightning.utils.terminal import is_live, quiet_workers

CONNECT_S = 10.0  # timeout of a connection to a Dask scheduler
WEIGHTS = "weights"  # folder of converted weights below the cache of features


@dataclass(frozen=True)
class Extracted:
    """Result of the extraction from one file; the features are in the cache."""

    path: Path
    key: str  # of the cache entry; "" if the file could not be read at all
    digest: str  # SHA-256 of the content; "" if unknown
    state: FileState | None  # of the file, before it was read
    summary: FileSummary
    computed: bool  # False if found in the cache


def extract(paths: Sequence[Path], request: FeatureRequest, cache_root: Path, n_jobs: int = 1) -> list[Extracted]:
    """Computes the features of all files that the cache does not contain, with a progress bar.

    Files that another process is computing are left for a second pass, so that concurrent jobs share the work. Each
    file is stored as soon as it is computed; an interrupted job resumes there. Runs on processes of this machine, or on
    any joblib backend chosen with `joblib.parallel_config`.

    Args:
        paths: The audio files.
        request: The features to compute.
        cache_root: Folder of the cache.
        n_jobs: Number of processes; a chosen backend may have its own.

    Returns:
        One result per file, in the order of `paths`.
    """
    paths, cache_root = [path.absolute() for path in paths], cache_root.absolute()  # workers may run in another folder
    _prepare(request, cache_root)
    done: dict[Path, Extracted] = {}
    with _ExtractionProgress(request.title, len(paths)) as progress, quiet_workers():
        for blocking in (False, True):
            remaining = [path for path in dict.fromkeys(paths) if path not in done]
            for result in _extract_parallel(remaining, request, cache_root, n_jobs, blocking):
                if result is not None:
                    done[result.path] = result
                    progress.advance(result)
    return [done[path] for path in paths]


def _prepare(request: FeatureRequest, cache_root: Path) -> None:
    """Converts trained weights once, and not in each worker process."""
    prepare = getattr(kind_named(request.name), "prepare", None)
    if prepare is not None:
        prepare(cache_root / WEIGHTS)


def _extract_parallel(
    paths: Sequence[Path], request: FeatureRequest, cache_root: Path, n_jobs: int, blocking: bool
) -> Iterable[Extracted | None]:
    if not paths:
        return []
    n_jobs = min(n_jobs, len(paths))
    try:
        parallel = Parallel(n_jobs=n_jobs, return_as="generator")
    except ValueError:  # the backend cannot return results one by one, so there is no progress
        parallel = Parallel(n_jobs=n_jobs)
    results: Iterable[Extracted | None] = parallel(
        delayed(extract_file)(path, request, cache_root, blocking) for path in paths
    )
    return results


def extract_file(
    path: Path, request: FeatureRequest, cache_root: Path, blocking: bool, reading: Reading | None = None
) -> Extracted | None:
    """Computes the features of one file unless they are in the cache.

    Args:
        path: The audio file.
        request: The features to compute.
        cache_root: Folder of the cache.
        blocking: Whether to wait for another process that is computing the same features.
        reading: The file, if already read at the sampling rate of the request and to its maximum length.

    Returns:
        The result; None if another process is computing it and `blocking` is False.
    """
    cache = FileCache(cache_root)
    state = file_state(path)
    try:
        digest = content_hash(path)
    except OSError:
        skipped = analyse_file(path, request, reading).skipped or "it cannot be read"
        return Extracted(path, "", "", state, FileSummary(0, 0, (), skipped), computed=False)
    key = key_of(digest, request.cache_fields())
    if (found := cache.summary(key)) is not None:
        return Extracted(path, key, digest, state, found, computed=False)
    with cache.lock(key, blocking) as held:
        if not held:
            return None
        if (found := cache.summary(key)) is not None:  # computed by another process meanwhile
            return Extracted(path, key, digest, state, found, computed=False)
        stored = cache.store(key, analyse_file(path, request, reading, cache_root / WEIGHTS))
        return Extracted(path, key, digest, state, stored, computed=True)


def analyse_file(
    path: Path, request: FeatureRequest, reading: Reading | None = None, weights_dir: Path | None = None
) -> Analysis:
    """Computes the features of a file; unusable files are skipped.

    Args:
        path: The audio file.
        request: The features to compute.
        reading: The file, if already read.
        weights_dir: Folder of converted weights, for features that have weights; None converts them each time.
    """
    reading = reading or read_audio(path, request.settings.sample_rate_hz, request.settings.max_clip_s)
    if reading.skipped is not None:
        return _skipped(reading.skipped, reading.notes)
    samples = reading.signal
    if request.augmented_copy is not None:
        from gtzan_lightning.features.augmented_audio import rendered  # imports scipy.signal, which is slow

        samples = rendered(samples, request.settings.sample_rate_hz, request.augmented_copy, content_hash(path))
    signal = torch.from_numpy(samples)
    if too_short := _too_short(len(signal), request):
        return _skipped(too_short, reading.notes)
    with _one_thread(), torch.inference_mode():
        rows = _compute(signal, request, weights_dir).to(torch.float32)
    if not rows.isfinite().all():
        return _skipped("its samples are so large that their features are no numbers", reading.notes)
    return Analysis(rows.numpy(), reading.notes)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Limits torch to one thread: files are processed in parallel, and threads within a file would slow that down."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _compute(signal: torch.Tensor, request: FeatureRequest, weights_dir: Path | None) -> torch.Tensor:
    if request.framed:
        return frame_features(request.name, signal, request.settings)
    rows: torch.Tensor = kind_named(request.name).rows(signal, request.window_s, request.settings, weights_dir)
    return rows


def _too_short(n_samples: int, request: FeatureRequest) -> str | None:
    rate_hz = request.settings.sample_rate_hz
    needed: int = (
        min_samples(request.settings)
        if request.framed
        else kind_named(request.name).min_samples(request.window_s, request.settings)
    )
    if n_samples >= needed:
        return None
    return f"too short: {n_samples / rate_hz:.2f} s, and {needed / rate_hz:.2f} s are needed"


def _skipped(reason: str, notes: tuple[str, ...]) -> Analysis:
    return Analysis(np.zeros((0, 0), np.float32), notes, reason)


class _ExtractionProgress:
    """A progress bar on a terminal, otherwise one line at the start and one at the end."""

    def __init__(self, title: str, total: int) -> None:
        self._title, self._total = title, total
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
            disable=not is_live(self._console),
        )

    def __enter__(self) -> _ExtractionProgress:
        self._start = time.perf_counter()
        self._console.print(f"{self._title}: features of {self._total} files", highlight=False)
        self._task = self._bar.add_task(self._title, total=self._total, rate="")
        self._bar.start()
        return self

    def advance(self, result: Extracted) -> None:
        self._counts["computed"] += result.computed
        self._counts["repaired or cut"] += bool(result.summary.notes) and result.summary.skipped is None
        self._counts["skipped"] += result.summary.skipped is not None
        seconds = time.perf_counter() - self._start
        self._bar.update(self._task, advance=1, rate=f"{self._counts['computed'] / seconds:.1f} files/s")

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        seconds = time.perf_counter() - self._start
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self._counts.items())
        self._console.print(f"{self._title}: {counts}, {seconds:.1f} s", highlight=False)


@contextmanager
def dask_workers(scheduler: str) -> Iterator[None]:
    """Context in which features are computed by the workers of a Dask cluster.

    The workers need this package, and the audio and the cache under the same paths as here.

    Args:
        scheduler: Address, such as `tcp://192.168.0.1:8786`.

    Raises:
        GtzanError: Dask is not installed, or no scheduler is available at the address.
    """
    try:
        from dask.distributed import Client  # optional dependency
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
