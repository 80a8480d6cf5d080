"""The model info of an export as plain data: how to compute its input and read its output, with an example script."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from gtzan_lightning.datamodule.slices import lengths_in_rows
from gtzan_lightning.features.feature_request import WHOLE_CLIP_S
from gtzan_lightning.inference.export_formats import INPUT, OUTPUT
from gtzan_lightning.inference.trained_run import TrainedRun
from gtzan_lightning.runs.run_card import versions
from gtzan_lightning.training.split_data import frame_settings

SCHEMA = 1
HOW_TO = (
    "Read the audio as described by `audio` and compute `features`: one row per window or frame, with the columns in "
    "this order, in their original units.",
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
        "model": {"file": file, "format": to, "run": run.name, "name": type(run.model).__name__},
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
        return "a frame, centred on its time, with zeros beyond the ends"
    frames = "means and variances over frames of 2048 samples every 512, as in librosa, with reflected ends"
    if whole_clip:
        return f"the whole clip: {frames}"
    return f"a window of round(row_s * sample_rate_hz) - 1 samples, an incomplete last one left out: {frames}"


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


READING = """\
import json, sys
import librosa, numpy as np, soundfile, soxr

sheet = json.load(open(sys.argv[1]))  # this file
settings, slicing, rate = sheet["features"], sheet["slicing"], sheet["audio"]["sample_rate_hz"]
y, own_rate = soundfile.read(sys.argv[3], dtype="float32", always_2d=True)
y = y.mean(axis=1)
if own_rate != rate:
    y = soxr.resample(y, own_rate, rate, quality="HQ")
"""
STATS = """\

def window_stats(y):
    reflect = {"pad_mode": "reflect"}
    onsets = librosa.onset.onset_strength(y=y, sr=rate, aggregate=np.median, **reflect)
    series = [librosa.feature.chroma_stft(y=y, sr=rate, **reflect), librosa.feature.rms(y=y, **reflect),
              librosa.feature.spectral_centroid(y=y, sr=rate, **reflect),
              librosa.feature.spectral_bandwidth(y=y, sr=rate, **reflect),
              librosa.feature.spectral_rolloff(y=y, sr=rate, **reflect),
              librosa.feature.zero_crossing_rate(y), *librosa.effects.hpss(y, **reflect)]
    tempo = librosa.feature.tempo(onset_envelope=onsets, sr=rate)[0] if onsets.any() else 0.0
    cepstra = librosa.feature.mfcc(y=y, sr=rate, n_mfcc=20, **reflect)
    moments = lambda parts: [m for part in parts for m in (part.mean(), part.var())]
    return [len(y), *moments(series), tempo, *moments(cepstra)]
"""
WINDOWS = """\

n = round(settings["row_s"] * rate)  # windows of the published tables lack the last sample
rows = np.array([window_stats(y[start : start + n - 1]) for start in range(0, len(y) - n + 2, n)])
"""
WHOLE_CLIP = """\

rows = np.array([window_stats(y)])  # one row for the whole clip
"""
FRAMES = """\

frames = {"n_fft": settings["n_fft"], "hop_length": settings["hop_length_samples"], "n_mels": settings["n_mels"],
          "pad_mode": "constant"}
"""
MFCC = """\
rows = librosa.feature.mfcc(y=y, sr=rate, n_mfcc=settings["n_mfcc"], **frames).T
"""
LOGMEL = """\
rows = librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=rate, **frames), top_db=None).T
"""
DELTAS = """\
rows = np.hstack([rows, librosa.feature.delta(rows.T).T])
"""
SLICES = """\

steps, per_step, hop = slicing["steps"], slicing["rows_per_step"], slicing["rows_per_hop"]
starts = range(0, len(rows) - steps * per_step + 1, hop)
x = np.array([rows[s : s + steps * per_step].reshape(steps, per_step, -1).mean(axis=1) for s in starts], np.float32)
"""
RUNNING = {
    "onnx": """\
import onnxruntime
p = onnxruntime.InferenceSession(sys.argv[2]).run(["probabilities"], {"features": x})[0]
""",
    "torch-export": """\
import torch
p = torch.export.load(sys.argv[2]).module()(torch.from_numpy(x)).detach().numpy()
""",
}
OUTPUT_LINE = """\
print(json.dumps(dict(zip(sheet["output"]["genres"], p.mean(axis=0).tolist()))))
"""


def example_script(features: str, *, whole_clip: bool, deltas: bool, to: str) -> str:
    """A script that maps an audio file to probabilities without this package; empty for custom features.

    Args:
        features: `stats`, `mfcc` or `logmel`.
        whole_clip: whether `stats` describe whole clips.
        deltas: whether frames include delta features.
        to: a name of `export_formats.FORMATS`.
    """
    rows = {
        "stats": STATS + (WHOLE_CLIP if whole_clip else WINDOWS),
        "mfcc": FRAMES + MFCC + DELTAS * deltas,
        "logmel": FRAMES + LOGMEL + DELTAS * deltas,
    }
    return READING + rows[features] + SLICES + RUNNING[to] + OUTPUT_LINE if features in rows else ""
