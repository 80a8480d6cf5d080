"""Results table of the README: trains missing runs and prints Markdown; see `--help`.

Finished runs are read from their run folders, so the command can be repeated, interrupted and extended.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from multiprocessing import get_context
from statistics import mean, stdev
from typing import Any

from gtzan_lightning.config.composition import compose
from gtzan_lightning.errors import GtzanError

NETWORKS = ("mlp", "lstm", "reslstm", "convlstm")
MODELS = ("majority", "logreg", "svm", "lda", "knn", *NETWORKS)
SPLITS = ("leaky", "grouped", "artist", "filtered")
FOLDED = ("grouped",)  # averaged over folds; the others are a single split
COLUMNS = (
    ("leaky", "window"),
    ("grouped", "window"),
    ("grouped", "clip"),
    ("artist", "window"),
    ("filtered", "window"),
)


Scores = Mapping[str, Mapping[str, Any]]
"""Test scores of one split: level -> result of `evaluation.run_metrics.evaluate_level`."""

Rows = dict[tuple[str, str, str], list[Scores]]
"""(model, slice, split) -> scores of its folds."""

LEGEND = (
    "± is the standard deviation over folds; [ ] the 95 % interval of a single split, "
    "clustered by artist where artists are known, else by track."
)


@dataclass(frozen=True)
class Cell:
    """One split and one slice length."""

    slice: str  # a member of the config group `slice`, such as "3s"
    split: str
    fold: int | None = None
    n_folds: int | None = None

    def overrides(self) -> list[str]:
        """The cell as overrides of train.py."""
        folds = [] if self.fold is None else [f"split.fold={self.fold}", f"split.n_folds={self.n_folds}"]
        return [f"slice={self.slice}", f"split={self.split}", *folds]


def cells(slices: Sequence[str], splits: Sequence[str], n_folds: int) -> list[Cell]:
    """Every slice length with every split, folded ones once for each fold."""
    return [
        cell
        for length in slices
        for split in splits
        for cell in (
            [Cell(length, split, fold, n_folds) for fold in range(n_folds)]
            if split in FOLDED and n_folds > 1
            else [Cell(length, split)]
        )
    ]


def shown(scores: Sequence[Scores], level: str) -> str:
    """Accuracy as text: mean ± standard deviation over folds, or the score of a single split with its 95 % interval."""
    if not scores:
        return "none"
    entries = [split[level] for split in scores]
    accuracies = [entry["accuracy"] for entry in entries]
    if len(entries) > 1:
        return f"{mean(accuracies):.3f} ± {stdev(accuracies):.3f}"
    low, high = entries[0]["accuracy_ci95"]
    return f"{accuracies[0]:.3f} [{low:.2f}, {high:.2f}]"


def add_cell_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that select cells, and overrides for all of them."""
    parser.add_argument("--slices", nargs="+", default=["3s", "6s", "9s"], metavar="S", help="default: 3s 6s 9s")
    parser.add_argument("--splits", nargs="+", default=SPLITS, choices=SPLITS, metavar="RULE", help="default: all four")
    parser.add_argument("--folds", type=int, default=5, help="of the grouped split; 1 is its single 70/10/20 draw")
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each (default: 2)")
    parser.add_argument("--models", nargs="+", default=list(MODELS), metavar="MODEL", help="default: all nine")
    parser.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="overrides, as train.py takes them")


def one_thread_each() -> None:
    """Limits processes that are started after this to one thread each, which is faster for several side by side."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@dataclass(frozen=True)
class Trained:
    """Outcome of one run."""

    corpus: str
    scores: Scores
    seconds: float
    reused: bool


def trained(overrides: Sequence[str]) -> Trained:
    """Trains one run in its own process, or reuses it; drops its console output.

    Raises:
        RuntimeError: the run failed. Holds the traceback or message as text, because not every exception can be
            pickled.
    """
    from gtzan_lightning.training.train import train  # here: the parent process needs no torch

    everything = [*overrides, "trainer.progress=false"]
    try:
        with redirect_stdout(StringIO()):
            result = train(compose(everything), overrides=overrides)
    except GtzanError as error:
        raise RuntimeError(str(error)) from None
    except Exception:
        raise RuntimeError(traceback.format_exc()) from None
    card = result.card
    return Trained(card["data"]["corpus"], card["metrics"]["test"], card["training"]["seconds"], result.reused)


def model_rows(models: Sequence[str], todo: Sequence[Cell], overrides: Sequence[str], jobs: int) -> tuple[Rows, str]:
    """Test scores of every model on every cell, and the name of the corpus. Failed runs are reported and omitted."""
    rows: Rows = defaultdict(list)
    corpora: set[str] = set()
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        waiting = {
            pool.submit(trained, [f"model={model}", *cell.overrides(), *overrides]): (model, cell)
            for cell in todo
            for model in models
        }
        for done, future in enumerate(as_completed(waiting), start=1):
            model, cell = waiting[future]
            name = f"[{done}/{len(waiting)}] model={model} {' '.join(cell.overrides())}"
            try:
                run = future.result()
            except RuntimeError as error:
                print(f"{name}: failed\n{error}", file=sys.stderr)
                continue
            corpora.add(run.corpus)
            rows[model, cell.slice, cell.split].append(run.scores)
            message = "reused" if run.reused else f"{run.seconds:.0f} s"
            print(f"{name}: window {run.scores['window']['accuracy']:.3f}, {message}", file=sys.stderr)
    return rows, ", ".join(sorted(corpora))


def markdown(rows: Rows, models: Sequence[str], slices: Sequence[str], splits: Sequence[str]) -> Iterator[str]:
    """Yields the lines of the table, one row for each model and slice length."""
    columns = [(split, level) for split, level in COLUMNS if split in splits]
    yield "| | " + " | ".join(f"{split} {level}" for split, level in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for model in models:
        for length in slices:
            numbers = [shown(rows.get((model, length, split), []), level) for split, level in columns]
            yield f"| {model}, {length.removesuffix('s')} s | " + " | ".join(numbers) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Trains models on every slice and split, two at a time, and prints the results as Markdown.",
        epilog="Example: benchmarks/table.py --models mlp --slices 3s --folds 1 --set trainer.max_epochs=2",
    )
    add_cell_options(parser)
    options = parser.parse_args()
    one_thread_each()
    todo = cells(options.slices, options.splits, options.folds)
    rows, corpus = model_rows(options.models, todo, options.set, options.jobs)
    n_failed = len(todo) * len(options.models) - sum(map(len, rows.values()))
    print(f"Test accuracy on {corpus or 'no corpus'}. {LEGEND}\n")
    splits = [split for split in SPLITS if split in options.splits]
    print("\n".join(markdown(rows, options.models, options.slices, splits)))
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
