"""Activations of MusiCNN, a convolutional network trained to tag music (Pons & Serra 2019).

J. Pons and X. Serra, "musicnn: pre-trained convolutional neural networks for music audio tagging", late-breaking demo,
ISMIR 2019. The weights are those of the package `musicnn` 0.1.0 (ISC licence), which is never imported.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gtzan_lightning.features.feature_request import WHOLE_CLIP_S, FrameSettings

if TYPE_CHECKING:  # the column names of cached features are needed without torch
    import torch

    from gtzan_lightning.features.musicnn_network import MusiCNN

FRAMED = False
SETTINGS = frozenset({"layer", "nets"})
REQUIRED = {"sample_rate_hz": 16_000}
PRETRAINED = {
    "network": "MusiCNN",
    "citation": "Pons & Serra, musicnn: pre-trained convolutional neural networks for music audio tagging, ISMIR 2019",
    "weights": "PyPI package musicnn 0.1.0, ISC licence",
    "trained_on": "Million Song Dataset (msd), MagnaTagATune (mtt)",
    "overlap": "unknown",  # whether recordings of GTZAN are in these corpora
}
POOLED = 753  # channels of the front end and of the three layers of the middle part
WIDTHS = {"penultimate": 200, "mean_pool": POOLED, "max_pool": POOLED}  # `taggram`: one column per tag
MSD_TAGS = """
rock,pop,alternative,indie,electronic,female vocalists,dance,00s,alternative rock,jazz,beautiful,metal,
chillout,male vocalists,classic rock,soul,indie rock,Mellow,electronica,80s,folk,90s,chill,instrumental,
punk,oldies,blues,hard rock,ambient,acoustic,experimental,female vocalist,guitar,Hip-Hop,70s,party,
country,easy listening,sexy,catchy,funk,electro,heavy metal,Progressive rock,60s,rnb,indie pop,sad,
House,happy
"""
MTT_TAGS = """
guitar,classical,slow,techno,strings,drums,electronic,rock,fast,piano,ambient,beat,violin,vocal,synth,
female,indian,opera,male,singing,vocals,no vocals,harpsichord,loud,quiet,flute,woman,male vocal,
no vocal,pop,soft,sitar,solo,man,classic,choir,voice,new age,dance,male voice,female vocal,beats,harp,
cello,no voice,weird,country,metal,female voice,choral
"""
TAGS = {net: text.replace("\n", "").split(",") for net, text in (("msd", MSD_TAGS), ("mtt", MTT_TAGS))}


def columns(settings: FrameSettings) -> list[str]:
    """Names of the activations: `msd_penultimate1 ...`, or of the tags, `msd_rock ...`."""
    if settings.layer == "taggram":
        return [f"{net}_{tag}" for net in settings.nets for tag in TAGS[net]]
    numbers = range(1, WIDTHS[settings.layer] + 1)
    return [f"{net}_{settings.layer}{number}" for net in settings.nets for number in numbers]


def rows(signal: torch.Tensor, window_s: float, settings: FrameSettings, weights_dir: Path | None) -> torch.Tensor:
    """Signal `(samples,)` to `(windows, columns)`; one row for the whole signal if `window_s` is `WHOLE_CLIP_S`.

    Windows start every `window_s`, as those of `stats`. An incomplete last window is dropped.

    Args:
        signal: At 16 kHz.
        window_s: Length of a window; the networks were trained on 3 s.
        settings: Layer and networks.
        weights_dir: Folder of the converted weights; None reads those of the installed package each time.
    """
    import torch

    from gtzan_lightning.features import musicnn_network

    mel = musicnn_network.log_mel(signal)
    windows = [mel] if window_s == WHOLE_CLIP_S else musicnn_network.cut_windows(mel, len(signal), window_s)
    found = []
    for net in settings.nets:
        network = _fastest(musicnn_network.load(net, weights_dir).to(signal.device), windows[0])
        with torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False):  # as exact as on the CPU
            found.append(torch.stack([network(window)[settings.layer] for window in windows]))
    return torch.cat(found, dim=1)


def _fastest(network: MusiCNN, window: torch.Tensor) -> Callable[[torch.Tensor], dict[str, torch.Tensor]]:
    """The network, on a CPU in ONNX Runtime, except for long windows, which take more time and memory there."""
    from gtzan_lightning.features.musicnn_network import FRAMES_AT_ONCE

    faster = window.device.type == "cpu" and len(window) <= FRAMES_AT_ONCE
    return _in_onnx_runtime(network) if faster and all(map(find_spec, ("onnx", "onnxruntime"))) else network


@lru_cache(maxsize=len(TAGS))
def _in_onnx_runtime(network: MusiCNN) -> Callable[[torch.Tensor], dict[str, torch.Tensor]]:
    from gtzan_lightning.features.musicnn_onnx import OnnxMusiCNN

    return OnnxMusiCNN(network)


def min_samples(window_s: float, settings: FrameSettings) -> int:
    """Length of the shortest signal that has a row."""
    from gtzan_lightning.features.musicnn_network import N_FFT

    return N_FFT if window_s == WHOLE_CLIP_S else round(window_s * settings.sample_rate_hz) - 1


def prepare(weights_dir: Path) -> None:
    """Converts the weights of all networks, unless that was done before.

    Raises:
        GtzanError: The package with the weights is missing or damaged.
    """
    from gtzan_lightning.features import musicnn_network

    for net in TAGS:
        musicnn_network.load(net, weights_dir)
