"""Chroma features (energy of the twelve pitch classes), with estimation of the tuning."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from gtzan_lightning.features.median import median_of_last_dim
from gtzan_lightning.features.spectrum import N_FFT, chroma_bank
from gtzan_lightning.utils.caching import compiled

LOWEST_HZ, HIGHEST_HZ = 150.0, 4000.0  # range of the pitches that determine the tuning
THRESHOLD = 0.1  # relative to the maximum of the frame; smaller peaks are ignored


def chroma(power: torch.Tensor, rate_hz: int) -> torch.Tensor:
    """Chroma of each frame, scaled to a maximum of 1, as librosa.feature.chroma_stft.

    Args:
        power: Power spectrum, `(batch, frames, bins)`.
        rate_hz: Sampling rate.

    Returns:
        `(batch, frames, 12)`.
    """
    raw = torch.stack([item @ chroma_bank(rate_hz, tuning(item, rate_hz)).to(item.device) for item in power])
    peak = raw.amax(dim=2, keepdim=True)
    return raw / torch.where(peak < torch.finfo(peak.dtype).tiny, 1.0, peak)


def tuning(power: torch.Tensor, rate_hz: int) -> float:
    """Deviation from A440 in semitones, to 0.01: the mode over the louder half of the pitches.

    As librosa.estimate_tuning.

    Args:
        power: Power spectrum, `(frames, bins)`.
        rate_hz: Sampling rate.
    """
    pitches, strengths = _pitches(power, rate_hz)
    if pitches.numel() == 0:
        return 0.0
    loud = pitches[strengths >= median_of_last_dim(strengths)].cpu().numpy()
    # in single precision as in librosa: a residual just below the edge of a bin falls on the other side in double
    deviation = np.mod(12 * np.log2(loud / (440.0 / 16)), 1.0)
    deviation[deviation >= 0.5] -= 1.0
    counts, edges = np.histogram(deviation, np.linspace(-0.5, 0.5, 101))
    return float(edges[np.argmax(counts)])


def _pitches(power: torch.Tensor, rate_hz: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Frequency in Hz and height of each spectral peak, by parabolic interpolation of three bins: two `(peaks,)`."""
    bin_hz = rate_hz / N_FFT
    first, stop = -int(-LOWEST_HZ // bin_hz), -int(-HIGHEST_HZ // bin_hz)
    if power.device.type != "cpu":
        return _pitches_on_device(power, first, stop, bin_hz)
    pitches, heights = _pitches_kernel(power.numpy(), first, stop, np.float32(THRESHOLD), np.float32(bin_hz))
    return torch.from_numpy(pitches), torch.from_numpy(heights)


def _pitches_on_device(power: torch.Tensor, first: int, stop: int, bin_hz: float) -> tuple[torch.Tensor, torch.Tensor]:
    floor = THRESHOLD * power.amax(dim=1, keepdim=True)
    searched = power[:, first - 1 : stop + 1]
    kept = torch.where(searched > floor, searched, 0.0)
    is_peak = (kept[:, 1:-1] > kept[:, :-2]) & (kept[:, 1:-1] >= kept[:, 2:])
    frame, bin_ = is_peak.nonzero(as_tuple=True)
    bin_ = bin_ + first
    left, middle, right = power[frame, bin_ - 1], power[frame, bin_], power[frame, bin_ + 1]
    slope, bend = (right - left) / 2, 2 * middle - left - right
    shift = torch.where(bend.abs() <= slope.abs(), 0.0, slope / bend)
    return (bin_ + shift) * bin_hz, middle + 0.5 * slope * shift


@compiled(error_model="numpy")
def _pitches_kernel(
    power: NDArray[np.float32], first: int, stop: int, threshold: np.float32, bin_hz: np.float32
) -> NDArray[np.float32]:
    """Frequencies and heights of the peaks in the bins `first .. stop - 1`, `(2, peaks)`."""
    n_frames = len(power)
    found = np.empty((2, n_frames * (stop - first)), np.float32)
    n_peaks = 0
    for frame in range(n_frames):
        row = power[frame]
        floor = threshold * row.max()
        for i in range(first, stop):
            left, middle, right = row[i - 1], row[i], row[i + 1]
            if middle > floor and middle > left and middle >= right:
                slope, bend = (right - left) / np.float32(2), np.float32(2) * middle - left - right
                shift = np.float32(0) if abs(bend) <= abs(slope) else slope / bend
                found[0, n_peaks] = (np.float32(i) + shift) * bin_hz
                found[1, n_peaks] = middle + np.float32(0.5) * slope * shift
                n_peaks += 1
    return found[:, :n_peaks]
