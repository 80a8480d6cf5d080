"""MusiCNN: the checkpoint reader, the network against a literal transcription, and published tags of GTZAN's clips."""

from __future__ import annotations

from importlib import metadata

import librosa
import numpy as np
import pytest
import soundfile
import soxr
import torch
from torch.nn import functional

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features import musicnn_network
from gtzan_lightning.features.audio_reading import read_audio
from gtzan_lightning.features.extraction import analyse_file
from gtzan_lightning.features.feature_request import FeatureRequest, FrameSettings, feature_columns
from gtzan_lightning.features.kinds import musicnn
from gtzan_lightning.features.kinds.musicnn import TAGS
from gtzan_lightning.features.musicnn_network import MusiCNN, cut_windows, load, log_mel, read_checkpoint
from gtzan_lightning.features.musicnn_onnx import OnnxMusiCNN

from .librosa_reference import music

KERNELS = ((7, 38, 1, 204), (7, 67, 1, 204), (128, 1, 1, 51), (64, 1, 1, 51), (32, 1, 1, 51), (7, 561, 1, 64))
WIDTHS = (1, 204, 204, 51, 51, 51, 64, 64, 64, 1506, 200)  # of the normalisations
PUBLISHED_HOP = 61  # frames from one published row to the next: 1 s as the package counts
OVERFLOWING = 6.55  # 10000 x is infinite in the half precision of the package above this


@pytest.fixture(scope="module")
def random_weights():
    """Weights of the right shapes, with scales of both signs."""
    rng = np.random.default_rng(0)
    shapes = {
        f"conv2d{number}/kernel": shape for number, shape in enumerate((*KERNELS, (7, 64, 1, 64), (7, 64, 1, 64)))
    }
    shapes |= {name.replace("kernel", "bias"): shape[-1:] for name, shape in shapes.items()}
    shapes |= {"dense/kernel": (1506, 200), "dense/bias": (200,), "dense_1/kernel": (200, 50), "dense_1/bias": (50,)}
    for number, width in enumerate(WIDTHS):
        parts = ("beta", "gamma", "moving_mean", "moving_variance")
        shapes |= {f"batch_normalization_{number}/{part}": (width,) for part in parts}
    weights = {}
    for name, shape in shapes.items():
        name = name.replace("conv2d0", "conv2d").replace("conv2d", "conv2d_").replace("conv2d_/", "conv2d/")
        values = rng.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))
        weights[name.replace("_0/", "/")] = np.abs(values) if "variance" in name else values
    return {name: torch.tensor(values, dtype=torch.float32) for name, values in weights.items()}


def transcribed(weights, mel):
    """The layers of the package's models.py, one after another, without any rearrangement."""

    def normalised(x, number, axis):
        name = f"batch_normalization_{number}" if number else "batch_normalization"
        gamma, beta, mean, variance = (
            weights[f"{name}/{part}"].double() for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        shape = [-1 if each == axis else 1 for each in range(x.ndim)]
        return (x - mean.view(shape)) / torch.sqrt(variance.view(shape) + 1e-3) * gamma.view(shape) + beta.view(shape)

    def convolved(x, number, padding):
        name = f"conv2d_{number}" if number else "conv2d"
        kernel = weights[f"{name}/kernel"].double().permute(3, 2, 0, 1)
        out = functional.conv2d(functional.pad(x, padding), kernel, weights[f"{name}/bias"].double()).relu()
        return normalised(out, number + 1, 1)

    x = normalised(mel.double()[None, None], 0, 1)
    front = [convolved(x, number, (0, 0, 3, 3)).amax(3) for number in (0, 1)]
    for number, length in ((2, 128), (3, 64), (4, 32)):
        front.append(convolved(x, number, (0, 0, (length - 1) // 2, length // 2)).amax(3))
    first = torch.cat(front, 1)
    one = convolved(first.transpose(1, 2)[:, None], 5, (0, 0, 3, 3))[..., 0]
    two = convolved(one.transpose(1, 2)[:, None], 6, (0, 0, 3, 3))[..., 0] + one
    three = convolved(two.transpose(1, 2)[:, None], 7, (0, 0, 3, 3))[..., 0] + two
    pooled = torch.cat([first, one, two, three], 1)[0]
    flat = torch.stack([pooled.amax(1), pooled.mean(1)], 1).reshape(1, -1)
    dense = normalised(flat, 9, 1) @ weights["dense/kernel"].double() + weights["dense/bias"].double()
    penultimate = normalised(dense.relu(), 10, 1)
    taggram = (penultimate @ weights["dense_1/kernel"].double() + weights["dense_1/bias"].double()).sigmoid()
    return {"penultimate": penultimate, "taggram": taggram, "mean_pool": pooled.mean(1), "max_pool": pooled.amax(1)}


@pytest.mark.parametrize("frames", [50, 187, 300])  # 300: the front end works in two parts
def test_the_network_equals_its_layers_one_by_one(random_weights, frames):
    mel = torch.rand(frames, 96, generator=torch.Generator().manual_seed(frames))
    with torch.inference_mode():
        got, want = MusiCNN(random_weights)(mel), transcribed(random_weights, mel)
    for layer, values in want.items():
        torch.testing.assert_close(got[layer], values.flatten().float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("frames", [50, 187])
def test_onnx_runtime_gives_the_same_activations(random_weights, frames):
    mel = torch.rand(frames, 96, generator=torch.Generator().manual_seed(frames))
    with torch.inference_mode():
        got, want = OnnxMusiCNN(MusiCNN(random_weights))(mel), transcribed(random_weights, mel)
    assert sorted(got) == sorted(want)
    for layer, values in want.items():
        torch.testing.assert_close(got[layer], values.flatten().float(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("frames", "missing", "expected"),
    [(187, None, OnnxMusiCNN), (1875, None, MusiCNN), (187, "onnx", MusiCNN), (187, "onnxruntime", MusiCNN)],
)
def test_onnx_runtime_runs_short_windows_where_it_is_installed(random_weights, monkeypatch, frames, missing, expected):
    monkeypatch.setattr(musicnn, "find_spec", lambda name: None if name == missing else name)
    network = MusiCNN(random_weights)
    assert type(musicnn._fastest(network, torch.empty(frames, 96))) is expected
    assert musicnn._fastest(network, torch.empty(frames, 96, device="meta")) is network  # any other device


@pytest.mark.slow
def test_log_mel_is_that_of_librosa():
    y = music(2.0)
    power = librosa.feature.melspectrogram(y=y, sr=16_000, n_fft=512, hop_length=256, n_mels=96, pad_mode="constant")
    got = log_mel(torch.from_numpy(y))
    np.testing.assert_allclose(got.numpy(), np.log10(10_000 * power.T + 1), atol=2e-5)


def test_windows_of_three_seconds_have_187_frames():
    mel = torch.arange(1876.0)[:, None].expand(-1, 96)
    windows = cut_windows(mel, 480_000, 3.0)
    assert {tuple(window.shape) for window in windows} == {(187, 96)}
    assert [int(window[0, 0]) for window in windows] == [0, 188, 375, 562, 750, 938, 1125, 1312, 1500, 1688]
    assert len(cut_windows(mel, 479_999, 3.0)) == 10  # one sample less, as in the published tables
    assert len(cut_windows(mel, 479_998, 3.0)) == 9


def varint(number):
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def block(entries):
    """A LevelDB block with shared prefixes, one restart point, and the trailer of an uncompressed block."""
    content, before = b"", b""
    for key, value in entries:
        shared = next(n for n in range(len(key), -1, -1) if before.startswith(key[:n]))
        content += varint(shared) + varint(len(key) - shared) + varint(len(value)) + key[shared:] + value
        before = key
    return content + bytes(4) + (1).to_bytes(4, "little"), b"\0crc."


def entry(shape, offset, size):
    """A BundleEntryProto: type float, shape, offset, size and checksum."""
    dimensions = b"".join(b"\x12" + varint(len(d)) + d for d in (b"\x08" + varint(length) for length in shape))
    where = b"\x20" + varint(offset) if offset else b""  # zero is left out
    return b"\x08\x01\x12" + varint(len(dimensions)) + dimensions + where + b"\x28" + varint(size) + b"\x35crc."


def test_checkpoint_with_shared_prefixes_and_scalars():
    arrays = {b"conv/bias": np.arange(200, dtype="<f4"), b"conv/kernel": np.ones((2, 3), "<f4"), b"step": np.float32(7)}
    data, entries = b"", [(b"", b"\x08\x01")]
    for name, array in arrays.items():
        entries.append((name, entry(np.shape(array), len(data), array.nbytes)))
        data += array.tobytes()
    first, trailer = block(entries)
    handle = varint(0) + varint(len(first))
    index, _ = block([(b"t", handle)])
    start = len(first) + len(trailer)
    footer = varint(0) + varint(0) + varint(start) + varint(len(index))
    found = read_checkpoint(first + trailer + index + trailer + footer.ljust(48, b"\0"), data)
    assert list(found) == ["conv/bias", "conv/kernel", "step"]
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name.decode()], array)
        assert found[name.decode()].shape == np.shape(array)


@pytest.mark.parametrize("window_s", [1.0, 30.0])
def test_rows_on_the_grid_of_stats(random_weights, monkeypatch, tmp_path, window_s):
    """Two networks side by side, a row for each complete window, or one for the whole clip."""
    soundfile.write(tmp_path / "clip.wav", music(2.5), 22_050)
    networks = {"msd": MusiCNN(random_weights), "mtt": MusiCNN({k: v + 0.01 for k, v in random_weights.items()})}
    monkeypatch.setattr(musicnn_network, "load", lambda net, _: networks[net])
    settings = FrameSettings(sample_rate_hz=16_000, layer="taggram")
    found = analyse_file(tmp_path / "clip.wav", FeatureRequest("musicnn", window_s, settings)).values
    assert feature_columns("musicnn", settings)[49:52] == ("msd_happy", "mtt_guitar", "mtt_classical")
    mel = log_mel(torch.from_numpy(read_audio(tmp_path / "clip.wav", 16_000, 10.0).signal))
    windows = [mel] if window_s == 30.0 else [mel[:62], mel[62:124]]  # 62.5 frames a second, rounded to even
    with torch.inference_mode():
        want = [torch.cat([networks[net](window)["taggram"] for net in ("msd", "mtt")]) for window in windows]
    np.testing.assert_allclose(found, torch.stack(want), rtol=1e-4, atol=1e-6)  # ONNX Runtime, if installed


def test_too_short_for_a_window(tmp_path):
    soundfile.write(tmp_path / "clip.wav", music(1.0), 22_050)
    request = FeatureRequest("musicnn", 3.0, FrameSettings(sample_rate_hz=16_000))
    assert analyse_file(tmp_path / "clip.wav", request).skipped == "too short: 1.00 s, and 3.00 s are needed"


class Installed:
    def __init__(self, root):
        self.root = root

    def locate_file(self, name):
        return self.root / name


def test_weights_that_are_missing_or_damaged(monkeypatch, tmp_path):
    def missing(_):
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(GtzanError) as caught:
        load("msd", tmp_path)
    assert str(caught.value) == (
        "features=musicnn needs the trained weights of the package musicnn (29 MB, ISC licence):\n"
        "pip install --no-deps musicnn==0.1.0"
    )
    monkeypatch.setattr(metadata, "distribution", lambda _: Installed(tmp_path))
    with pytest.raises(GtzanError) as caught:
        load("mtt", tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}/musicnn/MTT_musicnn/.index: not the file of musicnn 0.1.0.\n"
        "Install it again: pip install --no-deps --force-reinstall musicnn==0.1.0"
    )


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory):
    """Converted weights of the installed package."""
    try:
        metadata.distribution("musicnn")
    except metadata.PackageNotFoundError:
        pytest.skip("the package musicnn is not installed; `make` installs it")
    return tmp_path_factory.mktemp("weights")


def test_weights_are_converted_once(weights_dir, monkeypatch):
    with torch.inference_mode():
        first = load("msd", weights_dir)(torch.zeros(40, 96))
        load.cache_clear()
        monkeypatch.setattr(musicnn_network, "read_weights", None)
        again = load("msd", weights_dir)(torch.zeros(40, 96))
    assert [path.name for path in weights_dir.iterdir()] == ["musicnn-msd-8579734ee6388f79.safetensors"]
    assert all(torch.equal(first[layer], again[layer]) for layer in first)
    assert all(values.isfinite().all() for values in again.values())


def mel_of(path):
    y, rate_hz = soundfile.read(path, dtype="float32")
    return log_mel(torch.from_numpy(soxr.resample(y, rate_hz, 16_000)))


def clip(root, name):
    path = root / "genres_original" / name.split(".")[0] / f"{name}.wav"
    if not path.is_file():
        pytest.skip("GTZAN_ROOT has no genres_original/")
    return path


@pytest.mark.slow
@pytest.mark.gtzan
def test_published_taggrams(gtzan_root, weights_dir):
    """Tags that others computed with the package; its half precision differs for loud sound."""
    files = sorted((gtzan_root.parent / "embeddings").glob("*_GTZAN_MSDmusicnn_taggram.npz"))
    if not files:
        pytest.skip("no folder embeddings/ with published taggrams beside GTZAN_ROOT")
    published = [np.load(file) for file in files]
    ids, rows = (np.concatenate([part[key] for part in published]) for key in ("IDS", "X"))
    network, differences = load("msd", weights_dir), []
    for name in ("blues.00028", "classical.00035", "jazz.00014", "disco.00063", "metal.00039"):
        want = rows[ids == f"{name.split('.')[0]}/{name}.au"][::4]
        mel = mel_of(clip(gtzan_root, name))
        starts = PUBLISHED_HOP * np.arange(0, 28, 4)
        with torch.inference_mode():
            got = np.array([network(mel[start : start + 187])["taggram"].numpy() for start in starts])
        loud = float((mel > np.log10(10_000 * OVERFLOWING)).float().mean())
        differences.append(np.abs(got - want).mean())
        assert np.corrcoef(got.ravel(), want.ravel())[0, 1] > (0.9999 if loud < 0.008 else 0.99)
        assert loud >= 0.008 or differences[-1] < 2e-4
    assert np.mean(differences) < 0.003


@pytest.mark.slow
@pytest.mark.gtzan
@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("blues.00028", "blues"),
        ("jazz.00054", "jazz"),
        ("hiphop.00002", "Hip-Hop"),
        ("pop.00000", "pop"),
        ("rock.00017", "rock"),
    ],
)
def test_the_genre_is_the_first_or_second_tag(gtzan_root, weights_dir, name, tag):
    mel = mel_of(clip(gtzan_root, name))
    with torch.inference_mode():
        taggrams = [load("msd", weights_dir)(window)["taggram"] for window in cut_windows(mel, 480_000, 3.0)[::3]]
    order = torch.stack(taggrams).mean(dim=0).argsort(descending=True)
    assert tag in [TAGS["msd"][position] for position in order[:2]]
