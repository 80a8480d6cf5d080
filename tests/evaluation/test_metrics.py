import numpy as np
import pytest
from sklearn import metrics as sk

from gtzan_lightning.evaluation.metrics import Decisions, confusion, decide, genre_scores, overfit_gap, scores
from gtzan_lightning.evaluation.predictions import Predictions

GENRES = ("blues", "jazz", "rock", "zydeco")


def decisions(y_true, y_pred):
    ids = np.array([f"t{row}" for row in range(len(y_true))], dtype=object)
    return Decisions("window", ids, np.array(y_true), np.array(y_pred), GENRES)


@pytest.fixture
def random_decisions():
    rng = np.random.default_rng(0)
    return decisions(rng.integers(0, 4, 300), rng.integers(0, 4, 300))


def test_scores_are_those_of_scikit_learn(random_decisions):
    y, p = random_decisions.y_true, random_decisions.y_pred
    assert scores(random_decisions) == pytest.approx(
        {
            "accuracy": sk.accuracy_score(y, p),
            "precision": sk.precision_score(y, p, average="macro"),
            "recall": sk.balanced_accuracy_score(y, p),
            "f1": sk.f1_score(y, p, average="macro"),
            "n": 300,
        }
    )


def test_a_genre_without_examples_does_not_lower_the_macro_scores():
    found = scores(decisions([0, 0, 1, 1], [0, 3, 1, 1]))  # zydeco is predicted once and never true
    assert found["recall"] == 0.75
    assert found["f1"] == pytest.approx((2 / 3 + 1) / 2)


def test_a_genre_never_predicted_has_precision_zero():
    assert scores(decisions([0, 1], [0, 0])) == pytest.approx(
        {"accuracy": 0.5, "precision": 0.25, "recall": 0.5, "f1": 1 / 3, "n": 2}
    )


def test_no_rows_are_an_error():
    with pytest.raises(ValueError, match="no rows"):
        scores(decisions([], []))


def test_genre_scores_and_confusion_are_those_of_scikit_learn(random_decisions):
    y, p = random_decisions.y_true, random_decisions.y_pred
    report = sk.classification_report(y, p, target_names=GENRES, output_dict=True)
    table = genre_scores(random_decisions)
    for genre in GENRES:
        assert table.loc[genre, "precision"] == pytest.approx(report[genre]["precision"])
        assert table.loc[genre, "recall"] == pytest.approx(report[genre]["recall"])
        assert table.loc[genre, "f1"] == pytest.approx(report[genre]["f1-score"])
        assert table.loc[genre, "n"] == report[genre]["support"]
    np.testing.assert_array_equal(confusion(random_decisions), sk.confusion_matrix(y, p))


def test_an_absent_genre_has_a_row_without_scores():
    table = genre_scores(decisions([0, 1], [0, 3]))
    assert np.isnan(table.loc["zydeco", "recall"])
    assert table["n"].tolist() == [1, 1, 0, 0]
    assert confusion(decisions([0, 1], [0, 3])).shape == (4, 4)


def test_the_three_levels_can_differ():
    # Track a: two slices predict blues, one predicts jazz with probability 1. Track b: one slice, rock.
    p = [[0.5, 0.4, 0.1, 0], [0.5, 0.4, 0.1, 0], [0, 1, 0, 0], [0, 0, 1, 0]]
    table = Predictions(["a", "a", "a", "b"], [0, 3, 6, 0], ["test"] * 4, ["blues"] * 3 + ["rock"], p, GENRES)
    correct = {
        level: (decide(table, level).y_true == decide(table, level).y_pred) for level in ("window", "clip", "clip_vote")
    }
    assert correct["window"].tolist() == [True, True, False, True]
    assert correct["clip"].tolist() == [False, True]
    assert correct["clip_vote"].tolist() == [True, True]


def test_the_generalization_gap_is_train_minus_validation():
    p = np.eye(4)[[0, 0, 0, 1]]
    table = Predictions(list("abcd"), [0] * 4, ["train", "train", "val", "val"], ["blues"] * 4, p, GENRES)
    assert overfit_gap(table) == 0.5
    assert overfit_gap(table.only("val")) is None
