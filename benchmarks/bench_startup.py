"""Time to the first training step of a job, of commands that train nothing, and to the plan of a large sweep.

    python benchmarks/bench_startup.py [--repeats 5]

Each repetition starts two processes in turn, on the tables of GTZAN_ROOT if that is set, else on generated tables of
the same size. One imports torch and lightning and ends; its time is the unit of the ratios. The other runs a sweep of
two jobs. The time of the second job starts at the end of the first, so it includes composing its configuration.

The commands read ten artificial runs, or the tables; their time is that of the whole process. The time to the plan of a
sweep of 1,000 jobs ends when the number of its jobs is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from omegaconf import DictConfig

CHECKOUT = Path(__file__).parents[1]
SWEEP = ("-m", "model=lstm", "seed=0,1", "debug=fast", "trainer.progress=false")
RUNS = 10
PLAN = ("-m", "model=mlp,lstm", "model.lr=0.001,0.002,0.003,0.004,0.005", "seed=range(100)")


def main() -> None:
    """Prints medians and quartiles."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)  # runs in the timed process
    arguments = parser.parse_args()
    if arguments.child:
        json.dump(_sweep(arguments.child), sys.stderr)
        return
    taken: dict[str, list[float]] = {"import": [], "fresh": [], "second": []}
    with tempfile.TemporaryDirectory() as folder:
        root = os.environ.get("GTZAN_ROOT") or str(_generated(Path(folder)))
        commands = _commands(Path(folder) / "made", root)
        taken |= {name: [] for name in commands}
        for number in range(arguments.repeats + 1):
            timed = _timed(Path(folder) / f"outputs{number}", root)
            timed |= {name: command() for name, command in commands.items()}
            for name, seconds in timed.items() if number else ():  # the first repetition warms the disk cache
                taken[name].append(seconds)
    import_s = _median(taken["import"])
    rows = {
        "import": "import torch, lightning",
        "fresh": "fresh process to first step",
        "second": "second job to first step",
    } | {name: name for name in commands}
    for name, row in rows.items():
        print(f"{row:28}{_described(taken[name])}   {_median(taken[name]) / import_s:.3f} x import")


def _timed(outputs: Path, root: str) -> dict[str, float]:
    """Seconds of one repetition."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GTZAN_ROOT": str(Path(root).resolve())}
    started = time.time()
    subprocess.run([sys.executable, "-c", "import torch, lightning"], check=True, env=environment)
    imported = time.time()
    child = [sys.executable, str(Path(__file__).resolve()), "--child", str(outputs)]
    done = subprocess.run(child, check=True, env=environment, capture_output=True, text=True, cwd=CHECKOUT)
    steps, ends = json.loads(done.stderr.splitlines()[-1])
    return {"import": imported - started, "fresh": steps[0] - imported, "second": steps[1] - ends[0]}


def _commands(outputs: Path, root: str) -> dict[str, Callable[[], float]]:
    """Functions that run a command and return its seconds, by what they run."""
    sys.path.insert(0, str(CHECKOUT / "tests"))
    from made_runs import made_run

    data = {"corpus": "made", "sha256": "made", "tracks": 60, "tracks_without_slice": [], "notes": []}
    training = {"epochs": 4, "best_epoch": 2, "monitor": "val/loss", "overfit_gap": 0.1}
    names = [made_run(outputs, seed=seed, right=0.6, data=data, training=training).name for seed in range(RUNS)]
    there = ("--outputs", str(outputs))
    texts = {
        "gtzan runs ls": ("runs", "ls", *there),
        "gtzan runs show": ("runs", "show", names[0], *there),
        "gtzan runs diff": ("runs", "diff", *names[:2], *there),
        "gtzan compare": ("compare", *names[:2], *there),
        "gtzan report": ("report", *there),
        "gtzan data check, tables": ("data", "check", f"data.root={root}"),
    }
    commands: dict[str, Callable[[], float]] = {name: partial(_run_s, text) for name, text in texts.items()}
    return commands | {"plan of 1,000 jobs": lambda: _plan_s(outputs, root)}


def _run_s(arguments: Sequence[str]) -> float:
    started = time.time()
    command = [sys.executable, "-m", "gtzan_lightning", *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=CHECKOUT)
    return time.time() - started


def _plan_s(outputs: Path, root: str) -> float:
    """Seconds until the plan of a sweep is printed; the sweep is stopped then."""
    started = time.time()
    command = [sys.executable, "train.py", *PLAN, f"outputs={outputs}", f"data.root={root}", "trainer.progress=false"]
    sweep = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=CHECKOUT)
    assert sweep.stdout is not None
    seconds = next(time.time() - started for line in sweep.stdout if line.startswith("Sweep of"))
    sweep.kill()
    sweep.communicate()
    return seconds


def _sweep(outputs: Path) -> tuple[list[float], list[float]]:
    """Runs two jobs; returns the times of their first training steps and of their ends."""
    sys.path.insert(0, str(CHECKOUT))
    from gtzan_lightning.sweeps.launch import launch
    from train import main as job

    steps: list[float] = []
    ends: list[float] = []

    def timed_job(cfg: DictConfig) -> float | None:
        from gtzan_lightning.models.base import GenreModule

        _note_first_step(GenreModule, steps, len(ends))
        result = job(cfg)
        ends.append(time.time())
        return result

    status = launch(timed_job, [*SWEEP, f"outputs={outputs}"])
    if status:
        raise SystemExit(status)
    return steps, ends


def _note_first_step(module: type, steps: list[float], already: int) -> None:
    """Appends the time of the first training step of a job to `steps`."""
    step = module.training_step

    def noted(self: object, *batch: object) -> object:
        if len(steps) == already:
            steps.append(time.time())
        return step(self, *batch)

    module.training_step = noted


def _generated(folder: Path) -> Path:
    """Tables in the form and size of the published ones."""
    sys.path.insert(0, str(CHECKOUT / "tests"))
    import tiny

    return tiny.write_tables(folder / "tables", tracks=100)


def _median(values: list[float]) -> float:
    return quantiles(values, n=4, method="inclusive")[1] if len(values) > 1 else values[0]


def _described(values: list[float]) -> str:
    low, middle, high = quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return f"{middle:6.2f} s ({low:.2f}-{high:.2f})"


if __name__ == "__main__":
    main()
