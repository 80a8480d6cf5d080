"""Baselines on the splits of the models; see `--help`.

Majority class, logistic regression and an RBF-SVM are fitted on the same scaled slices of the same training part as the
models, and scored by the same functions. Plain standardisation: `--set features.scaling=standard`.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import torch
from cells import LEGEND, LEVELS, Cell, Rows, Scores, add_cell_options, cells, one_thread_each, shown
from numpy.typing import NDArray
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.corpus.tracks import Corpus, resampling_clusters
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.metrics import decide
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.evaluation.run_metrics import evaluate_level
from gtzan_lightning.training.construction import make_datamodule
from gtzan_lightning.training.split_data import open_data


def baselines() -> dict[str, ClassifierMixin]:
    """The baseline methods, weakest first."""
    return {
        "majority class": DummyClassifier(strategy="most_frequent"),
        "logistic regression": LogisticRegression(max_iter=2000),
        "RBF-SVM, C=10": SVC(C=10, break_ties=True),  # break_ties: predictions are the largest decision value
    }


def score_baselines(cell: Cell, overrides: Sequence[str] = ()) -> tuple[str, dict[str, Scores]]:
    """The name of the corpus, and the test scores of every method on one cell."""
    torch.set_num_threads(1)
    overrides = [*cell.overrides(), *overrides]
    config = validate_config(compose(overrides), overrides)
    data = open_data(config)
    datamodule = make_datamodule(config, data)
    x, y = _examples(datamodule)
    train, test = (np.flatnonzero(datamodule.parts == part) for part in ("train", "test"))
    found = {}
    for name, method in baselines().items():
        method.fit(x[train], y[train])
        found[name] = _scores(datamodule, test, _probabilities(method, x[test]), data.corpus)
    return data.corpus.name, found


def baseline_rows(todo: Sequence[Cell], overrides: Sequence[str], jobs: int) -> tuple[Rows, str]:
    """Scores of all cells, computed in `jobs` processes, and the name of the corpus.

    Cells that the corpus does not support are reported and omitted.
    """
    rows: Rows = defaultdict(list)
    corpus = "no corpus"
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool:
        results = [(cell, pool.submit(score_baselines, cell, overrides)) for cell in todo]
        for cell, result in results:
            try:
                corpus, found = result.result()
            except GtzanError as error:
                print(f"{' '.join(cell.overrides())}: omitted\n{error}", file=sys.stderr)
                continue
            for name, scores in found.items():
                rows[name, cell.slice, cell.split].append(scores)
    return rows, corpus


def print_rows(rows: Rows, corpus: str) -> None:
    """Prints one row for each slice length, split and method."""
    table = Table(title=f"Baselines on {corpus}, test accuracy", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("slice", "split", "method"):
        table.add_column(name, no_wrap=True)
    for level in LEVELS:
        table.add_column(level, justify="right", no_wrap=True)
    for length, split in dict.fromkeys((length, split) for _, length, split in rows):
        for name in baselines():
            numbers = [shown(rows[name, length, split], level) for level in LEVELS]
            table.add_row(length, split, name, *numbers)
        table.add_section()
    console = Console()
    console.print(table)
    console.print(LEGEND)


def _examples(datamodule: SliceDataModule) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """All slices flattened, `(slices, steps * features)`, and their genres, `(slices,)`."""
    x, y, _ = datamodule.examples.batch(torch.arange(len(datamodule.slices)))
    return x.flatten(1).numpy(), y.numpy()


def _probabilities(method: ClassifierMixin, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities `(slices, genres)`; for an SVM the softmax of its decision values, in the same order."""
    if hasattr(method, "predict_proba"):
        return method.predict_proba(x)
    return softmax(method.decision_function(x), axis=1)


def _scores(
    datamodule: SliceDataModule, chosen: NDArray[np.int64], probabilities: NDArray[np.float64], corpus: Corpus
) -> Scores:
    tracks = [corpus.tracks[index] for index in datamodule.slices.track_index[chosen]]
    predictions = Predictions(
        track_id=np.asarray([track.track_id for track in tracks], dtype=object),
        start_s=datamodule.slices.start_s[chosen],
        part=np.full(len(chosen), "test", dtype=object),
        y_true=np.asarray([track.genre for track in tracks], dtype=object),
        probabilities=probabilities,
        genres=corpus.genres,
    )
    cluster, clusters = resampling_clusters(corpus.tracks)
    cluster_of_track = {track.track_id: cluster for track, cluster in zip(corpus.tracks, clusters, strict=True)}
    return {level: evaluate_level(decide(predictions, level), cluster_of_track, cluster) for level in LEVELS}


def main() -> int:
    parser = argparse.ArgumentParser(description="Test accuracy of scikit-learn's methods on the models' splits.")
    add_cell_options(parser)
    options = parser.parse_args()
    one_thread_each()
    todo = cells(options.slices, options.splits, options.folds)
    rows, corpus = baseline_rows(todo, options.set, options.jobs)
    print_rows(rows, corpus)
    return 0 if sum(map(len, rows.values())) == len(todo) * len(baselines()) else 1


if __name__ == "__main__":
    sys.exit(main())
