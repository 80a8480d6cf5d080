"""`gtzan train` and `train.py`: trains one model on one split, or with `-m` every combination of the swept values.

The arguments are Hydra's, so this command parses none itself.
"""

from __future__ import annotations

import atexit
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from gtzan_lightning.sweeps.launch import launch
from gtzan_lightning.utils.memory import without_collection


def main(cfg: DictConfig) -> float | None:
    """Runs one job; returns its validation accuracy of clips, which a search maximises, if there is one."""
    with without_collection():  # imports torch, which takes a second: a mistake is reported without it
        from gtzan_lightning.report.console import print_line, print_run
        from gtzan_lightning.sweeps.search import run_trial
        from gtzan_lightning.training.train import train
    atexit.register(gc.freeze)  # else Python looks for cycles among all objects of torch when it ends: half a second

    hydra = HydraConfig.get()
    folder, overrides = Path(hydra.runtime.output_dir), list(hydra.overrides.task)
    if cfg.search.folds:
        return run_trial(cfg, folder, overrides)
    result = train(cfg, folder=folder, overrides=overrides)
    if not result.scored:
        return None
    if hydra.mode == RunMode.MULTIRUN:
        print_line(result.card, result.folder)  # the session prints the table of all jobs at the end
    else:
        print_run(result.card, result.folder)
        print(f"Next: gtzan report, gtzan predict {result.folder.name} song.mp3")
    return result.card["metrics"]["val"]["clip"]["accuracy"] if "val" in result.card["metrics"] else None


def run(arguments: Sequence[str]) -> int:
    """Trains as `train.py` does, from any folder.

    Args:
        arguments: overrides and options of Hydra.
    """
    sys.argv = [__file__, *arguments]  # Lightning starts further processes of trainer=ddp with this script
    return launch(main, arguments)


if __name__ == "__main__":
    sys.exit(launch(main))
