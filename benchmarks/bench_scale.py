"""CPU time and peak memory of each phase of a run, on generated tables and on memory-mapped frames of any size.

    python benchmarks/bench_scale.py [--tracks 1000 10000 100000] [--frames 1000 10000] [--phases audit evaluate]

A table has ten windows a track, 58 columns and ten genres; of 100 tracks, one is a copy and one nearly a copy of
another. Frames are noise in the shape of `logmel` of 30-s clips, mapped into memory. Each size runs in a process of its
own. Memory is what the process has allocated itself, without mapped files, above what it had after its imports; the
parent process reads it every 20 ms.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

SIZES = (1_000, 10_000, 100_000)
WINDOWS, COLUMNS = 10, 58
FRAMES, MELS = 1_292, 128  # of 30 s
GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
SAMPLED_S = 0.02
BEGIN, END, IDLE = "begin", "end", "imports"

State = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", nargs="*", type=int, default=list(SIZES), help="sizes of the tables")
    parser.add_argument("--frames", nargs="*", type=int, default=[1_000, 10_000], help="tracks with frames")
    parser.add_argument("--phases", nargs="+", default=list(PHASES), choices=list(PHASES), metavar="PHASE")
    parser.add_argument("--split", default="grouped", choices=("grouped", "leaky"))
    parser.add_argument("--folder", type=Path, help="for the data, which are large; default: a temporary folder")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)  # kind and size of the measured process
    arguments = parser.parse_args()
    if arguments.child:
        _run_phases(arguments.child[0], int(arguments.child[1]), arguments)
        return
    found: dict[tuple[str, int], dict[str, tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for kind, sizes in (("table", arguments.tracks), ("frames", arguments.frames)):
            for size in sizes:
                found[kind, size] = _measured(kind, size, Path(folder), arguments)
                print(f"{kind}, {size:,} tracks: {found[kind, size]}", file=sys.stderr, flush=True)
    print("\n".join(_table(found, arguments.phases)))


def _measured(kind: str, size: int, folder: Path, arguments: argparse.Namespace) -> dict[str, tuple[float, float]]:
    """Seconds and peak MB of each phase, from a process of its own."""
    data = folder / ("table.csv" if kind == "table" else "frames.npy")
    (write_table if kind == "table" else write_frames)(data, size)
    options = ["--folder", str(folder), "--split", arguments.split, "--phases", *arguments.phases]
    command = [sys.executable, __file__, "--child", kind, str(size), *options]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    memory = Memory(child.pid)
    memory.start()
    seconds: dict[str, float] = {}
    for line in child.stdout:
        event, _, rest = line.strip().partition(" ")
        if event == BEGIN:
            memory.phase = rest
        elif event == END:
            name, _, taken = rest.partition(" ")
            seconds[name] = float(taken)
            memory.phase = ""
    if child.wait():
        raise SystemExit(f"{kind} of {size} tracks: failed with status {child.returncode}")
    data.unlink()
    return {name: (seconds[name], memory.peaks[name] - memory.peaks[IDLE]) for name in seconds if name != IDLE}


class Memory(threading.Thread):
    """Reads the anonymous memory of a process, and keeps the peak of each phase in MB."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.status = Path(f"/proc/{pid}/status")
        self.phase = IDLE
        self.peaks: dict[str, float] = {}

    def run(self) -> None:
        while True:
            try:
                text = self.status.read_text()
                megabytes = int(text.partition("RssAnon:")[2].split()[0]) / 1024
            except (OSError, IndexError):  # the process has ended
                return
            self.peaks[self.phase] = max(megabytes, self.peaks.get(self.phase, 0.0))
            time.sleep(SAMPLED_S)


def write_table(path: Path, n_tracks: int, seed: int = 0) -> None:
    """Ten windows a track: genre + track of twelve latent dimensions + noise."""
    import pandas as pd
    from pyarrow import Table, csv

    random = np.random.default_rng(seed)
    loadings = random.normal(size=(12, COLUMNS)).astype(np.float32)
    genres = random.normal(size=(len(GENRES), COLUMNS)).astype(np.float32)
    names = [f"f{number}" for number in range(COLUMNS)]
    with path.open("wb") as file:
        for first in range(0, n_tracks, 5_000):
            number = np.arange(first, min(first + 5_000, n_tracks))
            tracks = random.standard_normal((len(number), 12), np.float32) @ loadings + genres[number % len(GENRES)]
            values = tracks[:, None] + 0.5 * random.standard_normal((len(number), WINDOWS, COLUMNS), np.float32)
            values[30::100] = values[20 : len(number) - 10 : 100][: len(values[30::100])]
            near = values[60 : len(number) - 10 : 100][: len(values[70::100])]
            values[70::100] = near + 0.01 * random.standard_normal(near.shape, np.float32)
            rows = pd.DataFrame(values.reshape(-1, COLUMNS), columns=names)
            rows.insert(0, "filename", np.repeat([f"song{each:06d}.wav" for each in number], WINDOWS))
            rows["label"] = np.repeat([GENRES[each % len(GENRES)] for each in number], WINDOWS)
            options = csv.WriteOptions(include_header=first == 0, quoting_style="needed")
            csv.write_csv(Table.from_pandas(rows, preserve_index=False), file, options)


def write_frames(path: Path, n_tracks: int, seed: int = 0) -> None:
    """Noise, `(tracks * frames, mels)`."""
    from numpy.lib import format as npy

    random = np.random.default_rng(seed)
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": (n_tracks * FRAMES, MELS)})
        for _ in range(n_tracks):
            file.write(random.standard_normal((FRAMES, MELS), np.float32).tobytes())


def _run_phases(kind: str, size: int, arguments: argparse.Namespace) -> None:
    """Runs phases and reports each on the standard output."""
    import logging
    import warnings

    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    from gtzan_lightning.training import train  # noqa: F401, the imports of most phases

    state: State = {"kind": kind, "size": size, "folder": arguments.folder, "config": _config(kind, arguments)}
    time.sleep(10 * SAMPLED_S)
    for name in needed(arguments.phases):
        print(f"{BEGIN} {name}", flush=True)
        time.sleep(3 * SAMPLED_S)
        begun = time.process_time()
        state |= PHASES[name][0](state) or {}
        print(f"{END} {name} {time.process_time() - begun:.3f}", flush=True)
        time.sleep(3 * SAMPLED_S)


def needed(phases: Sequence[str]) -> list[str]:
    """The phases and those that they need, in order."""
    wanted = set(phases)
    for name in reversed(PHASES):
        if name in wanted:
            wanted |= set(PHASES[name][1])
    return [name for name in PHASES if name in wanted]


def _config(kind: str, arguments: argparse.Namespace) -> Any:
    from gtzan_lightning.config.composition import compose
    from gtzan_lightning.config.schema import validate_config

    of_kind = {
        "table": ["features=table", f"features.path={arguments.folder / 'table.csv'}", "features.window_s=3"],
        "frames": ["features=logmel", "model.hidden_size=16"],
    }
    common = [f"split={arguments.split}", "trainer.max_epochs=1", "logger=none", "trainer.progress=false"]
    return validate_config(compose([*of_kind[kind], *common]))


def open_data(state: State) -> State:
    """Reads the corpus and its features."""
    if state["kind"] == "frames":
        return mapped_frames(state["folder"] / "frames.npy", state["size"])
    from dataclasses import replace

    from gtzan_lightning.training.split_data import load_configured_corpus, load_configured_features

    corpus = load_configured_corpus(state["config"])
    features = load_configured_features(state["config"], corpus)
    return {"corpus": replace(corpus, tables={}), "features": features}


def mapped_frames(path: Path, n_tracks: int) -> State:
    """A corpus whose features are mapped into memory, as those that the cache holds."""
    from gtzan_lightning.corpus.tracks import Corpus, Track
    from gtzan_lightning.features.feature_request import Features

    values = np.load(path, mmap_mode="r")
    tracks = tuple(Track(f"{number:06d}", GENRES[number % len(GENRES)]) for number in range(n_tracks))
    corpus = Corpus("frames", tracks, GENRES, "audio", path.parent, "")
    columns = tuple(f"mel{number}" for number in range(MELS))
    row_s = 512 / 22_050
    index = np.repeat(np.arange(n_tracks, dtype=np.int32), FRAMES)
    return {
        "corpus": corpus,
        "features": Features("logmel", columns, values, index, np.tile(np.arange(FRAMES) * row_s, n_tracks), row_s),
    }


def split(state: State) -> State:
    """Cuts slices and assigns them to parts."""
    from gtzan_lightning.datamodule.assignment import SplitRule
    from gtzan_lightning.datamodule.splits import split_slices
    from gtzan_lightning.training.split_data import SplitData, configured_slices

    slices = configured_slices(state["config"], state["features"])
    parts = split_slices(state["corpus"], slices, SplitRule(state["config"].split.name))
    return {"data": SplitData(state.pop("corpus"), state.pop("features"), slices, parts)}


def scale(state: State) -> State:
    """Fits the normalisation and applies it."""
    from gtzan_lightning.training.construction import make_datamodule, make_model

    datamodule = make_datamodule(state["config"], state["data"])
    return {"datamodule": datamodule, "model": make_model(state["config"], datamodule.shape, len(GENRES))}


def audit(state: State) -> State:
    """Every check of the leakage audit."""
    from gtzan_lightning.audit.findings import AuditInput, RunFacts
    from gtzan_lightning.audit.leakage_audit import audit as run_checks

    data, fitted = state["data"], state["datamodule"].standardisation
    facts = RunFacts(fitted.mean, fitted.scale, fitted.quantiles, "val/window_accuracy", ())
    rule = state["config"].split.name
    return {"audit": run_checks(AuditInput(data.corpus, data.features, data.slices, data.parts, rule, facts)).card()}


def epoch(state: State) -> State:
    """One epoch of training with its validation."""
    from gtzan_lightning.runs.run_folder import RunFolder
    from gtzan_lightning.training.callbacks import BestCheckpoint, History
    from gtzan_lightning.training.construction import make_trainer
    from gtzan_lightning.training.train import shorten_steps

    run, model, history = RunFolder(state["folder"] / "run"), state["model"], History()
    run.path.mkdir(exist_ok=True)
    shorten_steps(state["config"], model, state["datamodule"])
    best = BestCheckpoint(run.path, "best", monitor=model.monitor, mode=model.mode, save_weights_only=True)
    make_trainer(state["config"], [history, best], False).fit(model, state["datamodule"])
    history.write(run.history)
    return {"run": run}


def out_of_distribution(state: State) -> None:
    """Fits the out-of-distribution score."""
    from gtzan_lightning.training.ood_fitting import fit_run_ood

    fit_run_ood(state["config"], state["datamodule"], state["model"].eval())


def predict(state: State) -> State:
    """Predicts every slice."""
    from gtzan_lightning.training.results import predict_all

    return {"predictions": predict_all(state["model"], state["datamodule"], state["config"])}


def write(state: State) -> State:
    """Writes predictions and split, and reads the predictions."""
    from gtzan_lightning.corpus.tracks import resampling_clusters
    from gtzan_lightning.evaluation.predictions import read_predictions, write_predictions
    from gtzan_lightning.runs.data_entries import data_entries
    from gtzan_lightning.training.results import clusters_csv
    from gtzan_lightning.utils.files import write_text
    from gtzan_lightning.utils.memory import return_freed_memory

    data, run = state["data"], state["run"]
    card = data_entries(
        data.corpus, data.features, data.slices, data.parts, state["config"].split.model_dump(), run.split
    )
    write_predictions(state.pop("predictions"), run.predictions)
    kind, names = resampling_clusters(data.corpus.tracks)
    clusters = {track.track_id: name for track, name in zip(data.corpus.tracks, names, strict=True)}
    write_text(run.clusters, clusters_csv(clusters))
    predictions = read_predictions(run.predictions)
    return_freed_memory()
    return {"card": card, "kind_of_cluster": kind, "clusters": clusters, "read": predictions}


def evaluate(state: State) -> State:
    """Computes scores with intervals, scores by genre and the calibration."""
    from gtzan_lightning.evaluation.calibration import calibration_card
    from gtzan_lightning.evaluation.metrics import decide, overfit_gap
    from gtzan_lightning.evaluation.run_metrics import evaluate as scores
    from gtzan_lightning.evaluation.run_metrics import genre_entries, genre_metrics

    card, predictions, clusters = state["card"], state["read"], state["clusters"]
    card["metrics"] = scores(predictions, clusters, state["kind_of_cluster"])
    test = predictions.only("test")
    card["genres"] = {
        level: genre_entries(genre_metrics(decide(test, level), clusters)) for level in ("window", "clip")
    }
    card["calibration"] = calibration_card(predictions)
    card["training"] = {"overfit_gap": overfit_gap(predictions), "best_epoch": 1}
    return {"card": card | {"overrides": ["model=mlp"], "seed": 0}}


def figures(state: State) -> None:
    """Draws and writes the figures."""
    from gtzan_lightning.training.results import run_figures, save_figures

    run = state["run"]
    (run.path / "config.yaml").write_text("slice: {seconds: 3.0}\n")
    save_figures(run.figures, run_figures(run, state["card"], state.pop("read"), state["clusters"]))


PHASES: dict[str, tuple[Callable[[State], State | None], tuple[str, ...]]] = {
    "open": (open_data, ()),
    "split": (split, ("open",)),
    "scale": (scale, ("split",)),
    "audit": (audit, ("scale",)),
    "epoch": (epoch, ("scale",)),
    "predict": (predict, ("scale",)),
    "write": (write, ("predict", "epoch")),
    "evaluate": (evaluate, ("write",)),
    "figures": (figures, ("evaluate",)),
    "ood": (out_of_distribution, ("epoch",)),
}
"""Each phase with those that it needs."""


def _table(found: dict[tuple[str, int], dict[str, tuple[float, float]]], phases: Sequence[str]) -> list[str]:
    """Markdown: CPU time and memory of each phase, the ratio of the time per track of the two largest tables."""
    tables = sorted(size for kind, size in found if kind == "table")
    names = [f"{size:,} {'tracks' if kind == 'table' else 'tracks of frames'}" for kind, size in found]
    header = ["phase", *names, "per track, largest to next"]
    rows = [header, ["---"] * len(header)]  # Markdown
    for phase in [*phases, "all but the epoch"]:
        chosen = [phase] if phase in PHASES else [name for name in phases if name != "epoch"]
        cells = []
        for measured in found.values():
            known = [measured[name] for name in chosen if name in measured]
            cells.append(f"{sum(s for s, _ in known):.1f} s ({max((m for _, m in known), default=0):,.0f} MB)")
        ratio = ""
        if len(tables) > 1:
            (fewer, before), (more, after) = (
                (size, sum(found["table", size].get(name, (0, 0))[0] for name in chosen)) for size in tables[-2:]
            )
            ratio = f"{after / more / (before / fewer):.2f}" if before else ""
        rows.append([phase, *cells, ratio])
    sizes = [f"{_matrix_mb(kind, size):,.0f} MB" for kind, size in found]
    rows.append(["size of the features", *sizes, ""])
    return [f"| {' | '.join(row)} |".replace(" --- ", "---") for row in rows]


def _matrix_mb(kind: str, size: int) -> float:
    rows, columns = (WINDOWS, COLUMNS) if kind == "table" else (FRAMES, MELS)
    return size * rows * columns * 4 / 2**20


if __name__ == "__main__":
    main()
