"""What TensorBoard shows beyond the curves: figures, final scores, and one HPARAMS session a run."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger
from torch.utils.tensorboard.summary import Summary, hparams

from gtzan_lightning.runs.identity import WITHOUT_EFFECT, flat

SHOWN_METRICS = ("accuracy", "f1")


class EventLogger(TensorBoardLogger):
    """Event files alone: the run's configuration is in config.yaml, and an hparams.yaml would only repeat it."""

    def save(self) -> None:
        """Flushes the event file."""
        self.experiment.flush()


def event_logger(run_dir: Path) -> EventLogger:
    """Writes event files straight into the run folder, so that TensorBoard shows the folder's name."""
    return EventLogger(run_dir.parent, name=run_dir.name, version="", default_hp_metric=False)


def log_results(
    logger: TensorBoardLogger, config: Mapping[str, Any], card: Mapping[str, Any], pictures: Mapping[str, bytes]
) -> None:
    """Final scores, pictures (PNG files) and the HPARAMS session, all in the run's own event file."""
    writer = logger.experiment
    scores = final_scores(card)
    values = {key: _plain(value) for key, value in flat(config).items() if key not in WITHOUT_EFFECT}
    for summary in hparams(values, scores):
        writer.file_writer.add_summary(summary)
    for name, value in scores.items():
        writer.add_scalar(name, value)
    for name, png in pictures.items():
        writer.file_writer.add_summary(_picture(f"figures/{name}", png))
    writer.flush()


def final_scores(card: Mapping[str, Any]) -> dict[str, float]:
    """`<part>/<level>_<metric>` of the best epoch; the curve of an epoch's scores has another name."""
    return {
        f"final_{part}/{level}_{metric}": card["metrics"][part][level][metric]
        for part in ("val", "test")
        for level in ("window", "clip", "clip_vote")
        for metric in SHOWN_METRICS
    }


def _picture(tag: str, png: bytes) -> Summary:
    """A finished PNG as TensorBoard keeps it; its `add_figure` would draw the figure a second time."""
    width, height = struct.unpack(">II", png[16:24])  # the header's first two fields (PNG specification, 11.2.2)
    image = Summary.Image(height=height, width=width, colorspace=4, encoded_image_string=png)  # 4 is RGBA
    return Summary(value=[Summary.Value(tag=tag, image=image)])


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str)) else str(value)
