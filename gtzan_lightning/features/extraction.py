"""Features of many files: in parallel, each computed once however many processes ask, with progress and a report."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from joblib import Parallel, delayed
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gtzan_lightning.features.analysis import analyse_file
from gtzan_lightning.features.cache import FileCache, FileSummary, key_of
from gtzan_lightning.features.contents import Stamp, content_hash, stamp_of
from gtzan_lightning.features.reading import Reading
from gtzan_lightning.features.request import FeatureRequest


@dataclass(frozen=True)
class Extracted:
    """What became of one file, and where its features are."""

    path: Path
    key: str  # of its cache entry; "" if the file could not be read at all
    digest: str  # sha256 of its content; "" if unknown
    stamp: Stamp | None  # of the file, before it was read
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
    stamp = stamp_of(path)
    try:
        digest = content_hash(path)
    except OSError:
        skipped = analyse_file(path, request, reading).skipped or "it cannot be read"
        return Extracted(path, "", "", stamp, FileSummary(0, 0, (), skipped), computed=False)
    key = key_of(digest, request.identity())
    if (found := cache.summary(key)) is not None:
        return Extracted(path, key, digest, stamp, found, computed=False)
    with cache.lock(key, blocking) as held:
        if not held:
            return None
        if (found := cache.summary(key)) is not None:  # computed by another process meanwhile
            return Extracted(path, key, digest, stamp, found, computed=False)
        return Extracted(
            path, key, digest, stamp, cache.store(key, analyse_file(path, request, reading)), computed=True
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
        told = ", ".join(f"{count} {what}" for what, count in self._counts.items())
        self._console.print(f"{self._name}: {told}, {seconds:.1f} s", highlight=False)
