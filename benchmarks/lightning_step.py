"""What a training step costs in Lightning beyond the same step in a plain loop: a script without this project.

    python benchmarks/lightning_step.py [--steps 3000] [--turns 5]

The model is a single small linear layer, so that the time of a step is nearly all Lightning's. No callbacks, no logger,
no progress bar, nothing logged. Prints medians of the CPU time per step over the turns.
"""

from __future__ import annotations

import argparse
import logging
import time
import warnings
from collections.abc import Iterator
from itertools import repeat

import lightning as L
import numpy as np
import torch
from torch import Tensor, nn

BATCH = (torch.randn(16, 8), torch.randint(3, (16,)))


class Batches:
    """A number of batches that are all the same."""

    def __init__(self, batch: object, count: int) -> None:
        self.batch, self.count = batch, count

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[object]:
        return repeat(self.batch, self.count)


class Module(L.LightningModule):
    """A linear layer with AdamW."""

    def __init__(self, *, manual: bool) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 3)
        self.automatic_optimization = not manual

    def training_step(self, batch: list[tuple[Tensor, Tensor]] | tuple[Tensor, Tensor], _: int) -> Tensor | None:
        if self.automatic_optimization:
            return nn.functional.cross_entropy(self.layer(batch[0]), batch[1])
        take_steps(self.layer, self.optimizers().optimizer, batch)
        return None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.AdamW(self.parameters(), fused=True)


def take_steps(layer: nn.Module, optimizer: torch.optim.Optimizer, batches: list[tuple[Tensor, Tensor]]) -> None:
    """One optimizer step for each batch."""
    for x, y in batches:
        optimizer.zero_grad()
        nn.functional.cross_entropy(layer(x), y).backward()
        optimizer.step()


def plain(steps: int) -> None:
    layer = nn.Linear(8, 3)
    take_steps(layer, torch.optim.AdamW(layer.parameters(), fused=True), [BATCH] * steps)


def fitted(steps: int, batches_per_step: int = 0) -> None:
    """Trains with Lightning; several batches in one of its steps if `batches_per_step` is set."""
    several = [BATCH] * batches_per_step
    data = Batches(several, steps // batches_per_step) if batches_per_step else Batches(BATCH, steps)
    trainer = L.Trainer(
        max_epochs=1, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(Module(manual=bool(batches_per_step)), data)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    loops = {
        "plain loop": plain,
        "Lightning": fitted,
        "Lightning, 64 batches a step": lambda steps: fitted(steps, 64),
    }
    taken: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(arguments.turns):
        for name, loop in loops.items():
            begun = time.process_time()
            loop(arguments.steps)
            taken[name].append((time.process_time() - begun) / arguments.steps)
    print("| CPU time of a step | median |\n|---|---|")
    for name, seconds in taken.items():
        print(f"| {name} | {1e6 * np.median(seconds):.0f} µs |")


if __name__ == "__main__":
    main()
