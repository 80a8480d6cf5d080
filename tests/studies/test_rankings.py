"""Claimed rankings: leads are paired by split seed, and their intervals give the verdict."""

import numpy as np
import pytest
from scipy.stats import t

from gtzan_lightning.report.tables import table_markdown
from gtzan_lightning.studies.rankings import PublishedRankings, check_rankings


def cards(accuracies, *, split="grouped"):
    return [
        {
            "study": {"claim": "study", "level": "clip", "winner": "ResLSTM"},
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
    row = f"| study: ResLSTM beats BiLSTM on mfcc, clip level | grouped | +0.030 {interval} 3 splits | not shown |"
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
        ("grouped", "BiLSTM"),
        ("grouped", "ConvLSTM"),
        ("leaky", "BiLSTM"),
        ("leaky", "ConvLSTM"),
    ]
    assert {lead.verdict for lead in leads} == {"not shown"}  # one seed gives no interval


def test_without_the_winner_nothing_is_measured():
    (lead,) = check_rankings(cards({"BiLSTM": [0.5, 0.6]}))
    assert (lead.mean, lead.verdict) == (None, "not measured")
