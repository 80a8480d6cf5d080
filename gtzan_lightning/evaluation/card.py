"""The `metrics` part of a run card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gtzan_lightning.evaluation.bootstrap import bootstrap_interval
from gtzan_lightning.evaluation.genres import genre_evidence, too_few_units
from gtzan_lightning.evaluation.intervals import t_interval
from gtzan_lightning.evaluation.metrics import LEVELS, Decisions, decide, scores
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.evaluation.units import Statistic, accuracy, count_units, macro_f1


def evaluate(predictions: Predictions, unit_of_track: Mapping[str, str], cluster: str) -> dict[str, Any]:
    """Scores and intervals of validation and test part at each level, as plain numbers for JSON.

    Args:
        predictions: the table of the run; a train part in it is not scored here.
        unit_of_track: each track's independent unit (`corpus.tracks.independent_units`).
        cluster: what the unit is: "artist", "recording" or "track".

    Returns:
        `{val, test} -> {window, clip, clip_vote} -> {accuracy, precision, recall, f1, n, accuracy_ci95, ...}`.
        `*_ci95` is `intervals.t_interval`, `*_ci95_percentile` and `*_ci95_bca` are the bootstrap's; `warnings`
        names the genres with too few units to trust.

    Raises:
        ValueError: a part is empty, or a track has no unit.
    """
    return {
        part: {level: evaluate_level(decide(predictions.only(part), level), unit_of_track, cluster) for level in LEVELS}
        for part in ("val", "test")
    }


def evaluate_level(decisions: Decisions, unit_of_track: Mapping[str, str], cluster: str) -> dict[str, Any]:
    """Scores and intervals of one level; see `evaluate`."""
    card: dict[str, Any] = dict(scores(decisions))
    counts = count_units(decisions, unit_of_track)
    statistics: dict[str, Statistic] = {"accuracy": accuracy, "f1": macro_f1(decisions.occurring())}
    for name, statistic in statistics.items():
        interval = t_interval(counts, statistic)
        card[f"{name}_ci95"] = [interval.low, interval.high]
        card[f"{name}_se"] = interval.se
        card[f"{name}_ci95_percentile"] = list(bootstrap_interval(counts, statistic, "percentile"))
        card[f"{name}_ci95_bca"] = list(bootstrap_interval(counts, statistic, "bca"))
    evidence = genre_evidence(decisions, unit_of_track)
    return card | {"cluster": cluster, "n_clusters": len(counts), "warnings": too_few_units(evidence, cluster)}
