"""The model info of an export as plain data: how to compute its input and read its output, with an example script."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Template

from gtzan_lightning.datamodule.slices import lengths_in_rows
from gtzan_lightning.features.feature_request import WHOLE_CLIP_S, feature_columns
from gtzan_lightning.features.kinds import NAMES, is_framed, kind_named, pretraining
from gtzan_lightning.inference.export_formats import INPUT, OUTPUT
from gtzan_lightning.inference.trained_run import TrainedRun
from gtzan_lightning.runs.run_card import versions
from gtzan_lightning.training.split_data import frame_settings

SCHEMA = 1
WINDOW_IS = {
    "stats": "means and variances over frames of 2048 samples every 512, as in librosa, with reflected ends; a window "
    "lacks its last sample",
    "musicnn": "activations for the (row_s * sample_rate_hz) // 256 frames of 512 samples every 256 from its start, of "
    "log10(10000 x + 1) of librosa's mel spectrum in 96 bands, with zeros beyond the ends of the file",
}
HOW_TO = (
    "Read the audio as described by `audio` and compute `features`: one row per window or frame, with `columns` in "
    "this order, in their original units; `computed` lists all columns that the features have.",
    "Slice the rows as described by `slicing`: each slice has `steps` steps, each step is the mean of `rows_per_step` "
    "rows; the next slice starts `rows_per_hop` rows later. An incomplete last slice is left out.",
    "Pass the slices to the model unscaled. Standardisation, temperature and softmax are part of the graph; "
    "`standardisation` documents the first.",
    "The prediction for a file is the mean of the probabilities of its slices.",
    "`example` is a script for all this: python example.py THIS_FILE MODEL AUDIO_FILE.",
)


def input_sheet(run: TrainedRun, file: str, to: str) -> dict[str, Any]:
    """Everything needed to use the exported model without this package.

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
        "model": {"file": file, "format": to, "run": run.name, "name": run.model.name},
        "input": {
            "name": INPUT,
            "type": "float32",
            "shape": ["batch", *run.shape],
            "axes": ["any number of slices", "steps, as many as in training", "features, in their original units"],
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
            "computed": list(_computed_columns(run)),
            "row_s": row_s,
            "row_is": _row_is(features.name, framed=features.framed, whole_clip=whole_clip),
            **_settings(run),
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


def _computed_columns(run: TrainedRun) -> tuple[str, ...]:
    """The columns that the features have before `features.drop`."""
    name = run.config.features.name
    return feature_columns(name, frame_settings(run.config)) if name in NAMES else run.columns


def _settings(run: TrainedRun) -> dict[str, Any]:
    """The settings that the features depend on."""
    name = run.config.features.name
    settings = asdict(frame_settings(run.config))
    if is_framed(name):
        return settings
    return {**{key: settings[key] for key in sorted(kind_named(name).SETTINGS)}, **(pretraining(name) or {})}


def _audio(sample_rate_hz: int) -> dict[str, Any]:
    return {
        "sample_rate_hz": sample_rate_hz,
        "channels": "averaged to one",
        "samples": "floating point, full scale is 1",
        "resampling": "soxr, quality HQ",
    }


def _row_is(name: str, *, framed: bool, whole_clip: bool) -> str:
    if framed:
        return "a frame, centred on its time, with zeros beyond the ends"
    if whole_clip:
        return f"the whole clip: {WINDOW_IS[name]}"
    return f"a window of row_s, an incomplete last one left out: {WINDOW_IS[name]}"


def _standardisation(run: TrainedRun) -> dict[str, Any]:
    """Per feature a mean and a scale, or a list of quantiles, as in the checkpoint."""
    scale = run.standardisation
    if not len(scale.quantiles):
        what = "(x - mean) / scale"
        return {"in_graph": True, "what": what, "mean": scale.mean.tolist(), "scale": scale.scale.tolist()}
    return {
        "in_graph": True,
        "what": "the normal score of the value's cumulative probability in the training part, which is linearly "
        "interpolated between the quantiles of its feature (the middle where several are equal); clipped to "
        "-3.5..3.5; 0 for a constant",
        "quantiles": scale.quantiles.T.tolist(),
    }


def example_script(features: str, *, whole_clip: bool, deltas: bool, to: str) -> str:
    """A script that maps an audio file to probabilities without this package; empty for custom features.

    Args:
        features: `stats`, `mfcc` or `logmel`.
        whole_clip: whether `stats` describe whole clips.
        deltas: whether frames include delta features.
        to: a name of `export_formats.FORMATS`.
    """
    if features not in ("stats", "mfcc", "logmel"):
        return ""
    text = Path(__file__).with_name("example_script.py.jinja").read_text(encoding="utf-8")
    template = Template(text, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    return template.render(features=features, whole_clip=whole_clip, deltas=deltas, to=to)
