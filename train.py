"""Trains one model on one split: `python train.py model=lstm slice=6s split=grouped`; `--help` says more."""

import sys

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from gtzan_lightning.sweeps.launch import launch


def main(cfg: DictConfig) -> float | None:
    """One job; returns what a search over configurations may maximise: the validation score, never the test's."""
    from pathlib import Path

    from gtzan_lightning.report.console import print_line, print_run  # torch takes a second: only when there is work
    from gtzan_lightning.sweeps.search import run_trial
    from gtzan_lightning.training.train import train

    hydra = HydraConfig.get()
    folder, overrides = Path(hydra.runtime.output_dir), list(hydra.overrides.task)
    if cfg.search.folds:
        return run_trial(cfg, folder, overrides)
    result = train(cfg, folder=folder, overrides=overrides)
    if not result.scored:
        return None
    if result.reused:
        print("Finished before; rerun=true repeats it.")
    if hydra.mode == RunMode.MULTIRUN:
        print_line(result.card, result.folder)  # the table of all jobs comes at the end
    else:
        print_run(result.card, result.folder)
    return result.card["metrics"]["val"]["clip"]["accuracy"]


if __name__ == "__main__":
    sys.exit(launch(main))
