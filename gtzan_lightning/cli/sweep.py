"""The end of a multirun: one table of all its jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class SweepTable(Callback):
    """Remembers where each job wrote, and prints the table when all have ended."""

    def __init__(self) -> None:
        self.folders: list[Path] = []

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        if job_return.hydra_cfg is not None and "num" in config.hydra.job:
            self.folders.append(Path(config.hydra.runtime.output_dir))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        from gtzan_lightning.report.console import print_sweep  # slow to import, and not needed to start
        from gtzan_lightning.runs.folder import RunFolder

        folders = list(dict.fromkeys(self.folders))
        print_sweep([(folder, RunFolder(folder).card()) for folder in folders])
