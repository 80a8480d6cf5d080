"""Search of the defaults: validation folds by artist, no test part.

    python benchmarks/search_defaults.py [--models mlp svm] [--seeds 0 1 2 3 4] [--jobs 2]

Needs GTZAN's tables in GTZAN_ROOT. For each split seed, the tracks outside the test part of `split=artist` are four
folds, whole artists each. A model is trained on two of them, a third one chooses the epoch, and the accuracy of clips
on the fourth is the score; each fold of `SCORED` is the fourth once. The test tracks of a split seed are in the folds
of other seeds, as in every repeated split of one corpus. Finished curves are reused.

Rules for the epoch, from the curves of the same runs: the best epoch on the third fold (accuracy of windows), the best
one before the early stopping of the default, the end of the five epochs with the best mean, and the last epoch.
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
DEFAULT = 1  # position of the default in RULES
COMMON = ("trainer.best_epoch_on=test", "trainer.progress=false", "logger=none")

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
    ("knn", "6s"): FLAT | pooled(),
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


def shown(change: NDArray[np.float64]) -> str:
    """The mean of paired differences with its interval."""
    paired = resampled_interval(change.tolist(), N_TRAIN, N_SCORED)
    return f"{paired.mean:+.3f} ({paired.low:+.3f} to {paired.high:+.3f})"


def setting_rows(title: str, found: dict[str, NDArray[np.float64]]) -> Iterator[list[str]]:
    """Yields a row per setting, from its scores `(folds, rules)`; changes are those of the default rule."""
    first = next(iter(found.values()))
    for name, values in found.items():
        change = "" if values is first else shown((values - first)[:, DEFAULT])
        yield [title, name, str(len(values)), *(f"{value:.3f}" for value in values.mean(axis=0)), change]


def rule_row(found: Sequence[NDArray[np.float64]], n_seeds: int) -> list[str]:
    """Change of each rule against the default one, over all settings `(folds, rules)`, paired by split seed."""
    by_seed = np.mean([values.reshape(n_seeds, -1, len(RULES)).mean(axis=1) for values in found], axis=0)
    changes = (by_seed - by_seed[:, [DEFAULT]]).T
    return ["networks", "change by the rule", "", *("" if not any(each) else shown(each) for each in changes), ""]


def trained(options: argparse.Namespace) -> Iterator[tuple[str, str, dict[str, NDArray[np.float64]]]]:
    """Yields model, slice, and the scores `(folds, rules)` of each setting."""
    lists = write_lists(options.folder, options.seeds)
    with ProcessPoolExecutor(options.jobs, get_context("spawn")) as pool:
        for (model, length), settings in SETTINGS.items():
            if model not in options.models:
                continue
            folds = SCORED_RECURRENT if model.endswith("lstm") else SCORED
            found = {}
            for name, overrides in settings.items():
                jobs = [
                    [f"model={model}", f"slice={length}", "split=artist", f"split.manifest={path}", f"seed={seed}"]
                    for (seed, fold), path in lists.items()
                    if fold in folds
                ]
                waiting = [pool.submit(curves, [*job, *overrides, *COMMON], options.folder) for job in jobs]
                found[name] = np.asarray([scores(future.result()) for future in waiting])
                print(f"{model}, {length}, {name}: {found[name][:, DEFAULT].mean():.3f}", file=sys.stderr, flush=True)
            yield model, length, found


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
    rows: list[list[str]] = []
    networks: list[NDArray[np.float64]] = []
    for model, length, found in trained(options):
        rows += setting_rows(f"{model}, {length.removesuffix('s')} s", found)
        networks += found.values() if model.endswith(("mlp", "lstm")) else []
    if networks:
        rows.append(rule_row(networks, len(options.seeds)))
    print(table_markdown(TextTable("Search of the defaults", COLUMNS, rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
