"""A short script that goes with an exported model: from an audio file to its probabilities without this project.

A test runs it beside `predict`.
"""

from __future__ import annotations

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

n = round(settings["row_s"] * rate)  # the published windows lack the last sample
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
ANSWER = """\
print(json.dumps(dict(zip(sheet["output"]["genres"], p.mean(axis=0).tolist()))))
"""


def example_script(features: str, *, whole_clip: bool, deltas: bool, to: str) -> str:
    """The script for a kind of features; empty for a kind of somebody's own.

    Args:
        features: `stats`, `mfcc` or `logmel`.
        whole_clip: whether `stats` are those of whole clips.
        deltas: whether frames have their differences beside them.
        to: a name of `export_formats.FORMATS`.
    """
    rows = {
        "stats": STATS + (WHOLE_CLIP if whole_clip else WINDOWS),
        "mfcc": FRAMES + MFCC + DELTAS * deltas,
        "logmel": FRAMES + LOGMEL + DELTAS * deltas,
    }
    return READING + rows[features] + SLICES + RUNNING[to] + ANSWER if features in rows else ""
