"""Claimed rankings: leads are paired by split seed, and their intervals give the verdict."""

import numpy as np
import pytest
from scipy.stats import t

from gtzan_lightning.report.tables import table_markdown
from gtzan_lightning.studies.rankings import PairedVariants, PublishedRankings, check_rankings, compare_variants


def cards(accuracies, *, split="grouped"):
    return [
        {
            "study": {"claim": "study", "level": "clip", "winner": "reslstm"},
            "features": {"name": "mfcc"},
            "model": {"name": model},
            "split": {"name": split, "seed": seed, "slices": {"train": 700, "test": 200}},
            "metrics": {"test": {"clip": {"accuracy": accuracy}}},
        }
        for model, values in accuracies.items()
        for seed, accuracy in enumerate(values)
    ]


def test_a_lead_is_paired_by_seed_with_the_interval_of_nadeau_and_bengio():
    winner, other = [0.60, 0.70, 0.80], [0.58, 0.66, 0.77]
    (lead,) = check_rankings(cards({"ResLSTM": winner, "BiLSTM": other}))
    differences = np.subtract(winner, other)
    half = t.ppf(0.975, 2) * np.sqrt(differences.var(ddof=1) * (1 / 3 + 200 / 700))
    assert lead.mean == pytest.approx(0.03)
    assert lead.interval == pytest.approx((0.03 - half, 0.03 + half))
    assert lead.verdict == "not shown"  # half is 0.034
    (table,) = PublishedRankings().analyse(cards({"ResLSTM": winner, "BiLSTM": other}), []).tables
    interval = f"({0.03 - half:+.3f} to {0.03 + half:+.3f})"
    row = f"| study: reslstm beats lstm on mfcc, clip level | grouped | +0.030 {interval} 3 splits | not shown |"
    assert row in table_markdown(table)


@pytest.mark.parametrize(
    ("other", "verdict"),
    [([0.5, 0.6, 0.7], "shown"), ([0.7, 0.8, 0.9], "contradicted"), ([0.5, 0.8, 0.8], "not shown")],
)
def test_the_verdict_follows_from_the_interval(other, verdict):
    (lead,) = check_rankings(cards({"ResLSTM": [0.601, 0.699, 0.8], "ConvLSTM": other}))
    assert lead.verdict == verdict


def test_every_split_and_other_model_is_a_row():
    same = {"ResLSTM": [0.6], "BiLSTM": [0.5], "ConvLSTM": [0.4]}
    leads = check_rankings(cards(same) + cards(same, split="leaky"))
    assert [(lead.split, lead.other) for lead in leads] == [
        ("grouped", "lstm"),
        ("grouped", "convlstm"),
        ("leaky", "lstm"),
        ("leaky", "convlstm"),
    ]
    assert {lead.verdict for lead in leads} == {"not shown"}  # one seed gives no interval


def test_without_the_winner_nothing_is_measured():
    (lead,) = check_rankings(cards({"BiLSTM": [0.5, 0.6]}))
    assert (lead.mean, lead.verdict) == (None, "not measured")


def variant_card(accuracy, recall, *overrides, seed=0, model="ConvLSTM"):
    return {
        "study": {
            "question": "Batch normalisation",
            "baseline": {"model.batch_norm": False, "model.residual": False},
            "genres": ["disco", "hiphop"],
        },
        "overrides": [f"split.seed={seed}", *overrides],
        "split": {"seed": seed, "slices": {"train": 70, "test": 20}},
        "model": {"name": model},
        "metrics": {"test": {"clip": {"accuracy": accuracy}}},
        "genres": {"clip": {"disco": {"recall": recall}, "hiphop": {"recall": recall + 0.2}, "jazz": {"recall": 1.0}}},
    }


def variants(*gains, other=()):
    """Baseline 0.5 and, for each gain, a run with batch normalisation, on one split each."""
    cards = []
    for seed, gain in enumerate(gains):
        cards.append(variant_card(0.5, 0.3, "model.batch_norm=false", "model.residual=false", *other, seed=seed))
        cards.append(
            variant_card(0.5 + gain, 0.3 - gain, "model.batch_norm=true", "model.residual=false", *other, seed=seed)
        )
    return cards


def test_a_variant_is_compared_with_the_baseline_split_by_split():
    accuracy, recall = compare_variants(variants(0.10, 0.11, 0.12))
    assert (accuracy.configuration, accuracy.changes, accuracy.score) == ("convlstm", "batch_norm=true", "accuracy")
    assert (accuracy.baseline, accuracy.difference) == (pytest.approx(0.5), pytest.approx(0.11))
    # s = 0.01, t(2) = 4.3027, factor 1/3 + 20/70: 0.11 ± 4.3027 * 0.01 * sqrt(0.619048)
    assert accuracy.interval == pytest.approx((0.07615, 0.14385), abs=1e-5)
    assert (recall.score, recall.baseline) == ("recall of disco, hiphop", pytest.approx(0.4))
    assert recall.difference == pytest.approx(-0.11)
    assert (accuracy.verdict, recall.verdict) == ("better", "worse")


def test_no_difference_is_an_answer_and_no_common_split_is_none():
    assert [each.verdict for each in compare_variants(variants(0.1, -0.1, 0.05))] == ["no difference shown"] * 2
    alone = [card for card in variants(0.1, 0.1) if "model.batch_norm=true" in card["overrides"]]
    assert [each.verdict for each in compare_variants(alone)] == ["not measured"] * 2


def test_each_value_of_the_other_keys_has_rows_of_its_own():
    cards = variants(0.1, 0.1, other=("model=lstm",)) + variants(0.2, 0.2, other=("model=reslstm",))
    found = [each for each in compare_variants(cards) if each.score == "accuracy"]
    assert [(each.configuration, round(each.difference, 3)) for each in found] == [("lstm", 0.1), ("reslstm", 0.2)]
    (table,) = PairedVariants().analyse(cards, []).tables
    assert "| lstm | batch_norm=true | accuracy | 0.500 | +0.100 (+0.100 to +0.100) | 2 | better |" in table_markdown(
        table
    )


def test_training_seeds_of_one_split_are_averaged():
    """Two training seeds on the first of two splits, one on the other."""
    cards = variants(0.1, 0.1)
    second = variant_card(0.8, 0.6, "model.batch_norm=true", "model.residual=false", seed=0)
    accuracy, recall = compare_variants([*cards, second])
    # split 0: accuracies 0.6 and 0.8, recalls 0.2 + 0.1 and 0.6 + 0.1; split 1: 0.6, 0.2 + 0.1
    assert accuracy.difference == pytest.approx(((0.7 - 0.5) + (0.6 - 0.5)) / 2)
    assert recall.difference == pytest.approx(((0.5 - 0.4) + (0.3 - 0.4)) / 2)


def test_only_splits_that_both_have_are_compared_and_counted():
    cards = variants(0.1, 0.1, 0.4)
    accuracy, recall = compare_variants([*cards[:4], cards[5]])  # the last split lacks the baseline
    assert (accuracy.difference, recall.difference) == (pytest.approx(0.1), pytest.approx(-0.1))
    assert (accuracy.seeds, recall.seeds) == (2, 2)


def test_overrides_are_the_same_with_a_plus_and_with_capitals():
    cards = [
        variant_card(0.5 + gain, 0.3, override, seed=seed)
        for seed in (0, 1) for gain, override in ((0, "+model.batch_norm=False"), (0.1, "++model.batch_norm=True"))
    ]  # fmt: skip
    accuracy, _ = compare_variants(cards)
    assert (accuracy.configuration, accuracy.changes) == ("convlstm", "batch_norm=true")
    assert (accuracy.difference, accuracy.seeds) == (pytest.approx(0.1), 2)
