"""The `metrics` part of a run card.

MERGED: Evidence by genre: scores with intervals, and which genres have too few clusters to trust.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gtzan_lightning.evaluation.clusters import Statistic, accuracy, count_clusters, genre_f1, genre_recall, macro_f1
from gtzan_lightning.evaluation.intervals import bootstrap_interval, t_interval
from gtzan_lightning.evaluation.metrics import LEVELS, Decisions, decide, genre_scores, scores
from gtzan_lightning.evaluation.predictions import Predictions

MIN_CLUSTERS = 5  # effective clusters below which one more artist could overturn a genre's score


def genre_metrics(decisions: Decisions, cluster_of_track: Mapping[str, str]) -> pd.DataFrame:
    """Scores of each genre with 95 % intervals, indexed by genre.

    Returns:
        Columns precision, recall, f1, n, recall_low, recall_high, f1_low, f1_high, clusters, effective_units. The
        last one is Kish's 1 / sum(share^2): as many clusters of equal size would say as much.
    """
    table = genre_scores(decisions)
    counts = count_clusters(decisions, cluster_of_track)
    rows = counts.totals[:, 1]  # (clusters, genres)
    table["clusters"] = np.count_nonzero(rows, axis=0)
    share = rows / np.maximum(rows.sum(axis=0), 1)
    table["effective_units"] = 1 / np.sum(share**2, axis=0).clip(min=1e-12)
    table.loc[table["n"] == 0, "effective_units"] = 0.0
    for name, scores in (("recall", genre_recall), ("f1", genre_f1)):
        speaking = enumerate(table["clusters"].tolist())
        intervals = [t_interval(counts, _of_genre(scores, genre), clusters=clusters) for genre, clusters in speaking]
        table[f"{name}_low"] = [interval.low for interval in intervals]
        table[f"{name}_high"] = [interval.high for interval in intervals]
    return table


def genre_entries(evidence: pd.DataFrame) -> dict[str, dict[str, float | int | None]]:
    """What `genre_metrics` returned as plain numbers for JSON, by genre; None for what no row can tell."""
    whole = ("n", "clusters")
    return {
        str(genre): {
            str(name): int(value) if name in whole else float(value) if np.isfinite(value) else None
            for name, value in row.items()
        }
        for genre, row in evidence.iterrows()
    }


def too_few_clusters(evidence: pd.DataFrame, cluster: str, enough: float = MIN_CLUSTERS) -> list[str]:
    """One sentence for each genre whose score rests on fewer than `enough` effective clusters.

    Args:
        evidence: what `genre_metrics` returned.
        cluster: what the cluster is: "artist", "recording" or "track".
        enough: effective clusters from which on a genre is not mentioned.
    """
    weak = evidence[(evidence["n"] > 0) & (evidence["effective_units"] < enough)]
    return [
        f"{genre}: {row.clusters:.0f} {cluster}{'' if row.clusters == 1 else 's'}, worth {row.effective_units:.1f} of equal "
        f"size; too few to trust this genre's score"
        for genre, row in weak.iterrows()
    ]


def _of_genre(scores: Statistic, genre: int) -> Statistic:
    """The score of one genre out of those of all."""
    return lambda totals: scores(totals)[..., genre]


def evaluate(predictions: Predictions, cluster_of_track: Mapping[str, str], cluster: str) -> dict[str, Any]:
    """Scores and intervals of validation and test part at each level, as plain numbers for JSON.

    Args:
        predictions: the table of the run; a train part in it is not scored here.
        cluster_of_track: each track's cluster (`corpus.tracks.resampling_clusters`).
        cluster: what the cluster is: "artist", "recording" or "track".

    Returns:
        `{val, test} -> {window, clip, clip_vote} -> {accuracy, precision, recall, f1, n, accuracy_ci95, ...}`.
        `*_ci95` is `intervals.t_interval`, `*_ci95_percentile` and `*_ci95_bca` are the bootstrap's; `warnings`
        names the genres with too few clusters to trust.

    Raises:
        ValueError: a part is empty, or a track has no cluster.
    """
    return {
        part: {
            level: evaluate_level(decide(predictions.only(part), level), cluster_of_track, cluster) for level in LEVELS
        }
        for part in ("val", "test")
    }


def evaluate_level(decisions: Decisions, cluster_of_track: Mapping[str, str], cluster: str) -> dict[str, Any]:
    """Scores and intervals of one level; see `evaluate`."""
    card: dict[str, Any] = dict(scores(decisions))
    counts = count_clusters(decisions, cluster_of_track)
    statistics: dict[str, Statistic] = {"accuracy": accuracy, "f1": macro_f1(decisions.occurring())}
    for name, statistic in statistics.items():
        interval = t_interval(counts, statistic)
        card[f"{name}_ci95"] = [interval.low, interval.high]
        card[f"{name}_se"] = interval.se
        card[f"{name}_ci95_percentile"] = list(bootstrap_interval(counts, statistic, "percentile"))
        card[f"{name}_ci95_bca"] = list(bootstrap_interval(counts, statistic, "bca"))
    evidence = genre_metrics(decisions, cluster_of_track)
    return card | {"cluster": cluster, "n_clusters": len(counts), "warnings": too_few_clusters(evidence, cluster)}
