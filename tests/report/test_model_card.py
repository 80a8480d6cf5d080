"""The model card of a run."""

import numpy as np
import pytest

from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.features.kinds import pretraining
from gtzan_lightning.report.model_card import genre_section, model_card

GENRES = ("blues", "jazz", "rock")
# of the test windows: (true genre, prediction, count); every window is a track of its own artist
PREDICTED = [
    ("blues", "blues", 8),
    ("blues", "rock", 2),
    ("jazz", "jazz", 3),
    ("jazz", "rock", 4),
    ("jazz", "blues", 1),
]


@pytest.fixture
def predictions():
    rows = [(truth, GENRES.index(predicted)) for truth, predicted, times in PREDICTED for _ in range(times)]
    p = np.full((len(rows) + 1, 3), 0.1)
    p[np.arange(len(rows)), [predicted for _, predicted in rows]] = 0.8
    p[-1] = 0.1, 0.1, 0.8
    ids = [f"t{number}" for number in range(len(rows) + 1)]
    truth = [genre for genre, _ in rows]
    return Predictions(ids, np.zeros(len(ids)), ["test"] * len(rows) + ["val"], [*truth, "rock"], p, GENRES)


@pytest.fixture
def clusters(predictions):
    return {str(track): f"artist of {track}" for track in predictions.track_id}


def scores(accuracy, n):
    return {
        "accuracy": accuracy, "f1": 0.5, "n": n, "accuracy_ci95": [accuracy - 0.1, accuracy + 0.05],
        "f1_ci95": [0.25, 0.75], "cluster": "artist", "n_clusters": 65,
    }  # fmt: skip


@pytest.fixture
def card():
    levels = {"window": scores(0.611, 1998), "clip": scores(0.815, 200), "clip_vote": scores(0.8, 200)}
    calibration = {when: {"ece": ece, "brier": 0.4, "nll": 1.25} for when, ece in (("before", 0.1234), ("after", 0.02))}
    return {
        "run_id": "lstm-3s-grouped-01234567", "status": "done", "overrides": ["model=lstm", "slice=3s"], "seed": 4,
        "finished": "2026-03-04T05:06:07+00:00", "versions": {"gtzan-lightning": "0.1.0", "torch": "2.11.0"},
        "data": {
            "corpus": "gtzan", "source": "tables", "tracks": 1000, "sha256": "ab" * 32, "genres": list(GENRES),
            "notes": ["43 tracks have a gap"],
        },
        "features": {"name": "stats", "shape": [2, 58]},
        "split": {
            "name": "grouped", "seed": 3, "fold": 1, "slices": {"train": 6951, "val": 995, "test": 1988},
            "tracks": {"train": 700, "val": 100, "test": 200}, "tracks_in_train_and_test": 0,
            "artists_in_train_and_test": 75, "leakage_warning": None,
        },
        "leakage_warnings": [], "model": {"name": "BiLSTM", "parameters": 123456},
        "training": {"epochs": 60, "best_epoch": 42, "monitor": "val/window_accuracy"},
        "metrics": {"test": levels, "val": levels},
        "audit": {"findings": [
            {"severity": "warning", "check": "copies", "test_parts": "song a = song b"},
            {"severity": "note", "check": "columns"},
        ]},
        "calibration": {"level": "window", "temperature": 1.3456, "val": calibration, "test": calibration},
    }  # fmt: skip


def section(text, title):
    return text.split(f"## {title}\n\n")[1].split("\n\n## ")[0]


def test_the_card_has_the_sections_of_mitchell_et_al(card, predictions, clusters):
    text = model_card(card, predictions, clusters)
    assert [line for line in text.splitlines() if line.startswith("#")] == [
        "# Model card: lstm-3s-grouped-01234567", "## Model details", "## Intended use", "## Training data",
        "## Evaluation data", "## Scores", "## By genre", "## Calibration", "## Limits",
    ]  # fmt: skip
    assert "lstm, 123,456 parameters" in section(text, "Model details")
    assert "epoch 42, the best by `val/window_accuracy`" in section(text, "Model details")
    assert "6951 slices of 700 tracks" in section(text, "Training data")
    assert "43 tracks have a gap" in section(text, "Training data")
    assert "new, some by artists that are in training; seed 3, fold 1" in section(text, "Evaluation data")
    assert "artists in both: 75" in section(text, "Evaluation data")
    assert "audit, warning: copies" in section(text, "Evaluation data")
    assert "song a" not in text
    assert "**" not in text.partition("##")[0]  # no warnings


def test_scores_have_level_n_and_interval(card, predictions, clusters):
    table = section(model_card(card, predictions, clusters), "Scores")
    assert "| test | window | 1998 | 0.611 [0.511, 0.661] | 0.500 [0.250, 0.750] |" in table
    assert "| val | clip, mean | 200 | 0.815 [0.715, 0.865] | 0.500 [0.250, 0.750] |" in table
    assert "Intervals are clustered by artist, 65 in this part. Chance is 0.333." in table


def test_calibration_before_and_after_or_that_there_is_none(card, predictions, clusters):
    table = section(model_card(card, predictions, clusters), "Calibration")
    assert "| uncalibrated | 0.123 | 0.400 | 1.250 |" in table
    assert "| temperature-scaled, T = 1.346 | 0.020 | 0.400 | 1.250 |" in table
    del card["calibration"]
    assert section(model_card(card, predictions, clusters), "Calibration").startswith("Not measured: ")


def test_the_genre_of_lowest_f1_comes_first_with_its_most_frequent_confusion(predictions, clusters):
    lines = genre_section(predictions, clusters, "artist").splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[2:4]] == ["jazz", "blues"]
    # jazz: 3 of 8 recalled, precision 1; F1 = 2 * 3 / (3 + 8)
    assert lines[2].startswith("| jazz | 8 | 0.38 | 0.55 [")
    assert lines[2].endswith("| rock (4 of 8) |")
    assert lines[3].startswith("| blues | 10 | 0.80 | 0.84 [")
    assert lines[3].endswith("| rock (2 of 10) |")
    assert lines[-1] == "- rock: not in the test part."


def test_genres_of_few_artists_have_a_remark(predictions, clusters):
    same = {track: "one" if genre == "jazz" else cluster
            for (track, cluster), genre in zip(clusters.items(), predictions.y_true, strict=True)}  # fmt: skip
    assert "- jazz: 1 artist (effective number of artists: 1.0), too few for a reliable score." in genre_section(
        predictions, same, "artist"
    )


def test_warnings_and_synthetic_corpus_come_first(card, predictions, clusters):
    card["leakage_warnings"], card["data"]["corpus"] = ["LEAKY SPLIT: slices"], "synthetic"
    head, _, rest = model_card(card, predictions, clusters).partition("## Model details")
    assert "**LEAKY SPLIT: slices.**" in head
    assert "**SYNTHETIC CORPUS: a demonstration; these scores say nothing about real music.**" in head
    assert "no estimate for unseen music" in section(f"## Model details{rest}", "Intended use")
    assert "GTZAN has" not in rest


def test_a_pretrained_network_is_named_with_its_licence(card, predictions, clusters):
    card["features"]["pretrained"] = pretraining("musicnn")
    text = section(model_card(card, predictions, clusters), "Training data")
    assert "- features from MusiCNN, trained on Million Song Dataset (msd), MagnaTagATune (mtt) (Pons & Serra, " in text
    assert "weights: PyPI package musicnn 0.1.0, ISC licence); pretraining overlap with this corpus: unknown\n" in text


def test_unknown_artists_and_a_custom_split_rule(card, predictions, clusters):
    card["split"] |= {"name": "mine", "artists_in_train_and_test": None, "fold": None}
    text = section(model_card(card, predictions, clusters), "Evaluation data")
    assert "split `mine`: a custom rule; seed 3\n" in text
    assert "artists in both: unknown" in text


def test_names_are_text_and_no_markup(card):
    names = ("a|b", "*rock* [x](y) <i>", "`$1_2$`")
    tracks = [f"t{number}" for number in range(6)]
    own = Predictions(
        tracks, np.zeros(6), ["test"] * 6, np.repeat(names, 2).tolist(), np.eye(3)[[0, 1, 1, 1, 2, 2]], names
    )
    card["data"] |= {"genres": list(names), "corpus": "my_*music*", "notes": ["x_1.wav: <cut>"]}
    text = model_card(card, own, {track: track for track in tracks})
    escaped = (r"a\|b", r"\*rock\* \[x\](y) \<i\>", r"\`\$1\_2\$\`")
    assert f"probabilities of 3 genres: {', '.join(escaped)}" in text
    assert f"| {escaped[0]} | 2 | 0.50 |" in text
    assert f"{escaped[1]} (1 of 2) |" in text
    assert r"- corpus my\_\*music\* (tables)" in text
    assert r"- note: x\_1.wav: \<cut\>" in text
