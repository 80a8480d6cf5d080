"""Checks and measures this project on one GPU, against one core of the same machine.

    python benchmarks/gpu_check.py --root GTZAN_TABLES [--jobs 8] [--sections tests features epochs models grid]

Sections, each a Markdown table as soon as it is complete: the tests that need a GPU; test accuracy of each model over
five seeds on the CPU and on the GPU; seconds of an epoch on one core, on the GPU, and in a plain PyTorch loop on the
GPU, with the peak memory; values and clips per second of the feature engine and of MusiCNN; the time of a grid of 72
jobs with several processes on the GPU. `--device cpu --quick` tries the script out without a GPU.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from bench_loop import random_data
from lightning.pytorch.callbacks import Callback
from torch import nn

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import Config, validate_config
from gtzan_lightning.corpus.tracks import GTZAN_GENRES
from gtzan_lightning.datamodule.genre_datamodule import SliceDataModule
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_request import FrameSettings
from gtzan_lightning.features.kinds import musicnn
from gtzan_lightning.features.spectrum import frame_features
from gtzan_lightning.features.window_stats import cut_windows, window_stats
from gtzan_lightning.models.optimization import decay_groups
from gtzan_lightning.training.construction import make_model, make_trainer

CHECKOUT = Path(__file__).parents[1]
MODELS = ("mlp", "lstm", "reslstm", "convlstm")
RATE_HZ = 22050
FRAMES = (20, 1280, 128)  # tracks, frames of a track, mel bands
FRAME_S = 512 / RATE_HZ
SECTIONS = ("tests", "features", "epochs", "models", "grid")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of the published tables; default: the synthetic corpus")
    parser.add_argument("--jobs", type=int, default=8, help="processes that share the GPU")
    parser.add_argument("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="one seed, one epoch, few clips")
    options = parser.parse_args()
    torch.set_num_threads(1)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    print(f"torch {torch.__version__}, {_device_name(options.device)}, {os.cpu_count()} CPU cores", flush=True)
    for name in options.sections:
        begun = time.perf_counter()
        print(f"\n## {name}\n", flush=True)
        try:
            {"tests": tests, "models": models, "epochs": epochs, "features": features, "grid": grid}[name](options)
        except Exception:  # the other sections are worth the device's time
            traceback.print_exc()
        print(f"\n({name}: {time.perf_counter() - begun:.0f} s)", flush=True)


def tests(options: argparse.Namespace) -> None:  # noqa: ARG001
    """Runs the tests that need a GPU."""
    targets = ("tests/training/test_train_gpu.py", "tests/features/test_window_stats_devices.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", *targets],
        cwd=CHECKOUT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    print("\n".join(done.stdout.strip().splitlines()[-12:]))


def models(options: argparse.Namespace) -> None:
    """Test accuracy of each model over seeds, on both devices."""
    seeds = range(1 if options.quick else 5)
    accelerators = {"CPU": "cpu", "GPU": "gpu" if options.device == "cuda" else "cpu"}
    with tempfile.TemporaryDirectory() as folder:
        jobs = [(name, device, seed) for name in MODELS for device in accelerators for seed in seeds]

        def accuracy(job: tuple[str, str, int]) -> float:
            name, device, seed = job
            run = Path(folder, f"{name}-{device}-{seed}")
            _train(options, f"model={name}", f"seed={seed}", f"trainer={accelerators[device]}", f"hydra.run.dir={run}")
            card = json.loads((run / "run.json").read_text())
            return float(card["metrics"]["test"]["window"]["accuracy"])

        with ThreadPoolExecutor(options.jobs) as pool:
            found = dict(zip(jobs, pool.map(accuracy, jobs), strict=True))
    _row("model", "window accuracy, CPU", "GPU", "difference of the means", "largest spread over seeds", header=True)
    for name in MODELS:
        cpu, gpu = ([found[name, device, seed] for seed in seeds] for device in accelerators)
        spread = max(max(values) - min(values) for values in (cpu, gpu))
        _row(name, _mean_sd(cpu), _mean_sd(gpu), f"{np.mean(gpu) - np.mean(cpu):+.3f}", f"{spread:.3f}")


def epochs(options: argparse.Namespace) -> None:
    """Seconds of an epoch: Lightning on one core and on the GPU, and a plain loop on the GPU."""
    count = 2 if options.quick else 4
    os.chdir(tempfile.mkdtemp())  # of the checkpoints
    _row(
        "model; slices of",
        "one core",
        "GPU",
        "plain loop, GPU",
        "core / GPU",
        "GPU / plain",
        "peak memory",
        header=True,
    )
    for name in MODELS:
        for data_name in ("table, 30 s", "frames, 3 s"):
            seconds = []
            for accelerator, loop in (("cpu", _lightning), (options.device, _lightning), (options.device, _plain)):
                config = _config(name, data_name, accelerator, count)
                data = (
                    random_data(config)
                    if data_name == "table, 30 s"
                    else random_data(config, FRAMES, FRAME_S, "logmel")
                )
                _reset_memory(accelerator)
                seconds.append(statistics.median(loop(config, data, accelerator)[1:]))
            core, gpu, plain = seconds
            times = [f"{value:.3f} s" for value in seconds]
            _row(f"{name}; {data_name}", *times, f"{core / gpu:.2f}", f"{gpu / plain:.2f}", _peak(options.device))


def _config(model: str, data_name: str, device: str, count: int) -> Config:
    words = [f"model={model}", f"slice={'30s' if data_name.startswith('table') else '3s'}"]
    words += [f"trainer={'gpu' if device == 'cuda' else 'cpu'}", f"trainer.max_epochs={count}"]
    return validate_config(compose(words))


def _lightning(config: Config, data: SliceDataModule, device: str) -> list[float]:
    clock = Clock(device)
    model = make_model(config, data.shape, len(GTZAN_GENRES))
    make_trainer(config, [clock], logger=False).fit(model, data)
    return np.diff(clock.marks).tolist()


class Clock(Callback):
    """Wall time at the start of each epoch and at the end, after the device has finished its work."""

    def __init__(self, device: str) -> None:
        self.device, self.marks = device, list[float]()

    def on_train_epoch_start(self, *_: object) -> None:
        self.marks.append(_now(self.device))

    def on_train_end(self, *_: object) -> None:
        self.marks.append(_now(self.device))


def _plain(config: Config, data: SliceDataModule, device: str) -> list[float]:
    """A plain PyTorch loop with all examples on the device."""
    model = make_model(config, data.shape, len(GTZAN_GENRES)).to(device)
    x, y, x_val, y_val = (tensor.to(device) for part in ("train", "val") for tensor in _examples(data, part))
    options = model.optimization.optimizer_options
    optimizer = torch.optim.AdamW(decay_groups(model, options["weight_decay"]), lr=options["lr"], fused=True)
    size, count = config.data.batch_size, config.trainer.max_epochs
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, options["lr"], total_steps=count * -(-len(x) // size))
    marks = [_now(device)]
    for _ in range(count):
        model.train()
        for chosen in torch.randperm(len(x), device=device).split(size):
            loss = model.loss(model(x[chosen]), y[chosen])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.trainer.gradient_clip_val)
            optimizer.step()
            schedule.step()
        model.eval()
        with torch.inference_mode():
            (model(x_val).argmax(dim=1) == y_val).sum().item()
        marks.append(_now(device))
    return np.diff(marks).tolist()


def features(options: argparse.Namespace) -> None:
    """Values and clips per second of each feature on both devices."""
    count = 2 if options.quick else 16
    rng = np.random.default_rng(0)
    clips = [torch.from_numpy(_music(rng, RATE_HZ)) for _ in range(count)]
    kinds: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "stats, ten 3-s windows": lambda y: window_stats(cut_windows(y, RATE_HZ, 3.0), RATE_HZ),
        "mfcc": lambda y: frame_features("mfcc", y, FrameSettings()),
        "logmel": lambda y: frame_features("logmel", y, FrameSettings()),
    }
    _row("features", "clips/s, one core", "clips/s, GPU", "ratio", "largest difference / deviation", header=True)
    for name, function in kinds.items():
        _compare_devices(name, function, clips, options.device)
    settings = FrameSettings(sample_rate_hz=16_000, layer="penultimate", nets=("msd", "mtt"))
    with tempfile.TemporaryDirectory() as folder:
        try:
            musicnn.prepare(Path(folder))
        except GtzanError as error:
            print(f"\nmusicnn: {error}")
            return
        low = [torch.from_numpy(_music(rng, 16_000)) for _ in range(count)]
        _compare_devices("musicnn", lambda y: musicnn.rows(y, 3.0, settings, Path(folder)), low, options.device)


@torch.inference_mode()
def _compare_devices(
    name: str, function: Callable[[torch.Tensor], torch.Tensor], clips: Sequence[torch.Tensor], device: str
) -> None:
    values, rates = [], []
    for where in ("cpu", device):
        moved = [clip.to(where) for clip in clips]
        function(moved[0])  # compilation and start-up
        begun = _now(where)
        values.append(torch.stack([function(clip).double().cpu() for clip in moved]))
        rates.append(len(clips) / (_now(where) - begun))
    deviation = values[0].flatten(0, -2).std(dim=0).clamp_min(1e-9)
    largest = float(((values[1] - values[0]).abs() / deviation).max())
    _row(name, *(f"{rate:.1f}" for rate in rates), f"{rates[1] / rates[0]:.1f}", f"{largest:.1e}")


def grid(options: argparse.Namespace) -> None:
    """Seconds of a sweep of 72 jobs, several of which share the GPU, and of the same on the cores."""
    words = ["split=leaky,grouped", "hydra/launcher=joblib"]
    words += ["model=mlp", "slice=3s", "seed=0"] if options.quick else [
        f"model={','.join(MODELS)}", "slice=3s,6s,9s", "seed=0,1,2"
    ]  # fmt: skip
    _row("device", "processes", "seconds of the sweep", header=True)
    for trainer, jobs in (("gpu" if options.device == "cuda" else "cpu", options.jobs), ("cpu", os.cpu_count() or 1)):
        with tempfile.TemporaryDirectory() as folder:
            begun = time.perf_counter()
            more = (f"trainer={trainer}", f"hydra.launcher.n_jobs={jobs}", f"outputs={folder}", *words)
            _train(options, "-m", *more)
            _row(trainer, str(jobs), f"{time.perf_counter() - begun:.0f}")


def _train(options: argparse.Namespace, *words: str) -> None:
    command = [sys.executable, str(CHECKOUT / "train.py"), *words, "trainer.progress=false"]
    command += [f"data.root={options.root.resolve()}"] if options.root else ["data=synthetic"]
    command += ["trainer.max_epochs=1"] if options.quick else []
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")


def _examples(data: SliceDataModule, part: str) -> Sequence[torch.Tensor]:
    return data.examples.batch(torch.from_numpy(np.flatnonzero(data.parts == part)))[:2]


def _music(rng: np.random.Generator, rate_hz: int) -> np.ndarray:
    """30 s of decaying chords over noise."""
    t = np.arange(30 * rate_hz) / rate_hz
    pitches = 110 * 2 ** (rng.integers(0, 36, size=6) / 12)
    sound = sum(np.sin(2 * np.pi * pitch * t) * np.exp(-3 * (t % 0.5)) for pitch in pitches) / 6
    return (0.5 * sound + 0.02 * rng.standard_normal(len(t))).astype(np.float32)


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def _reset_memory(device: str) -> None:
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()


def _peak(device: str) -> str:
    return f"{torch.cuda.max_memory_allocated() / 2**20:.0f} MiB" if device == "cuda" else "-"


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "no GPU"


def _mean_sd(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1) if len(values) > 1 else 0:.3f}"


def _row(*cells: str, header: bool = False) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)
    if header:
        print(f"|{'---|' * len(cells)}", flush=True)


if __name__ == "__main__":
    main()
