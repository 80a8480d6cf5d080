"""The mel scale of Slaney's Auditory Toolbox (1998), as librosa and the published tables use it."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

BANDS_AT_ONCE = 16  # neighbouring filters share few bins: most of the product with the whole bank would be zeros


def mel_spectrum(power: torch.Tensor, rate_hz: int, n_mels: int) -> torch.Tensor:
    """Energy in mel bands: `(..., frames, bins)` power to `(..., frames, n_mels)`."""
    groups = _grouped_bank(rate_hz, n_mels, 2 * (power.shape[-1] - 1), str(power.device))
    return torch.cat([power[..., bins] @ filters for bins, filters in groups], dim=-1)


def mel_bank(rate_hz: int, n_mels: int, n_fft: int) -> NDArray[np.float64]:
    """Triangular filters of equal area, `(bins, n_mels)`.

    In double precision: with torchaudio's single precision, the cepstral means that are near zero leave the
    published ones by more than 1e-4.
    """
    corners = _mel_to_hz(np.linspace(0.0, _hz_to_mel(rate_hz / 2), n_mels + 2))
    hz = np.arange(n_fft // 2 + 1)[:, None] * (rate_hz / n_fft)
    rising = (hz - corners[:-2]) / np.diff(corners)[:-1]
    falling = (corners[2:] - hz) / np.diff(corners)[1:]
    return np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (corners[2:] - corners[:-2]))


@lru_cache(maxsize=8)
def _grouped_bank(rate_hz: int, n_mels: int, n_fft: int, device: str) -> list[tuple[slice, torch.Tensor]]:
    """The bank in groups of neighbouring filters, each with the bins that it needs."""
    bank = mel_bank(rate_hz, n_mels, n_fft)
    groups = []
    for first in range(0, n_mels, BANDS_AT_ONCE):
        filters = bank[:, first : first + BANDS_AT_ONCE]
        used = np.flatnonzero(filters.any(axis=1))
        bins = slice(int(used[0]), int(used[-1]) + 1) if len(used) else slice(0, 1)
        groups.append((bins, torch.from_numpy(filters[bins].astype(np.float32)).to(device)))
    return groups


def _hz_to_mel(hz: float) -> float:
    """Slaney's scale: 3 mel per 200 Hz up to 1 kHz, then 27 mel per factor of 6.4 (Auditory Toolbox, 1998)."""
    return hz * 3 / 200 if hz < 1000 else 15 + 27 * float(np.log(hz / 1000) / np.log(6.4))


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))
