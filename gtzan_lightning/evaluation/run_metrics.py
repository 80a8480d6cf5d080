"""The `metrics` and `genres` entries of a run card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gtzan_lightning.evaluation.clusters import (
    ClusterCounts,
    Statistic,
    accuracy,
    count_clusters,
    genre_f1,
    genre_recall,
    macro_f1,
)
from gtzan_lightning.evaluation.intervals import bootstrap_interval, resample, t_interval
from gtzan_lightning.evaluation.metrics import LEVELS, Decisions, decide, genre_scores, scores
from gtzan_lightning.evaluation.predictions import Predictions

if TYPE_CHECKING:
    import pandas as pd

MIN_CLUSTERS = 5  # minimum effective number of clusters for a reliable genre score
BALANCED = 0.9  # smallest ratio of the smallest to the largest genre of a corpus with equal numbers of clips


def evaluate(predictions: Predictions, cluster_of_track: Mapping[str, str], cluster: str) -> dict[str, Any]:
    """Scores and intervals of the validation and test part at each level, as plain numbers for JSON.

    Args:
        predictions: predictions of the run; train rows are ignored.
        cluster_of_track: cluster of each track (`corpus.tracks.resampling_clusters`).
        cluster: kind of the clusters: "artist", "recording" or "track".

    Returns:
        `{val, test} -> {window, clip, clip_vote} -> {accuracy, precision, recall, f1, n, accuracy_ci95, ...}`.
        `val` is missing if the split has no validation part.
        `*_ci95` is `intervals.t_interval`, `*_ci95_percentile` and `*_ci95_bca` are bootstrap intervals; `warnings`
        lists the genres with too few clusters.

    Raises:
        ValueError: The test part is empty, or a track has no cluster.
    """
    tables = {part: predictions.only(part) for part in ("val", "test")}
    return {
        part: {level: evaluate_level(decide(table, level), cluster_of_track, cluster) for level in LEVELS}
        for part, table in tables.items()
        if part == "test" or len(table)
    }


def evaluate_level(
    decisions: Decisions, cluster_of_track: Mapping[str, str], cluster: str, *, stratified: bool = True
) -> dict[str, Any]:
    """Scores and intervals of one level; see `evaluate`, and `count_clusters` for `stratified`."""
    entry: dict[str, Any] = dict(scores(decisions))
    counts = count_clusters(decisions, cluster_of_track, stratified=stratified)
    statistics: dict[str, Statistic] = {"accuracy": accuracy, "f1": macro_f1(decisions.occurring())}
    samples = resample(counts) if len(counts) > 1 else None
    for name, statistic in statistics.items():
        interval = t_interval(counts, statistic)
        entry[f"{name}_ci95"] = [interval.low, interval.high]
        entry[f"{name}_se"] = interval.se
        entry[f"{name}_ci95_percentile"] = list(bootstrap_interval(counts, statistic, "percentile", samples=samples))
        entry[f"{name}_ci95_bca"] = list(bootstrap_interval(counts, statistic, "bca", samples=samples))
    warnings = too_few_clusters(genre_clusters(counts, decisions.genres), cluster)
    return entry | {"cluster": cluster, "n_clusters": len(counts), "warnings": warnings}


def is_balanced(clips: Decisions) -> bool:
    """Whether the genres have equal numbers of clips, up to a tenth: the corpus was drawn by genre.

    The intervals of such a corpus are stratified by genre. Otherwise whole artists were drawn with whatever clips they
    have: their number in each genre is random too, and stratified intervals cover too little
    (`tests/evaluation/test_intervals_other_corpus.py`).
    """
    n = np.bincount(clips.y_true)[clips.occurring()]
    return bool(n.min() >= BALANCED * n.max())


def genre_metrics(decisions: Decisions, cluster_of_track: Mapping[str, str]) -> pd.DataFrame:
    """Scores of each genre with 95 % intervals, indexed by genre.

    Returns:
        Columns precision, recall, f1, n, recall_low, recall_high, f1_low, f1_high, clusters, effective_clusters. The
        last one is the effective number of clusters, 1 / sum(share^2) over their shares of the rows (Kish 1965).
    """
    counts = count_clusters(decisions, cluster_of_track)
    table = genre_scores(decisions).join(genre_clusters(counts, decisions.genres).drop(columns="n"))
    for name, statistic in (("recall", genre_recall), ("f1", genre_f1)):
        clusters = enumerate(table["clusters"].tolist())
        intervals = [t_interval(counts, _of_genre(statistic, genre), clusters=n) for genre, n in clusters]
        table[f"{name}_low"] = [interval.low for interval in intervals]
        table[f"{name}_high"] = [interval.high for interval in intervals]
    return table


def genre_clusters(counts: ClusterCounts, genres: Sequence[str]) -> pd.DataFrame:
    """Columns n, clusters and effective_clusters of `genre_metrics`, indexed by genre."""
    import pandas as pd

    rows = counts.totals[:, 1]  # (clusters, genres)
    n = rows.sum(axis=0)
    effective = 1 / np.sum((rows / np.maximum(n, 1)) ** 2, axis=0).clip(min=1e-12)
    return pd.DataFrame(
        {"n": n, "clusters": np.count_nonzero(rows, axis=0), "effective_clusters": np.where(n == 0, 0.0, effective)},
        index=pd.Index(genres, name="genre"),
    )


def _of_genre(statistic: Statistic, genre: int) -> Statistic:
    """Select the score of one genre."""
    return lambda totals: statistic(totals)[..., genre]


def genre_entries(table: pd.DataFrame) -> dict[str, dict[str, float | int | None]]:
    """Convert the table of `genre_metrics` to plain numbers for JSON, by genre; NaN becomes None."""
    counts = ("n", "clusters")
    return {
        str(genre): {
            str(name): int(value) if name in counts else float(value) if np.isfinite(value) else None
            for name, value in row.items()
        }
        for genre, row in table.iterrows()
    }


def too_few_clusters(table: pd.DataFrame, cluster: str, minimum: float = MIN_CLUSTERS) -> list[str]:
    """Return a warning for each genre with rows whose effective number of clusters is below `minimum`.

    Args:
        table: table of `genre_metrics` or `genre_clusters`.
        cluster: kind of the clusters: "artist", "recording" or "track".
        minimum: smallest effective number of clusters without a warning.
    """
    few = table[(table["n"] > 0) & (table["effective_clusters"] < minimum)]
    return [
        f"{genre}: {row.clusters:.0f} {cluster}{'' if row.clusters == 1 else 's'} "
        f"(effective number of {cluster}s: {row.effective_clusters:.1f}), too few for a reliable score"
        for genre, row in few.iterrows()
    ]
