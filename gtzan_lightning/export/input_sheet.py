"""How the input of an exported model is made and its output read, as plain data for whoever uses it elsewhere."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gtzan_lightning.datamodule.slices import lengths_in_rows
from gtzan_lightning.export.example import example_script
from gtzan_lightning.export.formats import INPUT, OUTPUT
from gtzan_lightning.features.request import WHOLE_CLIP_S
from gtzan_lightning.prediction.trained import TrainedRun
from gtzan_lightning.runs.card import versions
from gtzan_lightning.split_data import frame_settings

SCHEMA = 1
HOW_TO = (
    "Read the audio as `audio` says and compute `features`: rows, one a window or a frame, with the columns in this "
    "order, in their own units.",
    "Cut the rows as `slicing` says: each slice is `steps` steps, each step the mean of `rows_per_step` rows; the next "
    "slice begins `rows_per_hop` rows later. A slice that would run over the end is left out.",
    "Give the slices to the model as they are. Standardisation, temperature and softmax are inside the graph; "
    "`standardisation` says what it does, and nobody need do it again.",
    "The answer for a file is the mean of the probabilities of its slices.",
    "`example` does all this: python example.py THIS_FILE MODEL AUDIO_FILE.",
)


def input_sheet(run: TrainedRun, file: str, to: str) -> dict[str, Any]:
    """All that somebody needs to use the model in `file` without this project.

    Args:
        run: the trained run.
        file: name of the model's file.
        to: a name of `export_formats.FORMATS`.
    """
    features, lengths = run.config.features, run.config.slice
    row_s = features.row_s(lengths.step_s)
    whole_clip = not features.framed and row_s == WHOLE_CLIP_S
    rows_per_step, steps, rows_per_hop = lengths_in_rows(
        row_s, lengths.seconds, lengths.step_s, lengths.hop_s, framed=features.framed
    )
    script = example_script(features.name, whole_clip=whole_clip, deltas=features.deltas, to=to)
    return {
        "schema": SCHEMA,
        "how_to": list(HOW_TO if script else HOW_TO[:-1]),
        "model": {"file": file, "format": to, "run": run.name, "name": type(run.model).__name__},
        "input": {
            "name": INPUT,
            "type": "float32",
            "shape": ["batch", *run.shape],
            "axes": ["any number of slices", "steps, as many as in training", "features, in their own units"],
        },
        "output": {
            "name": OUTPUT,
            "type": "float32",
            "shape": ["batch", len(run.genres)],
            "genres": list(run.genres),
            "temperature": run.temperature,
            "calibrated": run.temperature is not None,
        },
        "audio": _audio(features.sample_rate_hz),
        "features": {
            "name": features.name,
            "columns": list(run.columns),
            "row_s": row_s,
            "row_is": _row_is(features.framed, whole_clip),
            **(asdict(frame_settings(run.config)) if features.framed else {}),
        },
        "slicing": {
            "seconds": lengths.seconds,
            "steps": steps,
            "rows_per_step": rows_per_step,
            "rows_per_hop": rows_per_hop,
        },
        "standardisation": _standardisation(run),
        "versions": versions(),
        "example": script.splitlines(),
    }


def _audio(sample_rate_hz: int) -> dict[str, Any]:
    return {
        "sample_rate_hz": sample_rate_hz,
        "channels": "averaged to one",
        "samples": "floating point, full scale is 1",
        "resampling": "soxr, quality HQ",
    }


def _row_is(framed: bool, whole_clip: bool) -> str:
    if framed:
        return "a frame, centred on its time, zeros beyond the ends"
    frames = "means and variances over frames of 2048 samples every 512, as librosa has them, reflected ends"
    if whole_clip:
        return f"the whole clip: {frames}"
    return f"a window of round(row_s * sample_rate_hz) - 1 samples, an incomplete last one left out: {frames}"


def _standardisation(run: TrainedRun) -> dict[str, Any]:
    """As in the checkpoint: one number a feature, or one list of quantiles a feature."""
    scale = run.standardisation
    if not len(scale.quantiles):
        what = "(x - mean) / scale"
        return {"in_graph": True, "what": what, "mean": scale.mean.tolist(), "scale": scale.scale.tolist()}
    return {
        "in_graph": True,
        "what": "each value's share of the training part, by linear interpolation between the quantiles of its "
        "feature (the middle where several are equal), as a normal score between -3.5 and 3.5; 0 for a constant",
        "quantiles": scale.quantiles.T.tolist(),
    }
