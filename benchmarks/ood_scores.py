"""Compares out-of-distribution scores: GTZAN's test part against tracks of another corpus, from tables of 30-s rows.

    python benchmarks/ood_scores.py --other TABLE [--models mlp lstm] [--seeds 0 1 2 3 4]

TABLE has the columns of features_30_sec.csv; its genres that GTZAN has are used. Needs GTZAN's tables in GTZAN_ROOT.
Each model is trained once a seed (split and training). The limit of each score is its 95th percentile over the
validation part. AUROC: probability that a track of the other corpus has a larger score than one of the test part.

Scores, larger further away: Mahalanobis distance to the mean of the standardised inputs; on the inputs of the last
linear layer, the Mahalanobis distance to the nearest mean of a genre (Lee et al. 2018), the relative one (Ren et al.
2021), and the distance to the fifth nearest training example, after scaling to unit length (Sun et al. 2022), and with
columns of equal deviation (`evaluation/ood.py`); the energy of the logits (Liu et al. 2020); minus the logarithm of the
largest probability (Hendrycks & Gimpel 2017).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.covariance import LedoitWolf
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from gtzan_lightning import load_run
from gtzan_lightning.config.composition import compose
from gtzan_lightning.evaluation.ood import NEIGHBOURS, fit_ood
from gtzan_lightning.inference.trained_run import TrainedRun
from gtzan_lightning.models.embedding import embed
from gtzan_lightning.report.tables import TextTable, table_markdown
from gtzan_lightning.training.split_data import open_data
from gtzan_lightning.training.train import train

Rows = NDArray[np.float64]
Score = Callable[[Rows], Rows]
LIMIT = 0.95  # share of the validation part below the limit of a score


def mahalanobis(rows: Rows, genre: NDArray[np.int64] | None = None) -> Score:
    """Distance to the nearest mean of a genre, or to the one mean; shared covariance of Ledoit & Wolf."""
    groups = [rows] if genre is None else [rows[genre == each] for each in np.unique(genre)]
    means = [each.mean(axis=0) for each in groups]
    centred = np.concatenate([each - mean for each, mean in zip(groups, means, strict=True)])
    precision = LedoitWolf(assume_centered=True).fit(centred).precision_
    return lambda x: np.min([np.einsum("nf,nf->n", (x - mean) @ precision, x - mean) for mean in means], axis=0)


def relative(rows: Rows, genre: NDArray[np.int64]) -> Score:
    near, far = mahalanobis(rows, genre), mahalanobis(rows)
    return lambda x: near(x) - far(x)


def nearest(rows: Rows) -> Score:
    def unit(x: Rows) -> Rows:
        return x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12)

    index = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(unit(rows))
    return lambda x: index.kneighbors(unit(x))[0][:, -1]


def outputs(run: TrainedRun, x: NDArray[np.float32]) -> dict[str, Rows]:
    """Standardised inputs, representation and logits of examples of one step, `(tracks, n)` each."""
    inputs = torch.from_numpy(run.standardisation.apply(x))
    with torch.inference_mode():
        found = {"inputs": inputs[:, 0], "penultimate": embed(run.model, inputs), "logits": run.model(inputs)}
    return {name: each.double().numpy() for name, each in found.items()}


def scores(train_rows: dict[str, Rows], genre: NDArray[np.int64]) -> dict[str, Callable[[dict[str, Rows]], Rows]]:
    fitted = {
        ("inputs", "Mahalanobis"): mahalanobis(train_rows["inputs"]),
        ("inputs", "fifth neighbour"): nearest(train_rows["inputs"]),
        ("penultimate", "Mahalanobis, one mean"): mahalanobis(train_rows["penultimate"]),
        ("penultimate", "Mahalanobis, genres"): mahalanobis(train_rows["penultimate"], genre),
        ("penultimate", "relative Mahalanobis"): relative(train_rows["penultimate"], genre),
        ("penultimate", "fifth neighbour"): nearest(train_rows["penultimate"]),
        ("penultimate", "fifth neighbour, scaled"): fit_ood(train_rows["penultimate"]).distances,
        ("logits", "energy"): lambda x: -np.logaddexp.reduce(x, axis=1),
        ("logits", "largest probability"): lambda x: -(x.max(axis=1) - np.logaddexp.reduce(x, axis=1)),
    }
    return {f"{layer}: {name}": (lambda x, f=f, layer=layer: f(x[layer])) for (layer, name), f in fitted.items()}


def compare(model: str, seed: int, other: pd.DataFrame, folder: Path) -> list[dict[str, object]]:
    overrides = [f"model={model}", "slice=30s", "slice.step_s=30", "split=grouped", f"split.seed={seed}"]
    overrides += [f"seed={seed}", "trainer.progress=false", "logger=none", f"outputs={folder}"]
    run = load_run(train(compose(overrides), overrides=overrides).folder)
    data = open_data(run.config)
    genre = np.array([run.genres.index(data.corpus.tracks[track].genre) for track in data.slices.track_index])
    rows = data.features.values[data.slices.first_row][:, None]
    parts = {part: outputs(run, rows[data.parts == part]) for part in ("train", "val", "test")}
    away = outputs(run, other[list(run.columns)].to_numpy(np.float32)[:, None])
    truth = np.array([run.genres.index(each) for each in other["label"]])
    wrong = away["logits"].argmax(axis=1) != truth
    missed = parts["test"]["logits"].argmax(axis=1) != genre[data.parts == "test"]
    found = []
    for name, score in scores(parts["train"], genre[data.parts == "train"]).items():
        val, test, far = score(parts["val"]), score(parts["test"]), score(away)
        limit = np.quantile(val, LIMIT)
        found.append(
            {
                "model": model,
                "score": name,
                "auroc": roc_auc_score(np.r_[np.zeros(len(test)), np.ones(len(far))], np.r_[test, far]),
                "flagged, test": (test > limit).mean(),
                "flagged, other": (far > limit).mean(),
                "error, test": missed.mean(),
                "error, other": wrong.mean(),
                "error, other, not flagged": wrong[far <= limit].mean(),
                "auroc of errors": roc_auc_score(np.r_[missed, wrong], np.r_[test, far]),
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", type=Path, required=True, metavar="TABLE")
    parser.add_argument("--models", nargs="+", default=["mlp", "lstm"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3, 4])
    arguments = parser.parse_args()
    other = pd.read_csv(arguments.other, encoding="utf-8-sig")
    with tempfile.TemporaryDirectory() as folder:
        pairs = [(model, seed) for model in arguments.models for seed in arguments.seeds]
        rows = [row for model, seed in pairs for row in compare(model, seed, other, Path(folder))]
    means = pd.DataFrame(rows).groupby(["model", "score"], sort=False).mean().reset_index()
    cells = [[*row[:2], *(f"{value:.3f}" for value in row[2:])] for row in means.itertuples(index=False)]
    print(table_markdown(TextTable("Out-of-distribution scores", tuple(means.columns), cells)))


if __name__ == "__main__":
    main()
