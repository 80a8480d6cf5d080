"""Harmonic-percussive source separation: sounds sustained in time, and sounds spread over frequency.

After D. FitzGerald, "Harmonic/percussive separation using median filtering" (DAFx 2010), with the soft masks and
constants of librosa.effects.hpss: kernels of 31 frames and 31 bins, power 2, margin 1.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.features.median import (
    LANES,
    N_INPUTS,
    TILE,
    median_along_rows,
    median_tile,
    mirrored_rows,
    network_arrays,
)
from gtzan_lightning.features.spectrum import istft
from gtzan_lightning.utils.caching import compiled


def harmonic_and_percussive(
    signals: torch.Tensor, spectra: torch.Tensor, magnitudes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Harmonic and percussive waveforms of signals.

    The masks add up to one and synthesis is linear: the percussive waveform is the signal minus the harmonic one,
    which saves an inverse transform.

    Args:
        signals: `(batch, samples)`.
        spectra: Their spectra, `(batch, frames, bins)`; overwritten.
        magnitudes: Magnitudes of the spectra, `(batch, frames, bins)`.

    Returns:
        Harmonic and percussive waveforms, each `(batch, samples)`.
    """
    harmonic = istft(spectra.mul_(harmonic_mask(magnitudes)), signals.shape[1])
    return harmonic, signals - harmonic


def harmonic_mask(magnitudes: torch.Tensor) -> torch.Tensor:
    """Harmonic share of each bin, 0.5 in silence: `(batch, frames, bins)` to the same."""
    along_time = median_along_rows(magnitudes)
    if magnitudes.device.type != "cpu":
        return soft_mask(along_time, median_along_rows(magnitudes.transpose(1, 2).contiguous()).transpose(1, 2))
    batch, n_frames, n_bins = magnitudes.shape
    shape = (batch * n_frames, n_bins)  # frames of all windows side by side: the filter runs along the bins
    mask = along_time.view(shape)
    _mask_kernel(magnitudes.reshape(shape).numpy(), mirrored_rows(n_bins), *network_arrays(), mask.numpy())
    return mask.view(batch, n_frames, n_bins)


def soft_mask(harmonic: torch.Tensor, percussive: torch.Tensor) -> torch.Tensor:
    """Wiener mask `h^2 / (h^2 + p^2)`, computed from the ratio of the smaller to the larger to avoid underflow."""
    largest = torch.maximum(harmonic, percussive)
    ratio = torch.minimum(harmonic, percussive) / largest
    smaller = ratio**2 / (1 + ratio**2)
    mask = torch.where(harmonic < percussive, smaller, 1 - smaller)
    return torch.where(largest < torch.finfo(largest.dtype).tiny, 0.5, mask)


@compiled(error_model="numpy")
def _mask_kernel(
    magnitudes: NDArray[np.float32],
    bins: NDArray[np.int64],
    instructions: NDArray[np.int64],
    output_slots: NDArray[np.int64],
    n_slots: int,
    mask: NDArray[np.float32],
) -> None:
    """Median along the bins and soft mask in one pass; `mask` contains the median along time on entry."""
    n_frames, n_bins = magnitudes.shape
    tiny = np.finfo(np.float32).tiny
    slots = np.zeros((n_slots, LANES), np.float32)
    by_bin = np.zeros((n_bins, LANES), np.float32)
    percussive = np.zeros((LANES, TILE), np.float32)
    for left in range(0, n_frames, LANES):
        width = min(LANES, n_frames - left)
        for j in range(width):
            for i in range(n_bins):
                by_bin[i, j] = magnitudes[left + j, i]
        for top in range(0, n_bins, TILE):
            for i in range(N_INPUTS):
                bin_ = bins[top + i]
                for j in range(LANES):
                    slots[i, j] = by_bin[bin_, j]
            median_tile(slots, instructions)
            for i in range(TILE):
                for j in range(LANES):
                    percussive[j, i] = slots[output_slots[i], j]
            height = min(TILE, n_bins - top)
            for j in range(width):
                row = mask[left + j, top : top + height]
                for i in range(height):
                    h, p = row[i], percussive[j, i]
                    largest, smallest = max(h, p), min(h, p)
                    ratio = smallest / largest if largest >= tiny else np.float32(1.0)
                    square = ratio * ratio
                    smaller = square / (np.float32(1.0) + square)
                    row[i] = smaller if h < p else np.float32(1.0) - smaller
