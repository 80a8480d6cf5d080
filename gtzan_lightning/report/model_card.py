"""The model card of a run as Markdown.

The sections are those of M. Mitchell et al., "Model cards for model reporting" (FAT* 2019).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Template

from gtzan_lightning.evaluation.metrics import Decisions, confusion, decide
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.evaluation.run_metrics import genre_metrics, too_few_clusters
from gtzan_lightning.report.console import LEVEL_NAMES, SYNTHETIC
from gtzan_lightning.report.tables import TextTable, table_markdown
from gtzan_lightning.runs.browser import model_name
from gtzan_lightning.runs.run_folder import Card, score_warnings
from gtzan_lightning.utils.terminal import markdown_text

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
        cluster_of_track: each track's cluster, by which intervals are computed.
    """
    split, features, genres = card["split"], card["features"], card["data"]["genres"]
    packages = [name for name in ("gtzan-lightning", "torch", "lightning") if name in card["versions"]]
    test = card["metrics"]["test"]["window"]
    text = Path(__file__).with_name("model_card.md.jinja").read_text(encoding="utf-8")
    return Template(text, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True).render(
        card=card,
        model=markdown_text(model_name(card)),
        split=split,
        split_rule=SPLITS.get(split["name"], "a custom rule"),
        genres=[markdown_text(genre) for genre in genres],
        corpus=markdown_text(card["data"]["corpus"]),
        notes=[markdown_text(note) for note in card["data"]["notes"]],
        steps=features["shape"][0],
        width=features["shape"][1],
        tools=", ".join(f"{name} {card['versions'][name]}" for name in packages),
        test=test,
        warnings=[SYNTHETIC] * (card["data"]["corpus"] == "synthetic") + score_warnings(card),
        findings=[each for each in card.get("audit", {}).get("findings", []) if each["severity"] != "note"],
        scores=_scores(card),
        by_genre=genre_section(predictions, cluster_of_track, test["cluster"]),
        calibration=_calibration(card["calibration"]) if card.get("calibration") else "",
    )


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
    confused = {genre: markdown_text(text) for genre, text in top_confusions(decisions).items()}
    known = window[window["n"] > 0].sort_values("f1", kind="stable").index
    columns = ("genre", "windows", "recall", "F1 [95 %]", "clips", "recall", "F1 [95 %]", "windows confused with")
    rows = [
        [
            markdown_text(genre),
            *_genre_cells(window.loc[genre]),
            *_genre_cells(clip.loc[genre]),
            confused.get(genre, "none"),
        ]
        for genre in known
    ]
    absent = [f"{genre}: not in the test part" for genre in window.index if genre not in known]
    remarks = [f"{markdown_text(remark)}." for remark in (*too_few_clusters(clip, cluster), *absent)]
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


def _scores(card: Card) -> str:
    rows = []
    for part in [part for part in ("test", "val") if part in card["metrics"]]:
        for level, name in LEVEL_NAMES.items():
            scores = card["metrics"][part][level]
            rows.append([part, name, str(scores["n"]), _score(scores, "accuracy"), _score(scores, "f1")])
    columns = ("part", "level", "n", "accuracy [95 %]", "F1, macro [95 %]")
    return table_markdown(TextTable("", columns, rows)).strip()


def _score(scores: Mapping[str, Any], name: str) -> str:
    interval = scores.get(f"{name}_ci95")
    return f"{scores[name]:.3f}" + (f" [{interval[0]:.3f}, {interval[1]:.3f}]" if interval else "")


def _calibration(calibration: Mapping[str, Any]) -> str:
    """Calibration errors before and after temperature scaling, as a table."""
    names = {"before": "uncalibrated", "after": f"temperature-scaled, T = {calibration['temperature']:.3f}"}
    rows = [
        [name, *(f"{calibration['test'][when][score]:.3f}" for score in ("ece", "brier", "nll"))]
        for when, name in names.items()
    ]
    columns = ("test windows", "expected calibration error", "Brier score", "log loss")
    return table_markdown(TextTable("", columns, rows)).strip()


def _points(*lines: str) -> str:
    return "\n".join(f"- {line}" for line in lines)
