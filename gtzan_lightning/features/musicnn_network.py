"""MusiCNN in PyTorch, with the weights of the TensorFlow checkpoints in the package `musicnn`.

After J. Pons et al., "End-to-end learning for music audio tagging at scale" (ISMIR 2018), and the code of the package.
Neither TensorFlow nor the package is imported: the checkpoints are read with NumPy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torch.nn import functional

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.spectrum import mel_spectrum
from gtzan_lightning.utils.files import write_atomically

RATE_HZ = 16_000
N_FFT = 512
HOP = 256  # samples from one frame to the next
N_MELS = 96
FRAMES_AT_ONCE = 256  # frames of a long signal that pass the front end together, which limits memory
POSITIONS_AT_ONCE = 6  # of a filter along the bands
EPSILON = 1e-3  # TensorFlow's default of batch normalisation
PACKAGE, VERSION = "musicnn", "0.1.0"
INSTALL = f"pip install --no-deps {PACKAGE}=={VERSION}"
SHA256 = {  # of the files .index and .data-00000-of-00001
    "msd": (
        "87f3e0f3550c8d3bafc840374003e5c8af5eeb5ecf6add61af09a7822d3282c8",
        "8579734ee6388f799ed0def4bbd0d1fdcbeaf213ef2a9dc860917bd76a303de6",
    ),
    "mtt": (
        "da2d7bb670b2b31e9bc441bb1bd75eca31b5b061f963cc1f9630c1aff3238f57",
        "041f3935e981a65cea739842d30c188d3a7d2adf4410955c8668eb3de4a5acab",
    ),
}
LENGTH = 4  # bytes of a fixed 32-bit number
FOOTER = 48  # bytes at the end of the index


def log_mel(signal: Tensor) -> Tensor:
    """Logarithm of the mel spectrum, `(frames, 96)`, `frames = 1 + samples // 256`.

    log10(10000 x + 1) of librosa.feature.melspectrogram with zeros beyond the ends. The package rounds x to half
    precision first, in which 10000 x overflows for loud sound; this is not reproduced.

    Args:
        signal: `(samples,)` at 16 kHz.
    """
    window = torch.hann_window(N_FFT, device=signal.device)
    spectrum = torch.stft(signal, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True)
    power = (spectrum.real**2 + spectrum.imag**2).T
    return torch.log10(10_000 * mel_spectrum(power, RATE_HZ, N_MELS) + 1)


def cut_windows(mel: Tensor, n_samples: int, window_s: float) -> list[Tensor]:
    """Windows of `(window_s * 16000) // 256` frames, such as 187 for 3 s, each from the frame next to its start.

    Args:
        mel: `(frames, 96)`.
        n_samples: Length of the signal; one sample less than a window is enough, as in the published tables.
        window_s: Length of a window, and from the start of one to the next.
    """
    samples = round(window_s * RATE_HZ)
    frames = samples // HOP
    starts = [round(number * samples / HOP) for number in range((n_samples + 1) // samples)]
    return [mel[start : start + frames] for start in starts]


class MusiCNN(nn.Module):
    """The network in evaluation mode: log-mel spectrum `(frames, 96)` to the activations of four layers.

    Batch normalisation follows each activation, and the front end takes the maximum over frequency after it. Since a
    normalisation is monotonic, the maximum can be taken before: of the convolution, with its sign reversed where the
    scale of the normalisation is negative.
    """

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        for name, tensor in weights.items():
            self.register_buffer(name, tensor)
        for number in range(5):  # of the front end, in the order of torch: (channels, bands, frames)
            kernel = self.convolution(number)[0] * self.normalisation(number + 1)[0].sign()
            self.register_buffer(f"kernel{number}", kernel[:, :, 0].permute(2, 1, 0).contiguous())
        self.eval()

    def forward(self, mel: Tensor) -> dict[str, Tensor]:
        """`penultimate` (200,), `taggram` (50,), `mean_pool` (753,) and `max_pool` (753,)."""
        x = _affine(mel, *self.normalisation(0))
        front = [self._timbral(x, 0), self._timbral(x, 1), *(self._temporal(x, number) for number in (2, 3, 4))]
        layers = [torch.cat(front)]  # (channels, frames)
        for number in (5, 6, 7):
            out = self._middle(layers[-1], number)
            layers.append(out if number == 5 else layers[-1] + out)
        pooled = torch.cat(layers)
        max_pool, mean_pool = pooled.amax(dim=1), pooled.mean(dim=1)
        interleaved = torch.stack([max_pool, mean_pool], dim=1).flatten()  # max and mean of a channel side by side
        dense = _affine(interleaved, *self.normalisation(9)) @ self.get_buffer("dense/kernel") + self.get_buffer(
            "dense/bias"
        )
        penultimate = _affine(dense.relu(), *self.normalisation(10))
        taggram = (penultimate @ self.get_buffer("dense_1/kernel") + self.get_buffer("dense_1/bias")).sigmoid()
        return {"penultimate": penultimate, "taggram": taggram, "mean_pool": mean_pool, "max_pool": max_pool}

    def _timbral(self, x: Tensor, number: int) -> Tensor:
        """Filters of 7 frames by 38 or 67 bands, and the maximum over bands: `(frames, 96)` to `(204, frames)`.

        The bands of a filter are the channels of a convolution along time, and its positions are the batch, in parts
        that stay in the processor's cache. This takes half the time of a convolution along both.
        """
        kernel = self.signed_kernel(number)
        bands, before = kernel.shape[1], kernel.shape[2] // 2
        padded = functional.pad(x, (0, 0, before, before))
        parts = []
        for start in range(0, len(x), FRAMES_AT_ONCE):
            part = padded[start : start + FRAMES_AT_ONCE + 2 * before]
            positions = part.unfold(1, bands, 1).permute(1, 2, 0).split(POSITIONS_AT_ONCE)  # of (bands, frames) each
            maxima = [functional.conv1d(some, kernel).amax(dim=0) for some in positions]
            parts.append(torch.stack(maxima).amax(dim=0))
        return self._activated(torch.cat(parts, dim=1), number)

    def _temporal(self, x: Tensor, number: int) -> Tensor:
        """Filters of 128, 64 or 32 frames of one band, and the maximum over bands: `(frames, 96)` to `(51, frames)`."""
        kernel = self.signed_kernel(number)  # of one band
        length = kernel.shape[2]
        padded = functional.pad(x, (0, 0, (length - 1) // 2, length // 2)).T.unsqueeze(1)  # (bands, 1, frames)
        parts = []
        for start in range(0, len(x), FRAMES_AT_ONCE):
            part = padded[:, :, start : start + FRAMES_AT_ONCE + length - 1]
            parts.append(functional.conv1d(part, kernel).amax(dim=0))
        return self._activated(torch.cat(parts, dim=1), number)

    def _middle(self, x: Tensor, number: int) -> Tensor:
        """Filters of 7 frames over all channels: `(channels, frames)` to `(64, frames)`."""
        kernel, bias = self.convolution(number)
        out = functional.conv1d(x.unsqueeze(0), kernel[:, :, 0].permute(2, 1, 0), bias, padding=kernel.shape[0] // 2)[0]
        return _affine(out.relu().T, *self.normalisation(number + 1)).T

    def signed_kernel(self, number: int) -> Tensor:
        """Kernel `(channels, bands, frames)` of the front end, negated if its normalisation has a negative scale."""
        return self.get_buffer(f"kernel{number}")

    def convolution(self, number: int) -> tuple[Tensor, Tensor]:
        """Kernel, `(frames, bands, inputs, channels)`, and bias."""
        name = _numbered("conv2d", number)
        return self.get_buffer(f"{name}/kernel"), self.get_buffer(f"{name}/bias")

    def normalisation(self, number: int) -> tuple[Tensor, Tensor]:
        """Scale and shift of a batch normalisation."""
        name = _numbered("batch_normalization", number)
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        gamma, beta, mean, variance = (self.get_buffer(f"{name}/{part}") for part in parts)
        scale = gamma / torch.sqrt(variance + EPSILON)
        return scale, beta - mean * scale

    def _activated(self, signed_maximum: Tensor, number: int) -> Tensor:
        """Bias, activation and normalisation of a maximum with the sign of its kernel, `(channels, frames)`."""
        scale, shift = self.normalisation(number + 1)
        out = (signed_maximum.T * scale.sign() + self.convolution(number)[1]).relu()
        return _affine(out, scale, shift).T


def _affine(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
    return x * scale + shift


def _numbered(name: str, number: int) -> str:
    return f"{name}_{number}" if number else name


@lru_cache(maxsize=4)
def load(net: str, weights_dir: Path | None) -> MusiCNN:
    """The network trained on the Million Song Dataset (`msd`) or MagnaTagATune (`mtt`).

    Args:
        net: `msd` or `mtt`.
        weights_dir: Folder of the converted weights, which are written there once; None reads the checkpoint.

    Raises:
        GtzanError: The package with the weights is missing or damaged.
    """
    if weights_dir is None:
        return MusiCNN(read_weights(net))
    file = weights_dir / f"{PACKAGE}-{net}-{SHA256[net][1][:16]}.safetensors"
    if not file.is_file():
        weights = read_weights(net)
        write_atomically(file, lambda path: path.write_bytes(save(weights)))
    return MusiCNN(load_file(file))


def read_weights(net: str) -> dict[str, Tensor]:
    """The weights of the checkpoint in the installed package, by their TensorFlow names.

    Raises:
        GtzanError: The package is not installed, or its files are not those of version 0.1.0.
    """
    try:
        installed = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        raise GtzanError(
            f"features=musicnn needs the trained weights of the package {PACKAGE} (29 MB, ISC licence):\n{INSTALL}"
        ) from None
    folder = Path(str(installed.locate_file(PACKAGE))) / f"{net.upper()}_musicnn"
    contents = []
    for file, sha256 in zip((folder / ".index", folder / ".data-00000-of-00001"), SHA256[net], strict=True):
        content = file.read_bytes() if file.is_file() else b""
        if hashlib.sha256(content).hexdigest() != sha256:
            raise GtzanError(
                f"{file}: not the file of {PACKAGE} {VERSION}.\n"
                f"Install it again: pip install --no-deps --force-reinstall {PACKAGE}=={VERSION}"
            )
        contents.append(content)
    arrays = read_checkpoint(*contents)
    return {name: torch.from_numpy(array.copy()) for name, array in arrays.items() if _is_weight(name)}


def _is_weight(name: str) -> bool:
    """Whether a variable belongs to the network; the others are the state of the optimiser."""
    return not name.endswith(("/Adam", "/Adam_1", "_power"))


def read_checkpoint(index: bytes, data: bytes) -> dict[str, NDArray[np.float32]]:
    """The float32 variables of a TensorFlow checkpoint (version 2) in one shard, by name.

    The index is a LevelDB table of protocol buffers (`BundleEntryProto`): data type in field 1, shape in 2, offset in 4
    and size in 5. See tensorflow/core/protobuf/tensor_bundle.proto and leveldb/doc/table_format.md.

    Args:
        index: Content of the file `.index`.
        data: Content of the file `.data-00000-of-00001`.
    """
    position = len(index) - FOOTER
    handle = []
    for _ in range(4):  # offset and size of the metaindex block, then of the index block
        number, position = _varint(index, position)
        handle.append(number)
    found = {}
    for _, value in _block(index, *handle[2:]):
        offset, position = _varint(value, 0)
        size, _ = _varint(value, position)
        for key, entry in _block(index, offset, size):
            if key:  # the empty key holds the header
                fields = dict(_fields(entry))
                shape = [int(dict(_fields(dimension)).get(1, 0)) for _, dimension in _fields(fields.get(2, b""))]
                array = np.frombuffer(data, "<f4", int(fields[5]) // LENGTH, int(fields.get(4, 0)))
                found[key.decode()] = array.reshape(shape)
    return found


def _block(table: bytes, offset: int, size: int) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a block of a LevelDB table; a key omits what it shares with the one before."""
    block = table[offset : offset + size]
    end = size - LENGTH * (1 + int.from_bytes(block[-LENGTH:], "little"))  # the rest are restart points
    position, key = 0, b""
    while position < end:
        shared, position = _varint(block, position)
        own, position = _varint(block, position)
        length, position = _varint(block, position)
        key = key[:shared] + block[position : position + own]
        yield key, block[position + own : position + own + length]
        position += own + length


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Number and value of each field of a protocol buffer: an integer, or bytes."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        value: int | bytes
        if tag & 7 == 0:
            value, position = _varint(message, position)
        else:
            length, position = (LENGTH, position) if tag & 7 == 5 else _varint(message, position)
            value, position = message[position : position + length], position + length
        yield tag >> 3, value


def _varint(content: bytes, position: int) -> tuple[int, int]:
    """A number of seven bits a byte, lowest first, and the position after it."""
    number = shift = 0
    while True:
        byte = content[position]
        number |= (byte & 127) << shift
        position, shift = position + 1, shift + 7
        if byte < 128:
            return number, position
