"""Protocol ablation: changes in accuracy are paired by split seed."""

import pytest

from gtzan_lightning.report.tables import table_markdown
from gtzan_lightning.studies.ablation import ProtocolAblation, ablations


def card(ablation, seed, accuracy, split="grouped", leakage_warnings=()):
    return {
        "status": "done",
        "overrides": ["model=mlp", f"ablation={ablation}", f"split.seed={seed}"],
        "model": {"name": "MLP"},
        "split": {"name": split, "seed": seed, "slices": {"train": 7000, "val": 1000, "test": 2000}},
        "leakage_warnings": list(leakage_warnings),
        "metrics": {"test": {"window": {"accuracy": accuracy}, "clip": {"accuracy": accuracy}}},
    }


CARDS = [
    *(card("epoch", seed, 0.75 + 0.003 * seed, leakage_warnings=["EPOCH CHOSEN ON TEST"]) for seed in range(3)),
    *(card("none", seed, 0.73 + 0.002 * seed) for seed in range(3)),
    *(card("none", seed, 0.93, split="leaky", leakage_warnings=["LEAKY SPLIT"]) for seed in range(2)),
    card("overlap", 1, 0.97, split="leaky", leakage_warnings=["LEAKY SPLIT"]),
]


def test_each_ablation_is_paired_with_the_same_seed_without_it():
    none, epoch, *_ = ablations(CARDS)
    assert (none.name, none.split, none.change) == ("none", "grouped", None)
    assert none.mean == pytest.approx(0.732)
    assert (epoch.name, epoch.change) == ("epoch", pytest.approx(0.021))  # mean of 0.020, 0.021, 0.022
    # t(2) = 4.302653 times sqrt(var (1/3 + 2000/7000)) with var = 1e-6
    half = 4.302653 * (1e-6 * (1 / 3 + 2 / 7)) ** 0.5
    assert epoch.change_interval == pytest.approx((0.021 - half, 0.021 + half))


def test_a_single_seed_has_a_change_and_no_interval():
    overlap = ablations(CARDS)[-1]
    assert (overlap.split, overlap.change, overlap.change_interval) == ("leaky", pytest.approx(0.04), (-1.0, 1.0))


def test_without_a_common_seed_there_is_no_change():
    assert ablations([card("none", 0, 0.7), card("epoch", 1, 0.8)])[1].change is None
    assert ablations([card("epoch", 1, 0.8)])[0].change is None


def test_failed_jobs_and_runs_of_other_commands_are_passed_over():
    failed = {"status": "failed", "overrides": ["ablation=scaling"]}
    assert ablations([failed, {**card("none", 0, 0.7), "overrides": ["model=mlp"]}]) == []


def test_there_is_a_table_for_each_level_and_model_with_a_column_for_each_split(documented_header):
    window, clip = ProtocolAblation().analyse(CARDS, []).tables
    assert (
        documented_header("ablation") == "| change in window accuracy (95 %) | leaky | grouped |"
    )  # order of the jobs
    assert clip.title == "Protocol ablation of mlp: clip level, mean of 3 split seeds"
    # t(2) = 4.302653 times sqrt(4e-6 (1/3 + 2/7)) = 0.0068 for the accuracy, sqrt(1e-6 (...)) = 0.0034 for the change
    assert table_markdown(window).splitlines()[2:] == [
        "| change in window accuracy (95 %) | grouped | leaky |",
        "|---|---|---|",
        "| accuracy without any of these | 0.732 (0.725-0.739) | 0.930 (0.930-0.930) |",
        "| model selection on the test set instead of validation | +0.021 (+0.018 to +0.024) |  |",
        "| slices that overlap by half |  | +0.040 (-1.000 to +1.000) |",
    ]
