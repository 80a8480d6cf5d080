"""A model card from the record of a run: what the model is, what it was measured on, and what it is no good for.

The sections are those of M. Mitchell et al., "Model cards for model reporting" (FAT* 2019).

MERGED: Which genres a model is weak on, and what it takes them for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from gtzan_lightning.evaluation.metrics import Decisions, confusion, decide
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.evaluation.run_metrics import genre_metrics, too_few_clusters
from gtzan_lightning.report.console import LEVEL_NAMES
from gtzan_lightning.runs.run_card import leakage_warnings
from gtzan_lightning.runs.run_folder import Card


def genre_section(predictions: Predictions, cluster_of_track: Mapping[str, str], cluster: str) -> str:
    """A table of the test part, the weakest genre first, and what must be read beside it, as Markdown.

    Args:
        predictions: the table of a run.
        cluster_of_track: each track's cluster.
        cluster: what the cluster is: "artist", "recording" or "track".
    """
    test = predictions.only("test")
    window, clip = (genre_metrics(decide(test, level), cluster_of_track) for level in ("window", "clip"))
    taken_for = mistakes(decide(test, "window"))
    known = window[window["n"] > 0].sort_values("f1", kind="stable").index
    lines = [
        "| genre | windows | recall | F1 [95 %] | clips | recall | F1 [95 %] | windows taken for |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for genre in known:
        cells = [genre, *_cells(window.loc[genre]), *_cells(clip.loc[genre]), taken_for.get(genre, "nothing else")]
        lines.append(f"| {' | '.join(cells)} |")
    absent = [genre for genre in window.index if genre not in known]
    remarks = [*too_few_clusters(clip, cluster), *(f"{genre}: not in the test part" for genre in absent)]
    return (
        "\n".join(lines)
        + "".join(f"\n\n- {remark}." for remark in remarks[:1])
        + "".join(f"\n- {remark}." for remark in remarks[1:])
    )


def mistakes(decisions: Decisions) -> dict[str, str]:
    """What each genre is most often taken for: `rock (12 of 200)`; a genre without mistakes is left out."""
    counts = confusion(decisions)
    found = {}
    for genre, row in enumerate(counts):
        wrong = np.where(np.arange(len(row)) == genre, 0, row)
        if wrong.any():
            found[decisions.genres[genre]] = f"{decisions.genres[wrong.argmax()]} ({wrong.max()} of {row.sum()})"
    return found


def _cells(row: pd.Series) -> list[str]:
    return [f"{row['n']:.0f}", f"{row['recall']:.2f}", f"{row['f1']:.2f} [{row['f1_low']:.2f}, {row['f1_high']:.2f}]"]


SYNTHETIC = "SYNTHETIC CORPUS: a demonstration; these scores say nothing about real music"
SPLITS = {
    "leaky": "slices are drawn, so that the model has heard other seconds of the test tracks",
    "grouped": "whole tracks are drawn: test tracks are new, some by artists that were heard in training",
    "artist": "artists are drawn: test tracks are new tracks by artists that were not heard in training",
    "filtered": "the published fault-filtered lists (Kereliuk et al. 2015): new artists, known faults left out",
    "manifest": "a list of slices that was given to the run",
}


def model_card(card: Card, predictions: Predictions, cluster_of_track: Mapping[str, str]) -> str:
    """The model card as Markdown.

    Args:
        card: of a finished run.
        predictions: its table.
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


def _details(card: Card) -> str:
    model, features, made = card["model"], card["features"], card["versions"]
    steps, width = features["shape"]
    tools = ", ".join(f"{name} {made[name]}" for name in ("gtzan-lightning", "torch", "lightning") if name in made)
    training = card["training"]
    return _points(
        f"{model['name']}, {model['parameters']:,} parameters; gives the probabilities of {len(_genres(card))} genres: "
        f"{', '.join(_genres(card))}",
        f"reads `{features['name']}` features: {steps} step{'s' * (steps != 1)} of {width} numbers",
        f"trained for {training['epochs']} epochs; the weights are those of epoch {training['best_epoch'] + 1}, the "
        f"best by `{training['monitor']}`",
        f"made {str(card['finished'])[:10]} by {tools}",
        f"run `{card['run_id']}`, seed {card['seed']}, overrides: `{' '.join(card['overrides']) or 'none'}`",
    )


def _intended(card: Card) -> str:
    """Who may use it for what; a score that leaks supports less."""
    flawed = bool(leakage_warnings(card)) or card["data"]["corpus"] == "synthetic"
    estimate = (
        "The scores below are no estimate for music that the model has not heard: read the warnings above."
        if flawed
        else "The scores below are an estimate for music that was chosen, recorded and labelled as the test part was."
    )
    return _points(
        "Meant for: research and teaching about genre classification, comparison with other models on the same split, "
        "and trying out on one's own music.",
        "Not meant for: decisions about people or their works, or labelling a collection without a listener. Every "
        "answer is one of the genres above, for speech, noise and other genres too.",
        estimate,
    )


def _training(card: Card) -> str:
    data, split = card["data"], card["split"]
    return _points(
        f"corpus {data['corpus']} ({data['source']}): {data['tracks']} tracks, sha256 `{data['sha256'][:16]}`",
        f"training part: {split['slices']['train']} slices of {split['tracks']['train']} tracks; "
        f"validation, which chose the epoch: {split['slices']['val']} slices of {split['tracks']['val']} tracks",
        *(f"note: {note}" for note in data["notes"]),
    )


def _evaluation(card: Card) -> str:
    """The test part, how it was drawn, what it shares with training, and what the audit saw."""
    split = card["split"]
    artists = split["artists_in_train_and_test"]
    name = split["name"]
    findings = card.get("audit", {}).get("findings", [])
    return _points(
        f"split `{name}`: {SPLITS.get(name, 'a rule of its own')}; seed {split['seed']}"
        + (f", fold {split['fold']}" if split["fold"] is not None else ""),
        f"test part: {split['slices']['test']} slices of {split['tracks']['test']} tracks",
        f"tracks in training and test: {split['tracks_in_train_and_test']}; artists in both: "
        f"{'unknown' if artists is None else artists}",
        *(f"audit, {each['severity']}: {each['check']}" for each in findings if each["severity"] != "note"),
    )


def _scores(card: Card) -> str:
    lines = ["| part | level | n | accuracy [95 %] | F1, macro [95 %] |", "|---|---|---|---|---|"]
    for part in ("test", "val"):
        for level, shown in LEVEL_NAMES.items():
            scores = card["metrics"][part][level]
            lines.append(
                f"| {part} | {shown} | {scores['n']} | {_score(scores, 'accuracy')} | {_score(scores, 'f1')} |"
            )
    test = card["metrics"]["test"]["window"]
    return "\n".join(lines) + (
        f"\n\nWindow: each slice is one decision. Clip: one decision a track, by the mean probability of its slices or "
        f"by their majority. Intervals resample the {test['n_clusters']} {test['cluster']}s of the part. "
        f"Chance is {1 / len(_genres(card)):.3f}."
    )


def _score(scores: Mapping[str, Any], name: str) -> str:
    interval = scores.get(f"{name}_ci95")
    return f"{scores[name]:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def _calibration(calibration: Mapping[str, Any] | None) -> str:
    """How sure the model may be."""
    if calibration is None:
        return "Not measured: the probabilities are those of a plain softmax."
    test = calibration["test"]
    lines = ["| test windows | calibration error | Brier score | log loss |", "|---|---|---|---|"]
    for when, shown in (("before", "as trained"), ("after", f"at temperature {calibration['temperature']:.3f}")):
        lines.append(f"| {shown} | {test[when]['ece']:.3f} | {test[when]['brier']:.3f} | {test[when]['nll']:.3f} |")
    return "\n".join(lines) + (
        "\n\nThe temperature was fitted on the validation windows (Guo et al. 2017); predictions and exports are made "
        "with it. It holds for music like the validation part, and not for other recordings."
    )


def _limits(card: Card) -> str:
    known = card["data"]["corpus"] == "gtzan"
    gtzan = (
        "GTZAN has 1,000 clips from before 2002, with repetitions and distortions; about a tenth of its labels are "
        "doubtful (Sturm 2013).",
        "Much of a genre may be one artist: the score of a genre is then that of an artist.",
    )
    return _points(
        *(gtzan if known else ()),
        "One split is one draw: another seed or fold gives another score.",
        "Phone recordings, live sound and other codecs were not tested; the model can be sure of them and wrong.",
        "Genres are conventions: two listeners disagree on many tracks.",
    )


def _genres(card: Card) -> Sequence[str]:
    return card["data"]["genres"]


def _points(*lines: str) -> str:
    return "\n".join(f"- {line}" for line in lines)
