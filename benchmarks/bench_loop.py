"""CPU time of an epoch of the training loop, against a plain PyTorch loop and against the same loop with a DataLoader.

    python benchmarks/bench_loop.py [--models mlp lstm] [--batch-sizes 16 64 256] [--turns 5]

All three train the same model with the same optimizer, schedule and gradient clipping on the same tensors (random
numbers in the shape of GTZAN's 3-s windows), and score the training and the validation part after each epoch. They run
in turn on one thread; CPU time of whole epochs, without the first epoch of each turn.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import Config, validate_config
from gtzan_lightning.corpus.tracks import GTZAN_GENRES, Corpus, Track
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.datamodule.slices import slice_table
from gtzan_lightning.features.feature_request import Features
from gtzan_lightning.models.base import GenreModule
from gtzan_lightning.models.optimization import decay_groups
from gtzan_lightning.training.callbacks import History, LastCheckpoint
from gtzan_lightning.training.construction import make_model, make_trainer
from gtzan_lightning.training.tensorboard_logging import event_logger
from gtzan_lightning.training.train import shorten_steps

TABLE = (1000, 10, 58)  # tracks, windows of a track, features: the size of GTZAN's 3-s table
EPOCHS = 4  # of a turn; the first is discarded
OURS, PLAIN, STOCK = "ours", "plain PyTorch", "with a DataLoader"
HEADER = (
    "| model, batch | this project | relative to a plain PyTorch loop | with a `DataLoader`, relative to this project |"
    "\n|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["mlp", "lstm"])
    parser.add_argument("--batch-sizes", nargs="+", type=int, default=[16, 64, 256])
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    print("CPU seconds of an epoch, and ratios turn by turn; medians\n")
    print(HEADER)
    for model in arguments.models:
        for batch_size in arguments.batch_sizes:
            config = validate_config(compose([f"model={model}", f"data.batch_size={batch_size}"]))
            print(f"| {model}, {batch_size} | {' | '.join(_cells(config, arguments.turns))} |", flush=True)


def _cells(config: Config, turns: int) -> list[str]:
    loops = {OURS: our_epochs, PLAIN: plain_epochs, STOCK: stock_epochs}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(turns):
        for name, epochs in loops.items():
            datamodule = random_data(config)
            model = make_model(config, datamodule.shape, len(GTZAN_GENRES))
            seconds[name].append(float(np.median(epochs(config, model, datamodule)[1:])))
    ours, plain, stock = (np.array(seconds[name]) for name in loops)
    return [f"{np.median(ours):.2f} s", f"{np.median(ours / plain):.2f}", f"{np.median(stock / ours):.2f}"]


def our_epochs(config: Config, model: GenreModule, datamodule: SliceDataModule) -> list[float]:
    """As in `train`: learning curves, the best and the last checkpoint, the event file."""
    shorten_steps(config, model, datamodule)
    return _fitted(config, model, datamodule)


def stock_epochs(config: Config, model: GenreModule, datamodule: SliceDataModule) -> list[float]:
    """The same with a `DataLoader`, as in Lightning's tutorials."""
    training, validation = (TensorDataset(*_tensors(datamodule, part)) for part in ("train", "val"))
    loader = DataLoader(training, config.data.batch_size, shuffle=True)
    return _fitted(config, model, loader, DataLoader(validation, config.data.batch_size))


def _fitted(config: Config, model: GenreModule, *data: object) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        clock = Clock()
        best = ModelCheckpoint(folder, "best", monitor=model.monitor, mode=model.mode, save_weights_only=True)
        last = LastCheckpoint(Path(folder) / "last.ckpt", config.trainer.save_every_s)
        callbacks = [History(), best, last, clock]
        config = config.model_copy(update={"trainer": config.trainer.model_copy(update={"max_epochs": EPOCHS})})
        make_trainer(config, callbacks, event_logger(Path(folder))).fit(model, *data)
        return clock.seconds


def plain_epochs(config: Config, model: GenreModule, datamodule: SliceDataModule) -> list[float]:
    """A plain PyTorch loop: batches are rows of the tensors, accuracy is counted in the loop."""
    size = config.data.batch_size
    x, y, _ = _tensors(datamodule, "train")
    x_val, y_val, _ = _tensors(datamodule, "val")
    options = model.optimization.optimizer_options
    optimizer = torch.optim.AdamW(decay_groups(model, options["weight_decay"]), lr=options["lr"], fused=True)
    steps = EPOCHS * -(-len(x) // size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=options["lr"], total_steps=steps)
    seconds = []
    for _ in range(EPOCHS):
        begun = time.process_time()
        model.train()
        right = 0
        for chosen in torch.randperm(len(x)).split(size):
            logits = model(x[chosen])
            loss = model.loss(logits, y[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.trainer.gradient_clip_val)
            optimizer.step()
            schedule.step()
            right += int((logits.argmax(dim=1) == y[chosen]).sum())
        model.eval()
        with torch.inference_mode():
            right += int((model(x_val).argmax(dim=1) == y_val).sum())
        seconds.append(time.process_time() - begun)
    return seconds


class Clock(Callback):
    """CPU seconds from the start of an epoch to the start of the next, validation and checkpoints included."""

    def __init__(self) -> None:
        self.marks: list[float] = []

    def on_train_epoch_start(self, *_: object) -> None:
        self.marks.append(time.process_time())

    def on_train_end(self, *_: object) -> None:
        self.marks.append(time.process_time())

    @property
    def seconds(self) -> list[float]:
        return np.diff(self.marks).tolist()


def random_data(
    config: Config, size: tuple[int, int, int] = TABLE, window_s: float = 3.0, name: str = "stats"
) -> SliceDataModule:
    """Random numbers as features, `size` as in `TABLE`."""
    n_tracks, windows, n_features = size
    random = np.random.default_rng(0)
    tracks = tuple(Track(f"{number:04d}", GTZAN_GENRES[number % 10]) for number in range(n_tracks))
    features = Features(
        name,
        tuple(f"feature{number}" for number in range(n_features)),
        random.standard_normal((n_tracks * windows, n_features), np.float32),
        np.repeat(np.arange(n_tracks, dtype=np.int32), windows),
        np.tile(np.arange(windows) * window_s, n_tracks),
        window_s,
    )
    slices = slice_table(features, seconds=config.slice.seconds)
    parts = np.repeat(["train", "val", "test"], [n_tracks * 7 // 10, n_tracks // 10, n_tracks // 5])[slices.track_index]
    corpus = Corpus("random", tracks, GTZAN_GENRES, "tables", Path(), "")
    return SliceDataModule(corpus, features, slices, parts, batch_size=config.data.batch_size)


def _tensors(datamodule: SliceDataModule, part: str) -> Sequence[torch.Tensor]:
    return datamodule.examples.batch(torch.from_numpy(np.flatnonzero(datamodule.parts == part)))


if __name__ == "__main__":
    main()
