import numpy as np
import pytest
from scipy import stats

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.evaluation.run_comparison import Entrant, Hits, compare, permutation_p_value

GENRES = ("blues", "jazz")
CLUSTERS = {f"t{track:02}": f"artist {track // 4}" for track in range(40)}


def run(name, skill, seed, split="5eed", **change):
    """40 test tracks of two windows, 20 per genre, and a training row, which must be ignored."""
    rng = np.random.default_rng(seed)
    track = np.append(np.repeat(np.arange(40), 2), 99)
    y = (track >= 20).astype(int)
    y[-1] = 0
    confidence = np.clip(rng.normal(skill, 0.2, 81), 0.01, 0.99)
    p = np.stack([np.where(y == 0, confidence, 1 - confidence), np.where(y == 1, confidence, 1 - confidence)], axis=1)
    columns = {
        "track_id": np.array([f"t{t:02}" for t in track], dtype=object),
        "start_s": np.append(np.tile([0.0, 3.0], 40), 0.0),
        "part": ["test"] * 80 + ["train"],
        "y_true": np.array(GENRES, dtype=object)[y],
        "probabilities": p,
        "genres": GENRES,
    }
    return Entrant(name, Predictions(**columns | change), split)


def test_a_pair_by_hand():
    a, b = run("mlp", 0.75, 0), run("lstm", 0.55, 1)
    row = compare([a, b], CLUSTERS).iloc[0]
    right = {}
    for entrant in (a, b):
        p = entrant.predictions.probabilities[:80].reshape(40, 2, 2).mean(axis=1)
        right[entrant.name] = p.argmax(axis=1) == (np.arange(40) >= 20)
    d = (right["mlp"].astype(int) - right["lstm"]).reshape(10, 4).sum(axis=1)  # by artist
    exact = stats.permutation_test((d,), np.sum, permutation_type="samples", n_resamples=np.inf)
    assert row["difference"] == pytest.approx(d.sum() / 40)
    assert row["difference"] == pytest.approx(row["accuracy_a"] - row["accuracy_b"])
    assert row["p_permutation"] == pytest.approx(exact.pvalue)
    means = (d / 4).reshape(2, 5)  # five artists per genre
    se = np.sqrt((means.var(axis=1, ddof=1) / 5).sum()) / 2
    degrees = (means.var(axis=1, ddof=1).sum()) ** 2 / ((means.var(axis=1, ddof=1) ** 2) / 4).sum()
    half = stats.t.ppf(0.975, degrees) * se
    assert (row["low"], row["high"]) == pytest.approx((row["difference"] - half, row["difference"] + half))
    assert (row["n"], row["clusters"]) == (40, 10)


@pytest.mark.parametrize("level", ["window", "clip"])
def test_hits_give_the_p_value_of_the_comparison(level):
    a, b = run("mlp", 0.75, 0), run("lstm", 0.55, 1)
    tests = [entrant.predictions.only("test") for entrant in (a, b)]
    shuffled = tests[1].rows(np.random.default_rng(0).permutation(80))
    hits_a, hits_b = (Hits.by_level(test, CLUSTERS, [level])[level] for test in (tests[0], shuffled))
    assert permutation_p_value(hits_a, hits_b) == compare([a, b], CLUSTERS, level).iloc[0]["p_permutation"]
    fewer = Hits.by_level(tests[1].rows(np.arange(79)), CLUSTERS, [level])[level]
    twice = Hits.by_level(tests[1].rows(np.r_[0, np.arange(80)]), CLUSTERS, [level])[level]
    assert permutation_p_value(hits_a, fewer) is None
    assert permutation_p_value(twice, twice) is None


def test_mcnemar_uses_clip_votes():
    def one_confident_slice(name, genre):
        """Two of three slices predict the genre with 0.6, one the other with 1.0: vote and mean disagree."""
        p = np.tile([0.6, 0.6, 0.0], 10)
        columns = [p, 1 - p] if genre == "blues" else [1 - p, p]
        tracks = np.repeat([f"t{track:02}" for track in range(10)], 3).astype(object)
        starts, parts, truth = np.tile([0.0, 3, 6], 10), ["test"] * 30, ["blues"] * 30
        return Entrant(name, Predictions(tracks, starts, parts, truth, np.stack(columns, axis=1), GENRES), "5eed")

    row = compare([one_confident_slice("a", "blues"), one_confident_slice("b", "jazz")], CLUSTERS).iloc[0]
    assert row["p_mcnemar"] == pytest.approx(2 / 2**10)
    assert row["difference"] == -1  # the mean probability gives the opposite result


def test_three_runs_make_three_pairs_with_holms_correction():
    table = compare([run("a", 0.8, 0), run("b", 0.6, 1), run("c", 0.5, 2)], CLUSTERS)
    assert list(zip(table["a"], table["b"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    p, adjusted = table["p_permutation"].to_numpy(), table["p_permutation_holm"].to_numpy()
    assert adjusted.min() == pytest.approx(min(3 * p.min(), 1))
    assert (adjusted >= p).all()


def test_the_order_of_a_runs_rows_does_not_matter():
    a, b = run("mlp", 0.75, 0), run("lstm", 0.55, 1)
    mixed = Entrant("lstm", b.predictions.rows(np.random.default_rng(0).permutation(81)), b.split_sha256)
    assert compare([a, b], CLUSTERS).equals(compare([a, mixed], CLUSTERS))


def test_equal_runs_have_no_difference():
    row = compare([run("x", 0.7, 0), run("y", 0.7, 0)], CLUSTERS).iloc[0]
    assert (row["difference"], row["p_permutation"], row["p_mcnemar"]) == (0, 1, 1)
    limit = stats.binomtest(0, row["clusters"]).proportion_ci(method="exact").high
    assert (row["low"], row["high"]) == pytest.approx((-limit, limit))  # of a cluster in which they would differ


def test_one_cluster_gives_the_widest_interval():
    row = compare([run("x", 0.7, 0), run("y", 0.5, 1)], dict.fromkeys(CLUSTERS, "one")).iloc[0]
    assert (row["low"], row["high"], row["p_permutation"]) == (-1, 1, 1)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (run("b", 0.7, 1, split="0ther"), "splits differ .* 5eed and 0ther"),
        (run("b", 0.7, 1, genres=("blues", "rock"), y_true=["blues"] * 81), "genres differ"),
        (run("b", 0.7, 1, start_s=np.append(np.tile([0.0, 3.5], 40), 0.0)), "80 test rows .* t00 at 3 s"),
        (run("b", 0.7, 1, start_s=np.zeros(81)), "contains a slice twice"),
        (run("b", 0.7, 1, part=["val"] * 81), "is empty"),
        (run("a", 0.7, 1), "with different names"),
    ],
)
def test_runs_that_cannot_be_paired_are_an_error(other, reason):
    with pytest.raises(GtzanError, match=reason):
        compare([run("a", 0.7, 0), other], CLUSTERS)


def test_one_run_is_an_error():
    with pytest.raises(GtzanError, match="two or more"):
        compare([run("a", 0.7, 0)], CLUSTERS)
