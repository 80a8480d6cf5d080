import json

import numpy as np
import pytest

from gtzan_lightning.evaluation.clusters import accuracy, count_clusters, macro_f1
from gtzan_lightning.evaluation.intervals import bootstrap_interval, t_interval
from gtzan_lightning.evaluation.metrics import decide
from gtzan_lightning.evaluation.predictions import Predictions, read_predictions, write_predictions
from gtzan_lightning.evaluation.run_metrics import evaluate

GENRES = ("blues", "jazz", "rock")
KEYS = {"accuracy", "precision", "recall", "f1", "n", "accuracy_ci95", "accuracy_se", "cluster"}


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    track = np.repeat(np.arange(60), 5)
    y = track % 3
    p = rng.dirichlet(np.ones(3), 300) * 0.6
    p[np.arange(300), y] += 0.4
    part = np.array(["train", "val", "test"], dtype=object)[(track // 3) % 3]
    return Predictions([f"t{t}" for t in track], np.tile(np.arange(5) * 3.0, 60), part, np.array(GENRES)[y], p, GENRES)


def clusters(table, size):
    return {track: f"u{int(track[1:]) // (9 * size)}-{int(track[1:]) % 3}" for track in table.track_id}


def test_a_card_has_its_documented_fields_as_plain_json(table):
    card = evaluate(table, clusters(table, 2), "artist")
    assert json.loads(json.dumps(card)) == card
    for part in ("val", "test"):
        for level in ("window", "clip", "clip_vote"):
            entry = card[part][level]
            assert entry.keys() >= KEYS
            assert entry["cluster"] == "artist"
            for score in ("accuracy", "f1"):
                for kind in ("", "_percentile", "_bca"):
                    low, high = entry[f"{score}_ci95{kind}"]
                    assert 0 <= low <= entry[score] <= high <= 1
    assert card["test"]["window"]["n"] == 90
    assert card["test"]["clip"]["n"] == 18


def test_each_interval_has_its_key(table):
    decided = decide(table.only("test"), "window")
    entry = evaluate(table, clusters(table, 1), "track")["test"]["window"]
    counts = count_clusters(decided, clusters(table, 1))
    for score, statistic in (("accuracy", accuracy), ("f1", macro_f1(np.arange(3)))):
        interval = t_interval(counts, statistic)
        assert entry[f"{score}_ci95"] == [interval.low, interval.high]
        assert entry[f"{score}_se"] == interval.se
        for kind in ("percentile", "bca"):
            assert entry[f"{score}_ci95_{kind}"] == list(bootstrap_interval(counts, statistic, kind))


def test_the_file_gives_exactly_the_same_card(table, tmp_path):
    write_predictions(table, tmp_path / "predictions.csv")
    again = read_predictions(tmp_path / "predictions.csv")
    assert evaluate(again, clusters(table, 2), "artist") == evaluate(table, clusters(table, 2), "artist")


def test_the_order_of_the_rows_does_not_matter(table):
    shuffled = table.rows(np.random.default_rng(1).permutation(len(table)))
    card, other = (evaluate(each, clusters(table, 2), "artist")["test"]["clip"] for each in (table, shuffled))
    for key in ("accuracy", "f1", "accuracy_se", "n_clusters"):
        assert card[key] == pytest.approx(other[key], abs=1e-12)


def test_larger_clusters_are_fewer_and_too_few_are_reported(table):
    many, few = evaluate(table, clusters(table, 1), "track"), evaluate(table, clusters(table, 4), "artist")
    assert few["test"]["clip"]["n_clusters"] < many["test"]["clip"]["n_clusters"]
    assert few["test"]["clip"]["warnings"][0].startswith("blues: 2 artists")


def test_one_cluster_gives_the_widest_interval(table):
    entry = evaluate(table, dict.fromkeys(table.track_id, "x"), "artist")["test"]["window"]
    assert entry["accuracy_ci95"] == [0, 1]
    assert entry["accuracy_se"] is None


def test_an_empty_test_part_is_an_error_and_an_empty_validation_part_is_left_out(table):
    with pytest.raises(ValueError, match="no rows"):
        evaluate(table.only("val"), clusters(table, 1), "track")
    whole = evaluate(table, clusters(table, 1), "track")
    assert evaluate(table.only("test"), clusters(table, 1), "track") == {"test": whole["test"]}
