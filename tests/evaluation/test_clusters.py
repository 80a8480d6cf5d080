import numpy as np
import pytest
from sklearn.metrics import f1_score

from gtzan_lightning.evaluation.clusters import accuracy, count_clusters, genre_f1, genre_recall, macro_f1
from gtzan_lightning.evaluation.metrics import Decisions

GENRES = ("blues", "jazz", "rock", "pop")


def table(y_true, y_pred, track_id):
    return Decisions("window", np.array(track_id, dtype=object), np.array(y_true), np.array(y_pred), GENRES)


def test_scores_from_counts_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    y, p, artist = rng.integers(0, 4, 200), rng.integers(0, 4, 200), rng.integers(0, 30, 200)
    tracks = [f"t{row}" for row in range(200)]
    counts = count_clusters(table(y, p, tracks), {track: f"a{a}" for track, a in zip(tracks, artist, strict=True)})
    assert len(counts) == len(set(artist))
    assert accuracy(counts.sum()) == pytest.approx(np.mean(y == p))
    np.testing.assert_allclose(genre_f1(counts.sum()), f1_score(y, p, average=None))
    assert macro_f1(np.arange(4))(counts.sum()) == pytest.approx(f1_score(y, p, average="macro"))
    sizes = {f"a{a}": int((artist == a).sum()) for a in set(artist)}
    assert sorted(counts.rows) == sorted(sizes.values())


def test_rows_of_a_cluster_are_counted_together():
    counts = count_clusters(table([0, 0, 1], [0, 1, 1], ["s", "t", "u"]), {"s": "x", "t": "x", "u": "y"})
    assert counts.totals[:, :, :2].tolist() == [[[1, 0], [2, 0], [1, 1]], [[0, 1], [0, 1], [0, 1]]]


@pytest.mark.parametrize(
    ("genre_of_cluster", "strata"),
    [
        ([0, 0, 1, 1], [0, 0, 1, 1]),
        ([0, 0, 1, 2], [0, 0, 1, 1]),  # two single clusters together
        ([0, 0, 0, 1, 1, 2], [0, 0, 0, 1, 1, 1]),  # a single cluster joins the smallest genre
        ([0], [0]),
        ([0, 1, 2], [0, 0, 0]),
    ],
)
def test_each_stratum_has_two_clusters(genre_of_cluster, strata):
    tracks = [str(cluster) for cluster in range(len(genre_of_cluster))]
    counts = count_clusters(table(genre_of_cluster, genre_of_cluster, tracks), {track: track for track in tracks})
    assert counts.stratum.tolist() == strata


def test_a_cluster_of_several_genres_belongs_to_the_most_frequent():
    decided = table([0, 1, 1, 0, 0, 1], [0] * 6, ["a", "a", "a", "b", "c", "d"])
    counts = count_clusters(decided, {"a": "a", "b": "b", "c": "c", "d": "d"})
    assert counts.stratum.tolist() == [1, 0, 0, 1]


def test_a_genre_without_rows_scores_zero_not_nan():
    counts = count_clusters(table([0, 0], [0, 0], ["a", "b"]), {"a": "a", "b": "b"})
    assert genre_recall(counts.sum()).tolist() == [1, 0, 0, 0]
    assert genre_f1(counts.sum()).tolist() == [1, 0, 0, 0]


def test_a_track_without_cluster_is_an_error():
    with pytest.raises(ValueError, match=r"1 tracks, among them \['b'\]"):
        count_clusters(table([0, 0], [0, 0], ["a", "b"]), {"a": "a"})
