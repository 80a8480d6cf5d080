"""Statistics of each frame: loudness, zero crossings, spectral centroid, bandwidth and rolloff."""

from __future__ import annotations

import numba
import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.features.spectrum import HOP, N_FFT, bin_frequencies, reflect_padded

SILENCE = 1e-10  # samples of at most this magnitude count as zero in zero crossings
ROLLOFF_SHARE = 0.85  # share of the summed magnitudes of a frame below its rolloff frequency


def rms(signals: torch.Tensor) -> torch.Tensor:
    """Root mean square of each centred, reflected frame: `(batch, samples)` to `(batch, frames)`."""
    return (_frame_sums(reflect_padded(signals) ** 2) / N_FFT).sqrt()


def zero_crossing_rate(signals: torch.Tensor) -> torch.Tensor:
    """Share of sign changes in each centred frame, padded with edge values: `(batch, samples)` to `(batch, frames)`."""
    half = N_FFT // 2
    negative = signals < -SILENCE
    changes = (negative[:, 1:] != negative[:, :-1]).float()
    padded = torch.nn.functional.pad(changes, (half + 1, half))  # change i lies between the samples i - 1 and i
    n_frames = 1 + signals.shape[1] // HOP
    first = padded[:, : n_frames * HOP : HOP]  # a frame's first sample has no predecessor inside the frame
    return (_frame_sums(padded) - first) / N_FFT


def _frame_sums(padded: torch.Tensor) -> torch.Tensor:
    """Sums over frames of `N_FFT` samples at intervals of `HOP`: `(batch, samples)` to `(batch, frames)`."""
    parts = N_FFT // HOP
    n_blocks = padded.shape[1] // HOP
    blocks = padded[:, : n_blocks * HOP].unflatten(1, (n_blocks, HOP)).sum(dim=2, dtype=torch.float64)
    return blocks.unfold(1, parts, 1).sum(dim=2)


def spectral_shape(
    spectra: torch.Tensor, rate_hz: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Magnitudes, and spectral centroid, bandwidth and rolloff of each frame in Hz (0 for a silent frame).

    Args:
        spectra: `(batch, frames, bins)` complex.
        rate_hz: Sampling rate.

    Returns:
        Magnitudes `(batch, frames, bins)`; centroid, bandwidth and rolloff, each `(batch, frames)`.
    """
    hz = bin_frequencies(rate_hz).to(spectra.device)
    if spectra.device.type != "cpu":
        return _spectral_shape_on_device(spectra, hz)
    magnitudes = torch.empty(spectra.shape, dtype=torch.float32)
    shape = torch.empty(3, *spectra.shape[:2], dtype=torch.float32)
    parts = torch.view_as_real(spectra).flatten(0, 1).numpy()
    _spectral_shape_kernel(parts, hz.numpy(), magnitudes.flatten(0, 1).numpy(), shape.flatten(1).numpy())
    return magnitudes, shape[0], shape[1], shape[2]


def _spectral_shape_on_device(
    spectra: torch.Tensor, hz: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    magnitudes = spectra.abs()
    total = magnitudes.sum(dim=2)
    scale = torch.where(total < torch.finfo(total.dtype).tiny, 1.0, total)
    centroid = (magnitudes @ hz) / scale
    spread = (magnitudes * (hz - centroid.unsqueeze(2)) ** 2).sum(dim=2) / scale
    summed = magnitudes.cumsum(dim=2)
    below = (summed < ROLLOFF_SHARE * summed[:, :, -1:]).sum(dim=2)
    return magnitudes, centroid, spread.sqrt(), hz[below]


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract", "nsz"})
def _spectral_shape_kernel(
    parts: NDArray[np.float32], hz: NDArray[np.float32], magnitudes: NDArray[np.float32], shape: NDArray[np.float32]
) -> None:
    """All statistics in one pass over the spectra; `parts` is `(frames, bins, 2)`, `shape` is `(3, frames)`."""
    n_frames, n_bins, _ = parts.shape
    running = np.empty(n_bins, np.float32)
    for frame in range(n_frames):
        row = magnitudes[frame]
        total, weighted, spread = np.float32(0), np.float32(0), np.float32(0)
        for i in range(n_bins):
            row[i] = np.sqrt(parts[frame, i, 0] ** 2 + parts[frame, i, 1] ** 2)
        for i in range(n_bins):
            total += row[i]
            weighted += row[i] * hz[i]
        scale = total if total >= np.finfo(np.float32).tiny else np.float32(1)
        centroid = weighted / scale
        for i in range(n_bins):
            spread += row[i] * (hz[i] - centroid) ** 2
        shape[0, frame] = centroid
        shape[1, frame] = np.sqrt(spread / scale)
        shape[2, frame] = hz[_rolloff_bin(row, running)]


@numba.njit(cache=True, nogil=True)
def _rolloff_bin(row: NDArray[np.float32], running: NDArray[np.float32]) -> int:
    """First bin where the cumulative sum reaches `ROLLOFF_SHARE`.

    Rounded to single precision at each step, as numpy.cumsum: a sum near the threshold decides between two bins.
    """
    running[0] = row[0]
    for i in range(1, len(row)):
        running[i] = running[i - 1] + row[i]
    threshold = np.float32(ROLLOFF_SHARE) * running[-1]
    below = 0
    for i in range(len(row)):
        below += running[i] < threshold
    return below
