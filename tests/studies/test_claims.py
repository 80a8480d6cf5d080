"""Published scores and their verdicts: computed from intervals, never typed."""

import numpy as np
import pytest

from gtzan_lightning.studies.claims import check_claims, claims_markdown, prediction_interval


def card(split, accuracy, claimed=0.93, study="paper"):
    return {
        "claim": {"study": study, "level": "window", "accuracy": claimed},
        "split": {"name": split},
        "metrics": {"test": {"window": {"accuracy": accuracy, "n": 1990}}},
    }


def test_the_interval_is_that_of_a_textbook():
    # n = 5, mean 3, s = sqrt(2.5): 3 ± 2.776445 * 1.581139 * sqrt(1.2), t of 4 degrees from a printed table
    low, high = prediction_interval([0.1, 0.2, 0.3, 0.4, 0.5])
    assert (round(low, 4), round(high, 4)) == (0.0, 0.7809)
    assert prediction_interval([0.5]) == (0.0, 1.0)


def test_the_interval_holds_the_next_value_19_times_in_20():
    random = np.random.default_rng(0)
    draws = random.normal(0.7, 0.02, (4000, 6))
    inside = [low <= row[5] <= high for row in draws for low, high in [prediction_interval(row[:5])]]
    assert abs(np.mean(inside) - 0.95) < 3 * (0.95 * 0.05 / 4000) ** 0.5


@pytest.mark.parametrize(
    ("claimed", "verdict"), [(0.93, "leaky only"), (0.73, "grouped only"), (0.85, "neither"), (0.50, "neither")]
)
def test_the_verdict_follows_from_the_intervals(claimed, verdict):
    cards = [card("leaky", 0.93 + 0.001 * i, claimed) for i in range(-2, 3)]
    cards += [card("grouped", 0.73 + 0.01 * i, claimed) for i in range(-2, 3)]
    (check,) = check_claims(cards)
    assert check.verdict == verdict
    assert f"| paper | window | {claimed:.2f} | 0.930 " in claims_markdown([check])


def test_wide_intervals_decide_nothing_and_missing_ones_say_so():
    one_run = [card("leaky", 0.93), card("grouped", 0.73)]
    assert check_claims(one_run)[0].verdict == "both"
    assert check_claims(one_run[:1])[0].verdict == "not measured"


def test_each_study_is_a_row():
    cards = [card(split, 0.7, study=study) for study in ("a", "b") for split in ("leaky", "grouped")]
    assert [check.study for check in check_claims(cards)] == ["a", "b"]
