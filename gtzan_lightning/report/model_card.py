"""The model card of a run as Markdown.

The sections are those of M. Mitchell et al., "Model cards for model reporting" (FAT* 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from gtzan_lightning.evaluation.metrics import Decisions, confusion, decide
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.evaluation.run_metrics import genre_metrics, too_few_clusters
from gtzan_lightning.report.console import LEVEL_NAMES, SYNTHETIC
from gtzan_lightning.report.tables import TextTable, table_markdown
from gtzan_lightning.runs.run_card import leakage_warnings
from gtzan_lightning.runs.run_folder import Card

SPLITS = {
    "leaky": "slices are drawn, so that other slices of the test tracks are in training",
    "grouped": "whole tracks are drawn: test tracks are new, some by artists that are in training",
    "artist": "artists are drawn: test tracks are new tracks by artists that are not in training",
    "filtered": "the published fault-filtered lists (Kereliuk et al. 2015): new artists, known faults left out",
    "manifest": "a list of slices that was given to the run",
}


def model_card(card: Card, predictions: Predictions, cluster_of_track: Mapping[str, str]) -> str:
    """The model card as Markdown.

    Args:
        card: of a finished run.
        predictions: of the run.
        cluster_of_track: each track's cluster, which intervals resample.
    """
    sections = (
        ("Model details", _details(card)),
        ("Intended use", _intended(card)),
        ("Training data", _training(card)),
        ("Evaluation data", _evaluation(card)),
        ("Scores", _scores(card)),
        ("By genre", genre_section(predictions, cluster_of_track, card["metrics"]["test"]["window"]["cluster"])),
        ("Calibration", _calibration(card.get("calibration"))),
        ("Limits", _limits(card)),
    )
    warnings = [SYNTHETIC] * (card["data"]["corpus"] == "synthetic") + leakage_warnings(card)
    head = [f"# Model card: {card['run_id']}", *(f"**{warning}.**" for warning in warnings)]
    body = [f"## {title}\n\n{text}" for title, text in sections]
    return "\n\n".join([*head, *body]) + "\n"


def genre_section(predictions: Predictions, cluster_of_track: Mapping[str, str], cluster: str) -> str:
    """Scores of each genre on the test part, lowest window F1 first, with its most frequent confusion, as Markdown.

    Args:
        predictions: of the run.
        cluster_of_track: each track's cluster.
        cluster: the kind of cluster: "artist", "recording" or "track".
    """
    test = predictions.only("test")
    decisions = decide(test, "window")
    window, clip = (genre_metrics(each, cluster_of_track) for each in (decisions, decide(test, "clip")))
    confused = top_confusions(decisions)
    known = window[window["n"] > 0].sort_values("f1", kind="stable").index
    columns = ("genre", "windows", "recall", "F1 [95 %]", "clips", "recall", "F1 [95 %]", "windows confused with")
    rows = [
        [genre, *_genre_cells(window.loc[genre]), *_genre_cells(clip.loc[genre]), confused.get(genre, "none")]
        for genre in known
    ]
    absent = [f"{genre}: not in the test part" for genre in window.index if genre not in known]
    remarks = [f"{remark}." for remark in (*too_few_clusters(clip, cluster), *absent)]
    return f"{table_markdown(TextTable('', columns, rows))}\n{_points(*remarks)}".strip()


def top_confusions(decisions: Decisions) -> dict[str, str]:
    """The most frequent wrong genre of each genre, as `rock (12 of 200)`; genres without errors are left out."""
    counts = confusion(decisions)
    found = {}
    for genre, row in enumerate(counts):
        wrong = np.where(np.arange(len(row)) == genre, 0, row)
        if wrong.any():
            found[decisions.genres[genre]] = f"{decisions.genres[wrong.argmax()]} ({wrong.max()} of {row.sum()})"
    return found


def _genre_cells(row: pd.Series) -> list[str]:
    return [f"{row['n']:.0f}", f"{row['recall']:.2f}", f"{row['f1']:.2f} [{row['f1_low']:.2f}, {row['f1_high']:.2f}]"]


def _details(card: Card) -> str:
    model, features, genres = card["model"], card["features"], card["data"]["genres"]
    steps, width = features["shape"]
    packages = [name for name in ("gtzan-lightning", "torch", "lightning") if name in card["versions"]]
    tools = ", ".join(f"{name} {card['versions'][name]}" for name in packages)
    training = card["training"]
    return _points(
        f"{model['name']}, {model['parameters']:,} parameters; output: probabilities of {len(genres)} genres: "
        f"{', '.join(genres)}",
        f"input: `{features['name']}` features, {steps} step{'s' * (steps != 1)} of {width} features",
        f"trained for {training['epochs']} epochs; the weights are those of epoch {training['best_epoch'] + 1}, the "
        f"best by `{training['monitor']}`",
        f"trained on {str(card['finished'])[:10]} with {tools}",
        f"run `{card['run_id']}`, seed {card['seed']}, overrides: `{' '.join(card['overrides']) or 'none'}`",
    )


def _intended(card: Card) -> str:
    """Intended and excluded uses; whether the scores are an estimate for new music."""
    biased = bool(leakage_warnings(card)) or card["data"]["corpus"] == "synthetic"
    estimate = (
        "The scores below are no estimate for unseen music: see the warnings above."
        if biased
        else "The scores below are an estimate for music that was selected, recorded and labelled like the test part."
    )
    return _points(
        "Intended for: research and teaching on genre classification, comparison with other models on the same split, "
        "and experiments with other music.",
        "Not intended for: decisions about people or their works, or labelling a collection without human review. "
        "Every prediction is one of the genres above, also for speech, noise and other genres.",
        estimate,
    )


def _training(card: Card) -> str:
    data, split = card["data"], card["split"]
    return _points(
        f"corpus {data['corpus']} ({data['source']}): {data['tracks']} tracks, sha256 `{data['sha256'][:16]}`",
        f"training part: {split['slices']['train']} slices of {split['tracks']['train']} tracks; "
        f"validation part, for model selection: {split['slices']['val']} slices of {split['tracks']['val']} tracks",
        *(f"note: {note}" for note in data["notes"]),
    )


def _evaluation(card: Card) -> str:
    """The test part, its split rule, its overlap with training, and the findings of the audit."""
    split = card["split"]
    artists = split["artists_in_train_and_test"]
    name = split["name"]
    findings = card.get("audit", {}).get("findings", [])
    return _points(
        f"split `{name}`: {SPLITS.get(name, 'a custom rule')}; seed {split['seed']}"
        + (f", fold {split['fold']}" if split["fold"] is not None else ""),
        f"test part: {split['slices']['test']} slices of {split['tracks']['test']} tracks",
        f"tracks in training and test: {split['tracks_in_train_and_test']}; artists in both: "
        f"{'unknown' if artists is None else artists}",
        *(f"audit, {each['severity']}: {each['check']}" for each in findings if each["severity"] != "note"),
    )


def _scores(card: Card) -> str:
    rows = []
    for part in ("test", "val"):
        for level, name in LEVEL_NAMES.items():
            scores = card["metrics"][part][level]
            rows.append([part, name, str(scores["n"]), _score(scores, "accuracy"), _score(scores, "f1")])
    test = card["metrics"]["test"]["window"]
    note = (
        "Window: one decision per slice. Clip: one decision per track, by the mean probability of its slices or by "
        f"their majority vote. Intervals resample the {test['n_clusters']} {test['cluster']}s of the part. "
        f"Chance is {1 / len(card['data']['genres']):.3f}."
    )
    columns = ("part", "level", "n", "accuracy [95 %]", "F1, macro [95 %]")
    return table_markdown(TextTable("", columns, rows, (note,))).strip()


def _score(scores: Mapping[str, Any], name: str) -> str:
    interval = scores.get(f"{name}_ci95")
    return f"{scores[name]:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def _calibration(calibration: Mapping[str, Any] | None) -> str:
    """Calibration errors before and after temperature scaling."""
    if calibration is None:
        return "Not measured: the probabilities are those of a plain softmax."
    names = {"before": "uncalibrated", "after": f"temperature-scaled, T = {calibration['temperature']:.3f}"}
    rows = [
        [name, *(f"{calibration['test'][when][score]:.3f}" for score in ("ece", "brier", "nll"))]
        for when, name in names.items()
    ]
    note = (
        "The temperature was fitted on the validation windows (Guo et al. 2017); `gtzan predict` and exports apply it. "
        "It is valid for music like the validation part, not for other recordings."
    )
    columns = ("test windows", "expected calibration error", "Brier score", "log loss")
    return table_markdown(TextTable("", columns, rows, (note,))).strip()


def _limits(card: Card) -> str:
    known = card["data"]["corpus"] == "gtzan"
    gtzan = (
        "GTZAN has 1,000 clips from before 2002, with repetitions and distortions; about a tenth of its labels are "
        "disputable (Sturm 2013).",
        "One artist may contribute much of a genre, whose score then reflects that artist.",
    )
    return _points(
        *(gtzan if known else ()),
        "The scores are those of one split: another seed or fold gives other scores.",
        "Phone recordings, live sound and other codecs were not tested; predictions can be confident and wrong.",
        "Genres are conventions: listeners disagree on many tracks.",
    )


def _points(*lines: str) -> str:
    return "\n".join(f"- {line}" for line in lines)
