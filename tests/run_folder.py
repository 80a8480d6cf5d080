"""What a complete run folder holds, checked against the published interface, not against the code that writes it."""

import csv
import hashlib
import json
import math
from pathlib import Path

FILES = ("config.yaml", "run.json", "split.csv", "predictions.csv", "best.ckpt", "last.ckpt")
SCORES = {"accuracy", "precision", "recall", "f1", "n", "accuracy_ci95", "accuracy_se", "cluster"}
ENTRIES = {
    (): {
        "schema", "status", "run_id", "overrides", "seed", "command", "data", "features", "split", "model", "training",
        "metrics", "versions", "git", "started", "finished",
    },
    ("data",): {"corpus", "source", "tracks", "sha256"},
    ("features",): {"name", "shape"},
    ("split",): {
        "name", "group_by", "seed", "fold", "sha256", "slices", "tracks",
        "tracks_in_train_and_test", "artists_in_train_and_test",
    },
    ("split", "slices"): {"train", "val", "test"},
    ("split", "tracks"): {"train", "val", "test"},
    ("model",): {"name", "parameters"},
    ("training",): {"epochs", "best_epoch", "monitor", "seconds", "device", "overfit_gap"},
    ("git",): {"commit", "dirty"},
}  # fmt: skip
LEVELS = ("window", "clip", "clip_vote")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def checked_card(folder: Path) -> dict:
    """The card of a finished run, after a look at all that the folder promises."""
    assert [name for name in FILES if not (folder / name).is_file()] == []
    assert list(folder.glob("events.out.tfevents.*"))
    assert [path for path in folder.rglob("*") if ".tmp" in path.name] == []
    assert len({path.stat().st_mode for path in folder.rglob("*") if path.is_file()}) == 1  # no file for one's own eyes
    card = json.loads((folder / "run.json").read_text())
    assert card["status"] == "done"
    for place, keys in ENTRIES.items():
        node = card
        for key in place:
            node = node[key]
        assert keys - node.keys() == set(), place
    predicted = rows(folder / "predictions.csv")
    _check_split(folder, card, predicted)
    _check_scores(card, predicted)
    return card


def _check_split(folder, card, predicted):
    content = (folder / "split.csv").read_bytes()
    assert hashlib.sha256(content).hexdigest() == card["split"]["sha256"]
    split = {(row["track_id"], float(row["start_s"])): row["part"] for row in rows(folder / "split.csv")}
    for part, count in card["split"]["slices"].items():
        assert sum(where == part for where in split.values()) == count
    tracks = {
        part: {track for (track, _), where in split.items() if where == part} for part in ("train", "val", "test")
    }
    assert {part: len(names) for part, names in tracks.items()} == card["split"]["tracks"]
    assert len(tracks["train"] & tracks["test"]) == card["split"]["tracks_in_train_and_test"]
    for row in predicted:
        assert split[row["track_id"], round(float(row["start_s"]), 6)] == row["part"]


def _check_scores(card, all_predicted):
    for part in ("val", "test"):
        predicted = [row for row in all_predicted if row["part"] == part]
        probabilities = [
            {key[2:]: float(value) for key, value in row.items() if key.startswith("p_")} for row in predicted
        ]
        assert all(math.isclose(sum(row.values()), 1, abs_tol=1e-3) for row in probabilities)
        right = [max(p, key=p.get) == row["y_true"] for p, row in zip(probabilities, predicted, strict=True)]
        scores = card["metrics"][part]
        assert math.isclose(scores["window"]["accuracy"], sum(right) / len(right), abs_tol=1e-9)
        assert scores["window"]["n"] == len(right)
        assert scores["clip"]["n"] == len({row["track_id"] for row in predicted})
        assert math.isclose(scores["clip"]["accuracy"], _clip_accuracy(predicted, probabilities), abs_tol=1e-9)
        for level in LEVELS:
            assert SCORES - scores[level].keys() == set()
            low, high = scores[level]["accuracy_ci95"]
            assert 0 <= low <= scores[level]["accuracy"] <= high <= 1


def _clip_accuracy(predicted, probabilities):
    total, genre = {}, {}
    for row, p in zip(predicted, probabilities, strict=True):
        sums = total.setdefault(row["track_id"], dict.fromkeys(p, 0.0))
        for name, value in p.items():
            sums[name] += value
        genre[row["track_id"]] = row["y_true"]
    return sum(max(sums, key=sums.get) == genre[track] for track, sums in total.items()) / len(total)


FAST = ("trainer.max_epochs=6", "trainer.progress=false", "model.hidden_size=32")
"""Overrides of a short run."""


def predictions(folder: Path) -> bytes:
    return (folder / "predictions.csv").read_bytes()


def history(folder: Path) -> list[dict[str, str]]:
    return rows(folder / "history.csv")
