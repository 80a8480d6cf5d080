"""Finished runs without training: predictions are made up, all else is computed from them as in a run."""

import json
from pathlib import Path

import numpy as np
from omegaconf import OmegaConf

from gtzan_lightning.evaluation.metrics import confusion, decide
from gtzan_lightning.evaluation.predictions import Predictions, write_predictions
from gtzan_lightning.evaluation.run_metrics import evaluate, genre_entries, genre_metrics
from gtzan_lightning.runs.run_card import LEAKY_WARNING

GENRES = ("blues", "jazz", "rock")
MEMBERS = {"BiLSTM": "lstm"}
HIDDEN = {"MLP": 512, "BiLSTM": 128, "ResLSTM": 64}


def made_run(outputs, *, model="MLP", slice_s=3, split="grouped", seed=0, split_seed=0, fold=None, right=0.7,
             genres=GENRES, tracks=20, slices=2, epochs=4, settings=None, **card):  # fmt: skip
    """Writes a run folder; of each genre's tracks in the test part the share `right` is answered rightly.

    Which tracks those are turns with the seed, so that repetitions differ a little. Returns the folder.
    """
    name = f"{model}-{slice_s}s-{split}-{split_seed}-{fold}-{seed}-{len(list((outputs / 'runs').glob('*')))}".lower()
    folder, member = outputs / "runs" / name, MEMBERS.get(model, model.lower())
    folder.mkdir(parents=True)
    predictions, clusters = _predictions(genres, tracks, slices, right, seed + 3 * split_seed + 5 * (fold or 0))
    write_predictions(predictions, folder / "predictions.csv")
    rows = "".join(f"{track},{cluster}\n" for track, cluster in clusters.items())
    (folder / "clusters.csv").write_text(f"track_id,cluster\n{rows}")
    (folder / "history.csv").write_text(_history(epochs))
    config = {
        "seed": seed,
        "slice": {"seconds": slice_s},
        "split": {"name": split, "seed": split_seed, "fold": fold, "n_folds": None},
        "model": {"_target_": f"gtzan_lightning.models.{model}", "hidden_size": HIDDEN.get(model, 1)},
    }
    OmegaConf.save(OmegaConf.merge(config, settings or {}), folder / "config.yaml")
    test = predictions.only("test")
    leaky = split == "leaky"
    written = {
        "schema": 1,
        "status": "done",
        "run_id": name,
        "overrides": [f"model={member}", f"slice={slice_s}s", f"split={split}", f"seed={seed}"],
        "seed": seed,
        "command": "train.py",
        "data": {
            "corpus": "made", "sha256": "made", "tracks": len(clusters), "tracks_without_slice": [], "notes": [],
        },
        "features": {"name": "stats", "shape": [1, 58]},
        "split": {
            "name": split, "seed": split_seed, "fold": fold, "sha256": f"{split}-{slice_s}-{split_seed}-{fold}",
            "slices": {"train": 10 * len(test), "val": len(test), "test": len(test)},
            "leakage_warning": LEAKY_WARNING if leaky else None,
        },
        "leakage_warnings": [LEAKY_WARNING] if leaky else [],
        "model": {"name": model, "parameters": 1000},
        "training": {"epochs": epochs, "best_epoch": 2, "monitor": "val/window_accuracy", "overfit_gap": 0.1},
        "metrics": evaluate(predictions, clusters, "artist"),
        "genres": {
            level: genre_entries(genre_metrics(decide(test, level), clusters)) for level in ("window", "clip")
        },
        "confusion": {level: confusion(decide(test, level)).tolist() for level in ("window", "clip")},
        "git": {"commit": "0" * 40, "dirty": False},
        **card,
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(written))
    return folder


def changed(folder: Path, **card):
    """Replaces entries of a run card."""
    file = folder / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | card))


def _predictions(genres, tracks, slices, right, turn):
    """A validation and a test part; two tracks an artist."""
    track_id, start_s, part, y_true, decided, clusters = [], [], [], [], [], {}
    for which in ("val", "test"):
        for number, genre in enumerate(genres):
            for track in range(tracks):
                name = f"{genre}.{which}{track:03d}"
                clusters[name] = f"{genre}-{which}-{track // 2}"
                is_right = (track + turn) % tracks < round(right * tracks)
                for each in range(slices):
                    track_id.append(name)
                    start_s.append(3.0 * each)
                    part.append(which)
                    y_true.append(genre)
                    decided.append(number if is_right else (number + 1) % len(genres))
    probabilities = np.full((len(decided), len(genres)), 0.4 / (len(genres) - 1), dtype=np.float32)
    probabilities[np.arange(len(decided)), decided] = 0.6
    return Predictions(track_id, start_s, part, y_true, probabilities, tuple(genres)), clusters


def _history(epochs):
    lines = [
        "epoch,val/loss,val/window_accuracy,val/clip_accuracy,train/loss,train/window_accuracy,train/clip_accuracy"
    ]
    for epoch in range(1, epochs + 1):
        gain = 1 - 1 / (epoch + 1)
        values = (1.5 - gain, 0.7 * gain, 0.75 * gain, 1.2 - gain, gain, gain)
        lines.append(",".join([str(epoch), *(f"{value:.6f}" for value in values)]))
    return "\n".join(lines) + "\n"
