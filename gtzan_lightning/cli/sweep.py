"""The end of a multirun: one table of all its jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from gtzan_lightning.errors import GtzanError


class SweepTable(Callback):
    """Remembers where each job wrote, and prints the table when all have ended."""

    def __init__(self) -> None:
        self.folders: list[Path] = []

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        if job_return.hydra_cfg is not None and "num" in config.hydra.job:
            self.folders.append(Path(config.hydra.runtime.output_dir))

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        from gtzan_lightning.report.console import print_sweep  # slow to import, and not needed to start

        print_sweep([(folder, _card(folder)) for folder in dict.fromkeys(self.folders)])


def _card(folder: Path) -> dict[str, Any]:
    """The job's card; a damaged one is one row of the table, not the end of it."""
    from gtzan_lightning.runs.folder import RunFolder

    try:
        return RunFolder(folder).card()
    except GtzanError as error:
        return {"status": "damaged", "error": str(error)}
