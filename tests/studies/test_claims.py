"""Published scores and their verdicts: computed from intervals, never typed."""

import numpy as np
import pytest

from gtzan_lightning.report.tables import table_markdown
from gtzan_lightning.studies.claims import PublishedClaims, check_claims, prediction_interval


def card(split, accuracy, claimed=0.93, claim="paper", seed=0, overrides=()):
    return {
        "overrides": list(overrides),
        "study": {"claim": claim, "level": "window", "accuracy": claimed},
        "split": {"name": split, "seed": seed},
        "metrics": {"test": {"window": {"accuracy": accuracy, "n": 1990}}},
    }


def test_the_interval_is_that_of_a_textbook():
    # n = 5, mean 3, s = sqrt(2.5): 3 ± 2.776445 * 1.581139 * sqrt(1.2), t of 4 degrees from a printed table
    low, high = prediction_interval([0.1, 0.2, 0.3, 0.4, 0.5])
    assert (round(low, 4), round(high, 4)) == (0.0, 0.7809)
    assert prediction_interval([0.5]) == (0.0, 1.0)


def test_the_interval_holds_the_next_value_19_times_in_20():
    draws = np.random.default_rng(0).normal(0.7, 0.02, (4000, 6))
    inside = [low <= row[5] <= high for row in draws for low, high in [prediction_interval(row[:5])]]
    assert abs(np.mean(inside) - 0.95) < 3 * (0.95 * 0.05 / 4000) ** 0.5


@pytest.mark.parametrize(
    ("claimed", "verdict"), [(0.93, "leaky only"), (0.73, "grouped only"), (0.85, "neither"), (0.50, "neither")]
)
def test_the_verdict_follows_from_the_intervals(claimed, verdict):
    cards = [card("leaky", 0.93 + 0.001 * i, claimed, seed=i) for i in range(-2, 3)]
    cards += [card("grouped", 0.73 + 0.01 * i, claimed, seed=i) for i in range(-2, 3)]
    (check,) = check_claims(cards)
    assert check.verdict == verdict
    (table,) = PublishedClaims().analyse(cards, []).tables
    assert f"| paper | {claimed:.2f} window | 0.930 (0.925-0.935) 5 runs, n=1990 | 0.730 " in table_markdown(table)


def test_wide_intervals_decide_nothing_and_missing_ones_say_so():
    one_run = [card("leaky", 0.93), card("grouped", 0.73)]
    assert check_claims(one_run)[0].verdict == "needs two split seeds"
    assert check_claims(one_run * 3)[0].verdict == "needs two split seeds"  # training seeds of one split
    assert check_claims(one_run[:1])[0].verdict == "not measured"


def test_each_claim_is_a_row(documented_header):
    cards = [card(split, 0.7, claim=claim) for claim in ("a", "b") for split in ("leaky", "grouped")]
    assert [check.claim for check in check_claims(cards)] == ["a", "b"]
    (table,) = PublishedClaims().analyse(cards, []).tables
    assert table_markdown(table).splitlines()[2] == documented_header("claims")


def test_training_seeds_of_one_split_are_averaged_before_the_interval():
    cards = [card("leaky", accuracy, seed=seed) for seed in (0, 1) for accuracy in (0.90 + seed / 50, 0.92 + seed / 50)]
    measured = check_claims(cards)[0].measured["leaky"]
    assert (measured.mean, measured.runs) == (pytest.approx(0.92), 4)
    assert (measured.low, measured.high) == pytest.approx(prediction_interval([0.91, 0.93]))


def test_mixed_configurations_are_rows_of_their_own_and_seeds_and_paths_are_not():
    """As in `make claims ARGS="model.hidden_size=128,64 split.seed=0,1 seed=0,1"`."""
    cards = [
        card(
            split, 0.7 + size / 1000 + seed / 100, seed=split_seed,
            overrides=[f"split={split}", f"model.hidden_size={size}", f"split.seed={split_seed}", f"seed={seed}"],
        )
        for split in ("leaky", "grouped") for size in (128, 64) for split_seed in (0, 1) for seed in (0, 1)
    ]  # fmt: skip
    checks = check_claims(cards)
    assert [check.configuration for check in checks] == ["hidden_size=128", "hidden_size=64"]
    assert [check.measured["leaky"].mean for check in checks] == pytest.approx([0.833, 0.769])
    (table,) = PublishedClaims().analyse(cards, []).tables
    assert "| paper hidden_size=128 | 0.93 window | 0.833 (0.833-0.833) 4 runs of 2 splits, n=1990 |" in table_markdown(
        table
    )
