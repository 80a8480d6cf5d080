"""Harmonic and percussive parts of a signal: what lasts in time, and what spreads over frequency.

After D. FitzGerald, "Harmonic/percussive separation using median filtering" (DAFx 2010), with the soft masks and
constants of librosa.effects.hpss: kernels of 31 frames and 31 bins, power 2, margin 1.
"""

from __future__ import annotations

import torch

from gtzan_lightning.features.median import median_along_rows
from gtzan_lightning.features.spectrum import istft


def harmonic_and_percussive(
    signals: torch.Tensor, spectra: torch.Tensor, magnitudes: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """The two waveforms.

    The two masks add up to one, and resynthesis is linear: the percussive waveform is the signal less the harmonic
    one, which saves one of two inverse transforms.

    Args:
        signals: `(batch, samples)`.
        spectra: `(batch, frames, bins)`, their spectra.
        magnitudes: `(batch, frames, bins)`.

    Returns:
        Harmonic and percussive waveforms, each `(batch, samples)`.
    """
    harmonic = istft(spectra * _harmonic_mask(magnitudes), signals.shape[1])
    return harmonic, signals - harmonic


def _harmonic_mask(magnitudes: torch.Tensor) -> torch.Tensor:
    """Share of the harmonic part in each bin, `(batch, frames, bins)`; a half where there is nothing at all."""
    batch, n_frames, n_bins = magnitudes.shape
    along_time = median_along_rows(magnitudes)
    by_bin = magnitudes.reshape(1, batch * n_frames, n_bins).transpose(1, 2).contiguous()
    along_frequency = median_along_rows(by_bin).transpose(1, 2).reshape(batch, n_frames, n_bins)
    largest = torch.maximum(along_time, along_frequency)
    nothing = largest < torch.finfo(largest.dtype).tiny
    harmonic, percussive = (along_time / largest) ** 2, (along_frequency / largest) ** 2
    return torch.where(nothing, 0.5, harmonic / (harmonic + percussive))
