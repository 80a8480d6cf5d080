"""Frame by frame, from the samples alone: loudness and zero crossings."""

from __future__ import annotations

import torch

from gtzan_lightning.features.spectrum import HOP, N_FFT

SILENCE = 1e-10  # samples no larger than this count as zero when crossings are counted


def rms(signals: torch.Tensor) -> torch.Tensor:
    """Root mean square of each centred, reflected frame: `(batch, samples)` to `(batch, frames)`."""
    half = N_FFT // 2
    padded = torch.nn.functional.pad(signals.unsqueeze(1), (half, half), mode="reflect").squeeze(1)
    return (_frame_sums(padded**2) / N_FFT).sqrt()


def zero_crossing_rate(signals: torch.Tensor) -> torch.Tensor:
    """Share of sign changes in each centred frame, edges repeated: `(batch, samples)` to `(batch, frames)`."""
    half = N_FFT // 2
    negative = signals < -SILENCE
    changes = (negative[:, 1:] != negative[:, :-1]).float()
    padded = torch.nn.functional.pad(changes, (half + 1, half))  # change i lies between the samples i - 1 and i
    n_frames = 1 + signals.shape[1] // HOP
    first = padded[:, : n_frames * HOP : HOP]  # a frame's first sample has no predecessor inside the frame
    return (_frame_sums(padded) - first) / N_FFT


def _frame_sums(padded: torch.Tensor) -> torch.Tensor:
    """Sums over frames of `N_FFT` samples, one every `HOP`: `(batch, samples)` to `(batch, frames)`."""
    parts = N_FFT // HOP
    n_blocks = padded.shape[1] // HOP
    blocks = padded[:, : n_blocks * HOP].unflatten(1, (n_blocks, HOP)).sum(dim=2, dtype=torch.float64)
    return blocks.unfold(1, parts, 1).sum(dim=2)
