"""Compares the models of a sweep in pairs by split seed: `python benchmarks/paired.py SCORES.csv --n-train 349`."""

from __future__ import annotations

import argparse
from itertools import combinations
from pathlib import Path

import pandas as pd

from gtzan_lightning.evaluation.significance import resampled_interval


def paired_rows(scores: pd.DataFrame, n_train: int) -> list[str]:
    """Markdown rows, one a pair of models and kind of features: mean difference in test window accuracy, interval.

    Args:
        scores: the `scores.csv` of a sweep over models, features and split seeds.
        n_train: training slices of each split, for the correction of Nadeau & Bengio (2003).
    """
    test = scores[(scores["part"] == "test") & (scores["level"] == "window")]
    rows = []
    for features, of_features in test.groupby("features"):
        table = of_features.pivot_table(index="split_seed", columns="model", values="accuracy")
        for one, other in combinations(table.columns, 2):
            differences = (table[one] - table[other]).dropna()
            result = resampled_interval(differences.tolist(), n_train, float(of_features["n"].mean()))
            interval = f"{result.low:+.3f} to {result.high:+.3f}"
            rows.append(f"| {features} | {one} - {other} | {result.mean:+.3f} | {interval} | {len(differences)} |")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scores", type=Path, help="scores.csv in the folder of a sweep")
    parser.add_argument("--n-train", type=int, required=True, help="training slices of each split")
    options = parser.parse_args()
    print("| features | pair | difference | 95 % | splits |\n|---|---|---|---|---|")
    print("\n".join(paired_rows(pd.read_csv(options.scores), options.n_train)))


if __name__ == "__main__":
    main()
