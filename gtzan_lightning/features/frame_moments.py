"""Frame by frame: loudness, zero crossings, and the shape of the spectrum."""

from __future__ import annotations

import numpy as np
import torch

from gtzan_lightning.features.spectrum import HOP, N_FFT, bin_frequencies

ROLLOFF_SHARE = 0.85  # of a frame's summed magnitudes lie below the rolloff frequency
SILENCE = 1e-10  # samples no larger than this count as zero when crossings are counted


def rms(signals: torch.Tensor) -> torch.Tensor:
    """Root mean square of each centred, reflected frame: `(batch, samples)` to `(batch, frames)`."""
    half = N_FFT // 2
    padded = torch.nn.functional.pad(signals.unsqueeze(1), (half, half), mode="reflect").squeeze(1)
    return (_frame_sums(padded.double() ** 2) / N_FFT).sqrt()


def zero_crossing_rate(signals: torch.Tensor) -> torch.Tensor:
    """Share of sign changes in each centred frame, edges repeated: `(batch, samples)` to `(batch, frames)`."""
    half = N_FFT // 2
    negative = signals < -SILENCE
    changes = (negative[:, 1:] != negative[:, :-1]).double()
    padded = torch.nn.functional.pad(changes, (half + 1, half))  # change i lies between the samples i - 1 and i
    n_frames = 1 + signals.shape[1] // HOP
    first = padded[:, : n_frames * HOP : HOP]  # a frame's first sample has no predecessor inside the frame
    return (_frame_sums(padded) - first) / N_FFT


def spectral_shape(magnitudes: torch.Tensor, rate_hz: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Centroid, bandwidth and rolloff of each frame in Hz.

    Args:
        magnitudes: `(batch, frames, bins)`.
        rate_hz: sampling rate.

    Returns:
        Three `(batch, frames)`; all are 0 for a frame of silence.
    """
    hz = bin_frequencies(rate_hz).to(magnitudes.device)
    total = magnitudes.sum(dim=2)
    scale = torch.where(total < torch.finfo(total.dtype).tiny, 1.0, total)
    centroid = (magnitudes @ hz) / scale
    spread = (magnitudes * (hz - centroid.unsqueeze(2)) ** 2).sum(dim=2) / scale
    summed = _running_sum(magnitudes)
    below = (summed < ROLLOFF_SHARE * summed[:, :, -1:]).sum(dim=2)
    return centroid, spread.sqrt(), hz[below]


def _running_sum(magnitudes: torch.Tensor) -> torch.Tensor:
    """Sums over the bins so far, rounded to single precision at each step as numpy does.

    A rolloff that falls between two bins is decided by that rounding; torch would carry more digits along.
    """
    if magnitudes.device.type == "cpu":
        return torch.from_numpy(np.cumsum(magnitudes.numpy(), axis=2))
    return magnitudes.cumsum(dim=2)


def _frame_sums(padded: torch.Tensor) -> torch.Tensor:
    """Sums over frames of `N_FFT` samples, one every `HOP`: `(batch, samples)` to `(batch, frames)`."""
    parts = N_FFT // HOP
    n_blocks = padded.shape[1] // HOP
    blocks = padded[:, : n_blocks * HOP].unflatten(1, (n_blocks, HOP)).sum(dim=2)
    return blocks.unfold(1, parts, 1).sum(dim=2)
