"""Search of the defaults: validation folds by artist, no test part.

    python benchmarks/search_defaults.py [--models mlp svm] [--seeds 0 1 2 3 4] [--jobs 2]

Needs GTZAN's tables in GTZAN_ROOT. For each split seed, the tracks outside the test part of `split=artist` are four
folds, whole artists each. A model is trained on two of them, a third one chooses the epoch, and the accuracy of clips
on the fourth is the score; each of `SCORED` is the fourth fold once (one fold for recurrent models). A split seed's test tracks are in the folds of
other seeds, as in every repeated split of one corpus. Finished runs are reused.

Rules for the epoch, computed from the curves of the same runs: the best epoch on the third fold (by accuracy of
windows, the rule of a run), the best one within the early stopping of the default, the best mean over five epochs
(whose last one is taken), and the last epoch.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.config.compatibility import prepare
from gtzan_lightning.config.composition import compose
from gtzan_lightning.datamodule.assignment import SplitRule
from gtzan_lightning.datamodule.splits import split_tracks
from gtzan_lightning.evaluation.significance import resampled_interval
from gtzan_lightning.report.tables import TextTable, table_markdown
from gtzan_lightning.training.split_data import open_data

N_FOLDS = 4
SCORED = (0, 2)
SCORED_RECURRENT = (0,)  # which take longer
N_TRAIN, N_SCORED = 2, 1  # folds, for the interval
PATIENCE, SMOOTHED = 20, 5  # epochs

POOLINGS = {
    "mean": "model.pooling=[mean]",
    "mean, std": "model.pooling=[mean,std]",
    "mean, std, diff": "model.pooling=[mean,std,diff]",
}
FULL = POOLINGS["mean, std, diff"]


def pooled(*names: str) -> dict[str, list[str]]:
    return {name: [value] for name, value in POOLINGS.items() if not names or name in names}


FLAT = {"steps side by side": ["model.pooling=null"]}
SETTINGS: dict[tuple[str, str], dict[str, list[str]]] = {
    ("svm", "30s"): {
        **FLAT,
        **pooled(),
        "mean, std, diff; C=3": [FULL, "model.C=3"],
        "mean, std, diff; C=30": [FULL, "model.C=30"],
        "mean, std; C=3": [POOLINGS["mean, std"], "model.C=3"],
        "mean, std; gamma=0.003": [POOLINGS["mean, std"], "+model.gamma=0.003"],
        "mean, std; C=3, gamma=0.003": [POOLINGS["mean, std"], "model.C=3", "+model.gamma=0.003"],
    },
    ("logreg", "30s"): FLAT | pooled() | {"mean, std, diff; C=0.1": [FULL, "model.C=0.1"]},
    ("lda", "30s"): FLAT | pooled(),
    ("knn", "30s"): FLAT | pooled(),
    ("forest", "30s"): FLAT | pooled(),
    ("svm", "6s"): FLAT | pooled(),
    ("logreg", "6s"): FLAT | pooled(),
    ("lda", "6s"): FLAT | pooled(),
    ("mlp", "30s"): {
        **pooled(),
        "mean, std, diff; weight decay 0.1": [FULL, "regularization.weight_decay=0.1"],
        "mean, std, diff; 1024 units": [FULL, "model.hidden_size=1024"],
        "mean, std, diff; regularization=strong": [FULL, "regularization=strong"],
    },
    ("mlp", "6s"): pooled("mean", "mean, std"),
    ("lstm", "30s"): pooled(),
    ("lstm", "6s"): pooled("mean", "mean, std"),
    ("reslstm", "30s"): pooled("mean", "mean, std"),
    ("convlstm", "30s"): pooled("mean", "mean, std"),
}
"""(model, slice) -> name of each setting and its overrides; differences are to the first."""


def write_lists(folder: Path, seeds: Sequence[int]) -> dict[tuple[int, int], Path]:
    """Writes a list of the parts for each (split seed, scored fold)."""
    corpus = open_data(prepare(compose(()), ()).config).corpus
    names = [track.track_id for track in corpus.tracks]
    lists = {}
    for seed in seeds:
        folds = [
            split_tracks(corpus, SplitRule("artist", seed, val_fold=v, n_val_folds=N_FOLDS)) for v in range(N_FOLDS)
        ]
        for scored in SCORED:
            chooses = folds[(scored + 1) % N_FOLDS]
            parts = np.where(folds[scored] == "val", "test", chooses)
            kept = folds[scored] != "test"
            path = folder / f"seed{seed}-fold{scored}.csv"
            pd.DataFrame({"track": names, "part": parts})[kept].to_csv(path, index=False)
            lists[seed, scored] = path.resolve()
    return lists


def curves(overrides: Sequence[str], folder: Path) -> pd.DataFrame:
    """Scores of each epoch, `(epochs, scores)`, trained unless the folder has them."""
    from gtzan_lightning.training.callbacks import History  # here: the parent process trains nothing
    from gtzan_lightning.training.construction import make_datamodule, make_model, make_trainer
    from gtzan_lightning.training.train import shorten_steps

    file = folder / f"{hashlib.sha256(' '.join(overrides).encode()).hexdigest()[:16]}.csv"
    if not file.is_file():
        config = prepare(compose(overrides), overrides).config
        lightning.seed_everything(config.seed, verbose=False)
        datamodule = make_datamodule(config, open_data(config))
        model = make_model(config, datamodule.shape, len(datamodule.genres))
        shorten_steps(config, model, datamodule)
        history = History()
        make_trainer(config, [history], False).fit(model, datamodule)
        history.write(file)
    return pd.read_csv(file)


def best_within(chooser: NDArray[np.float64], patience: int) -> int:
    """The best epoch before the first `patience` epochs in a row without a better one."""
    best = 0
    for epoch, score in enumerate(chooser):
        if score > chooser[best]:
            best = epoch
        elif epoch - best >= patience:
            break
    return best


def best_smoothed(chooser: NDArray[np.float64]) -> int:
    width = min(SMOOTHED, len(chooser))
    return int(np.convolve(chooser, np.ones(width) / width, "valid").argmax()) + width - 1


RULES: dict[str, Callable[[NDArray[np.float64]], int]] = {
    "best": lambda chooser: int(chooser.argmax()),
    "best within patience": lambda chooser: best_within(chooser, PATIENCE),
    "best mean of five": best_smoothed,
    "last": lambda chooser: len(chooser) - 1,
}


COLUMNS = ("model, slice", "pooling and other settings", "folds", *RULES, "change (95 %)")


def scores(curve: pd.DataFrame) -> list[float]:
    """Accuracy of the scored clips at the epoch of each rule."""
    chooser = curve["val/window_accuracy"].to_numpy()
    return [curve["test/clip_accuracy"][rule(chooser)] for rule in RULES.values()]


def rows(found: dict[str, NDArray[np.float64]], title: str) -> Iterator[list[str]]:
    """Yields a row per setting, from its scores `(folds, rules)`."""
    first = next(iter(found.values()))
    for name, values in found.items():
        change = values[:, 1] - first[:, 1]
        paired = resampled_interval(change, N_TRAIN, N_SCORED)
        shown = "" if values is first else f"{paired.mean:+.3f} ({paired.low:+.3f} to {paired.high:+.3f})"
        yield [title, name, str(len(values)), *(f"{value:.3f}" for value in values.mean(axis=0)), shown]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    models = list(dict.fromkeys(model for model, _ in SETTINGS))
    parser.add_argument("--models", nargs="+", default=models, choices=models, metavar="MODEL")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    parser.add_argument("--jobs", type=int, default=2, help="processes, one thread each")
    parser.add_argument("--folder", type=Path, default=Path("outputs/search_defaults"))
    options = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    options.folder.mkdir(parents=True, exist_ok=True)
    lists = write_lists(options.folder, options.seeds)
    common = ["trainer.best_epoch_on=test", "trainer.progress=false", "logger=none"]
    cells: list[list[str]] = []
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for (model, length), settings in SETTINGS.items():
            if model not in options.models:
                continue
            waiting = {
                name: [
                    pool.submit(
                        curves,
                        [f"model={model}", f"slice={length}", "split=artist", f"split.manifest={path}", f"seed={seed}"]
                        + [*overrides, *common],
                        options.folder,
                    )
                    for (seed, fold), path in lists.items()
                    if fold in (SCORED_RECURRENT if model.endswith("lstm") else SCORED)
                ]
                for name, overrides in settings.items()
            }
            found = {}
            for name, futures in waiting.items():
                found[name] = np.asarray([scores(future.result()) for future in futures])
                print(model, length, name, found[name].mean(axis=0).round(3), file=sys.stderr, flush=True)
            cells += rows(found, f"{model}, {length.removesuffix('s')} s")
    print(table_markdown(TextTable("Search of the defaults", COLUMNS, cells)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
