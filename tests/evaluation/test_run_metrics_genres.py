import numpy as np
import pandas as pd
import pytest
from scipy import stats

from gtzan_lightning.evaluation.metrics import Decisions
from gtzan_lightning.evaluation.run_metrics import genre_entries, genre_metrics, too_few_clusters

GENRES = ("blues", "jazz", "rock")


def table():
    """Blues: one artist with 8 tracks, two with 1. Jazz: 6 artists of 2 tracks. Rock: never occurs."""
    artists = ["b1"] * 8 + ["b2", "b3"] + [f"j{index // 2}" for index in range(12)]
    tracks = np.array([f"t{row}" for row in range(22)], dtype=object)
    y_true = np.array([0] * 10 + [1] * 12)
    y_pred = np.array([0] * 7 + [1] * 3 + [1] * 6 + [2, 1] * 3)
    return genre_metrics(Decisions("clip", tracks, y_true, y_pred, GENRES), dict(zip(tracks, artists, strict=True)))


def test_the_effective_number_of_clusters_is_kishs():
    metrics = table()
    assert metrics["clusters"].tolist() == [3, 6, 0]
    assert metrics["effective_clusters"].tolist() == pytest.approx([100 / 66, 6, 0])
    assert metrics["n"].tolist() == [10, 12, 0]


def test_a_genres_recall_has_the_t_interval_of_its_own_clusters():
    metrics = table()
    means = [1, 1, 1, 0.5, 0.5, 0.5]
    p, half = 0.75, stats.t.ppf(0.975, 5) * stats.sem(means) / (0.75 * 0.25)
    ends = 1 / (1 + np.exp(-(np.log(p / (1 - p)) + np.array([-half, half]))))
    assert metrics.loc["jazz", ["recall_low", "recall_high"]].tolist() == pytest.approx(ends.tolist())


def test_perfect_recall_has_the_exact_binomial_interval():
    tracks = np.array([f"t{row}" for row in range(40)], dtype=object)
    y = np.array([0] * 4 + [1] * 36)
    metrics = genre_metrics(Decisions("clip", tracks, y, y, GENRES), {track: track for track in tracks})
    exact = stats.binomtest(4, 4).proportion_ci(0.95, "exact")
    assert metrics.loc["blues", "recall_low"] == pytest.approx(exact.low)


def test_scores_lie_in_their_intervals():
    metrics = table().loc[["blues", "jazz"]]
    for name in ("recall", "f1"):
        assert (metrics[f"{name}_low"] <= metrics[name]).all()
        assert (metrics[name] <= metrics[f"{name}_high"]).all()


def test_genres_with_too_few_clusters_are_reported():
    assert too_few_clusters(table(), "artist") == [
        "blues: 3 artists (effective number of artists: 1.5), too few for a reliable score"
    ]
    assert too_few_clusters(table(), "artist", minimum=1) == []


def test_entries_are_plain_numbers_and_none_for_nan():
    metrics = pd.DataFrame({"n": [4, 0], "clusters": [2, 0], "f1": [0.5, np.nan]}, index=["blues", "rock"])
    assert genre_entries(metrics) == {
        "blues": {"n": 4, "clusters": 2, "f1": 0.5},
        "rock": {"n": 0, "clusters": 0, "f1": None},
    }
    assert type(genre_entries(metrics)["blues"]["n"]) is int
