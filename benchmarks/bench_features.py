"""Speed of feature extraction against the same features computed with librosa, in the same run and interleaved.

    python benchmarks/bench_features.py [--root GENRES_FOLDER] [--clips 6] [--repeats 5]

Prints, for one 30-s clip on one core, the time for the 58 columns of all ten 3-s windows plus the 30-s row, and for
mfcc and logmel frames, ours and librosa's in turn (median and quartiles), the speed-up of two processes over one, the
time of each step of ours, and that of MusiCNN's two networks in ONNX Runtime and in PyTorch. Without a folder of audio,
30-s clips are generated. Needs librosa: `pip install -e .[dev]`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from gtzan_lightning.features import chroma, separation, spectrum, window_stats
from gtzan_lightning.features.extraction import extract
from gtzan_lightning.features.feature_request import FeatureRequest, FrameSettings
from gtzan_lightning.features.kinds.musicnn import TAGS
from gtzan_lightning.features.musicnn_network import MusiCNN, cut_windows, log_mel, read_weights
from gtzan_lightning.features.musicnn_onnx import OnnxMusiCNN
from gtzan_lightning.features.spectrum import frame_features

RATE_HZ = 22050
REFLECT = {"pad_mode": "reflect"}
N_FILES = 48  # for the comparison of one process with two
Signal = NDArray[np.float32]

HEADER = (
    f"| generated 30-s clips, CPU time | this project | librosa {'.'.join(librosa.__version__.split('.')[:2])} | "
    "times faster |\n|---|---|---|---|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder with <genre>/<clip>; default: generated clips")
    parser.add_argument("--clips", type=int, default=6, help="clips to measure on")
    parser.add_argument("--repeats", type=int, default=5, help="turns of ours and librosa's on each clip")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    threadpool_limits(1)
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        files = _files(arguments.root, arguments.clips, Path(folder))
        signals = [soundfile.read(file, dtype="float32")[0] for file in files]
        _compare_all(signals, arguments.repeats)
        _two_processes(files, Path(folder))
        _profile(signals[0])
        _musicnn(signals, arguments.repeats)


def _compare_all(signals: list[Signal], repeats: int) -> None:
    settings = FrameSettings()
    print(
        f"one core, {len(signals)} clips of about {len(signals[0]) / RATE_HZ:.0f} s, {repeats} turns each, CPU time\n"
    )
    print(HEADER)
    _compare("`stats`: ten 3-s windows and the 30-s row", our_stats, librosa_stats, signals, repeats)
    _compare(
        "`mfcc`, 13",
        lambda y: frame_features("mfcc", torch.from_numpy(y), settings),
        lambda y: librosa.feature.mfcc(y=y, sr=RATE_HZ, n_mfcc=13),
        signals,
        repeats * 4,
    )
    _compare(
        "`logmel`, 128",
        lambda y: frame_features("logmel", torch.from_numpy(y), settings),
        lambda y: librosa.power_to_db(librosa.feature.melspectrogram(y=y, sr=RATE_HZ), top_db=None),
        signals,
        repeats * 4,
    )


def our_stats(y: Signal) -> None:
    signal = torch.from_numpy(y)
    window_stats.window_stats(window_stats.cut_windows(signal, RATE_HZ, 3.0), RATE_HZ)
    window_stats.window_stats(signal.unsqueeze(0), RATE_HZ)


def librosa_stats(y: Signal) -> None:
    for window in [*(y[s * 66150 : s * 66150 + 66149] for s in range((len(y) + 1) // 66150)), y]:
        librosa_columns(window)


def librosa_columns(y: Signal) -> None:
    """The 58 columns of one window, each by its own librosa call, as in the published tables."""
    for series in (
        librosa.feature.chroma_stft(y=y, sr=RATE_HZ, **REFLECT),
        librosa.feature.rms(y=y, **REFLECT),
        librosa.feature.spectral_centroid(y=y, sr=RATE_HZ, **REFLECT),
        librosa.feature.spectral_bandwidth(y=y, sr=RATE_HZ, **REFLECT),
        librosa.feature.spectral_rolloff(y=y, sr=RATE_HZ, **REFLECT),
        librosa.feature.zero_crossing_rate(y),
        *librosa.effects.hpss(y, **REFLECT),
        *librosa.feature.mfcc(y=y, sr=RATE_HZ, n_mfcc=20, **REFLECT),
    ):
        series.mean(), series.var()
    onsets = librosa.onset.onset_strength(y=y, sr=RATE_HZ, aggregate=np.median, **REFLECT)
    librosa.feature.tempo(onset_envelope=onsets, sr=RATE_HZ)


def _compare(
    name: str, ours: Callable[[Any], object], theirs: Callable[[Any], object], signals: list[Any], repeats: int
) -> None:
    """Times both in turn, so that other load on the machine affects both."""
    ours(signals[0]), theirs(signals[0])  # compile, fill caches
    pairs = np.array([(_seconds(ours, y), _seconds(theirs, y)) for _ in range(repeats) for y in signals])
    ratios = pairs[:, 1] / pairs[:, 0]
    cells = [quartiles(pairs[:, 0] * 1e3, "ms"), quartiles(pairs[:, 1] * 1e3, "ms"), quartiles(ratios)]
    print(f"| {name} | {' | '.join(cells)} |")


def _seconds(function: Callable[[Any], object], y: Any) -> float:
    """CPU time, which excludes other processes."""
    begun = time.process_time()
    function(y)
    return time.process_time() - begun


def quartiles(values: NDArray[np.float64], unit: str = "") -> str:
    low, middle, high = np.percentile(values, [25, 50, 75])
    return f"{middle:,.1f}{f' {unit}' if unit else ''} ({low:,.1f}-{high:,.1f})"


def _profile(y: Signal) -> None:
    """Prints the time of each step for one whole clip."""
    signal = torch.from_numpy(y).unsqueeze(0)
    spectra = spectrum.stft(signal)
    magnitudes, *_ = window_stats.spectral_shape(spectra, RATE_HZ)
    power = magnitudes**2
    bands = spectrum.mel_spectrum(power, RATE_HZ, window_stats.N_MELS)
    decibels = spectrum.power_to_db(bands.double())
    parts: dict[str, Callable[[], object]] = {
        "spectra (STFT)": lambda: spectrum.stft(signal),
        "magnitudes, centroid, bandwidth, rolloff": lambda: window_stats.spectral_shape(spectra, RATE_HZ),
        "mel bands": lambda: spectrum.mel_spectrum(power, RATE_HZ, window_stats.N_MELS),
        "decibels and cepstra": lambda: (
            spectrum.power_to_db(bands.double()) @ spectrum.dct_bank(window_stats.N_MELS, 20)
        ),
        "tuning and chroma": lambda: chroma.chroma(power, RATE_HZ),
        "both medians and the mask": lambda: separation.harmonic_mask(magnitudes),
        "resynthesis (inverse STFT)": lambda: spectrum.istft(spectra, signal.shape[1]),
        "tempo": lambda: window_stats.tempo_bpm(decibels.float(), RATE_HZ),
        "rms and zero crossings": lambda: (window_stats.rms(signal), window_stats.zero_crossing_rate(signal)),
    }
    print("\ntime of each step, 30-s row of one clip")
    for name, part in parts.items():
        times = [_seconds(lambda _, part=part: part(), y) for _ in range(15)]  # type: ignore[misc]
        print(f"  {name:44}{quartiles(np.array(times[3:]) * 1e3, 'ms'):>22}")


def _musicnn(signals: list[Signal], repeats: int) -> None:
    """Prints the time of the ten windows of a clip; needs the package `musicnn` and the extra `export`."""
    networks = [MusiCNN(read_weights(net)) for net in TAGS]
    windows = [cut_windows(log_mel(torch.from_numpy(y[:480_000])), 480_000, 3.0) for y in signals]
    in_onnx = [OnnxMusiCNN(network) for network in networks]
    several = [
        lambda clip, each=each: [network(window) for network in each for window in clip] for each in (in_onnx, networks)
    ]
    print("\n| CPU time | ONNX Runtime | PyTorch | times faster |\n|---|---|---|---|")
    _compare("`musicnn`: ten windows, two networks", *several, windows, repeats)


def _two_processes(files: list[Path], folder: Path) -> None:
    """Prints the wall time for whole files, reading and cache included, in one process and in two."""
    request = FeatureRequest("stats", 3.0, FrameSettings())
    copies = []
    for i in range(N_FILES):
        y, rate_hz = soundfile.read(files[i % len(files)], dtype="float32")
        copies.append(folder / f"copy{i}.wav")
        soundfile.write(copies[-1], np.roll(y, i), rate_hz)
    seconds = {}
    for turn, n_jobs in enumerate((2, 1, 2, 1, 2)):  # the first turn starts the workers
        begun = time.perf_counter()
        extract(copies, request, folder / f"cache{turn}", n_jobs)
        seconds.setdefault(n_jobs, []).append(time.perf_counter() - begun)
    one, two = np.median(seconds[1]), np.median(seconds[2][1:])
    name = f"{len(copies)} files in two processes instead of one, wall time"
    print(f"| {name} | {two:.1f} s | {one:.1f} s in one | {one / two:.2f} |")
    print(f"\nload of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


def _files(root: Path | None, count: int, folder: Path) -> list[Path]:
    if root is not None:
        found = sorted(path for path in root.glob("*/*") if path.suffix in (".wav", ".au", ".flac"))
        return found[:: max(1, len(found) // count)][:count]
    return [generate(folder / f"clip{seed}.wav", seed) for seed in range(count)]


def generate(path: Path, seed: int) -> Path:
    """Writes thirty seconds of tones over a noise beat."""
    rng = np.random.default_rng(seed)
    t = np.arange(30 * RATE_HZ) / RATE_HZ
    tones = sum(np.sin(2 * np.pi * hz * t) for hz in rng.uniform(80, 2000, 12)) / 40
    beat = 0.3 * rng.standard_normal(len(t)) * np.exp(-30 * np.mod(t, 60 / rng.uniform(70, 160)))
    soundfile.write(path, tones + beat, RATE_HZ)
    return path


if __name__ == "__main__":
    main()
