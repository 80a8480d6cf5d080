"""Means over seeds and folds."""

import pytest

from gtzan_lightning.report.sweep_summary import summed_up, tidy


def card(overrides, accuracy, sha256="s", split="grouped"):
    score = {"accuracy": accuracy, "accuracy_ci95": [0.1, 0.9], "f1": 0.5, "n": 200}
    return {
        "run_id": "run",
        "overrides": overrides,
        "seed": 0,
        "data": {"corpus": "gtzan"},
        "model": {"name": "MLP"},
        "features": {"name": "stats"},
        "split": {
            "name": split, "seed": 0, "fold": None, "leakage_warning": None, "sha256": sha256,
            "slices": {"train": 700, "val": 100, "test": 200},
        },
        "metrics": {"test": {"window": score, "clip": {**score, "accuracy": accuracy + 0.1}}},
    }  # fmt: skip


def test_repetitions_over_splits_have_a_mean_and_an_interval():
    cards = [
        card(["model=mlp", "split=leaky", f"split.seed={seed}"], 0.90 + 0.01 * seed, str(seed)) for seed in range(3)
    ]
    cards += [card(["model=mlp", "split=grouped", f"split.seed={seed}"], 0.70, f"g{seed}") for seed in range(3)]
    leaky_window, leaky_clip, grouped_window, _ = summed_up(cards)
    assert (leaky_window.name, grouped_window.name) == ("leaky", "grouped")
    assert (leaky_window.mean, leaky_window.spread) == pytest.approx((0.91, 0.01))
    half = 4.302653 * 0.01 * (1 / 3 + 200 / 700) ** 0.5  # t of 2 degrees, Nadeau & Bengio's variance
    assert leaky_window.interval == pytest.approx((0.91 - half, 0.91 + half))
    assert leaky_clip.mean == pytest.approx(1.01)


def test_training_seeds_on_one_split_give_a_spread_and_no_interval():
    cards = [card([f"seed={seed}"], 0.7 + 0.02 * seed) for seed in range(2)]
    window = summed_up(cards)[0]
    assert (window.name, window.interval) == ("all", None)
    assert window.spread == pytest.approx(0.02 / 2**0.5)


def test_single_runs_have_no_summary():
    assert summed_up([card(["model=mlp"], 0.7), card(["model=lstm"], 0.8)]) == []
    assert summed_up([]) == []


def test_the_tidy_table_has_a_row_a_level():
    table = tidy([card(["seed=1"], 0.7)])
    assert table[["level", "accuracy", "n"]].to_numpy().tolist() == [
        ["window", 0.7, 200],
        ["clip", pytest.approx(0.8), 200],
    ]
