"""Results table of the README: trains missing runs and prints Markdown; see `--help`.

Finished runs are read from their run folders, so the command can be repeated, interrupted and extended.
"""

from __future__ import annotations

import argparse
import sys
import traceback
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from multiprocessing import get_context

from baselines import baseline_rows, baselines
from cells import LEGEND, SPLITS, Cell, Rows, Scores, add_cell_options, cells, one_thread_each, shown

from gtzan_lightning.config.composition import compose
from gtzan_lightning.errors import GtzanError

MODELS = ("mlp", "lstm", "reslstm", "convlstm")
COLUMNS = (
    ("leaky", "window"),
    ("grouped", "window"),
    ("grouped", "clip"),
    ("artist", "window"),
    ("filtered", "window"),
)


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


def markdown(rows: Rows, methods: Sequence[str], slices: Sequence[str], splits: Sequence[str]) -> Iterator[str]:
    """Yields the lines of the table, one row for each method and slice length."""
    columns = [(split, level) for split, level in COLUMNS if split in splits]
    yield "| | " + " | ".join(f"{split} {level}" for split, level in columns) + " |"
    yield "|---" * (len(columns) + 1) + "|"
    for method in methods:
        for length in slices:
            numbers = [shown(rows.get((method, length, split), []), level) for split, level in columns]
            yield f"| {method}, {length.removesuffix('s')} s | " + " | ".join(numbers) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Trains models on every slice and split, two at a time, and prints the results as Markdown.",
        epilog="Example: benchmarks/table.py --models mlp --slices 3s --folds 1 --set trainer.max_epochs=2",
    )
    add_cell_options(parser)
    parser.add_argument("--models", nargs="+", default=list(MODELS), metavar="MODEL", help="default: all four")
    parser.add_argument("--no-baselines", action="store_true", help="leave out scikit-learn's rows")
    options = parser.parse_args()
    one_thread_each()
    todo = cells(options.slices, options.splits, options.folds)
    rows, corpus = model_rows(options.models, todo, options.set, options.jobs)
    n_failed = len(todo) * len(options.models) - sum(map(len, rows.values()))
    methods = list(options.models)
    if not options.no_baselines:
        rows |= baseline_rows(todo, options.set, options.jobs)[0]
        methods = [*baselines(), *methods]
    print(f"Test accuracy on {corpus or 'no corpus'}. {LEGEND}\n")
    print("\n".join(markdown(rows, methods, options.slices, [split for split in SPLITS if split in options.splits])))
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
