"""The statistics of the published tables by librosa, and synthetic music."""

from __future__ import annotations

from functools import cache, lru_cache

import librosa
import numba
import numpy as np

guvectorize = numba.guvectorize


def _compiled_when_called(signatures, *layout, **options):
    """The decorator `numba.guvectorize`, which would compile a function for each signature when it is defined."""

    def decorate(function):
        @cache
        def compiled(dtype):
            wanted = [signature for signature in signatures if signature.startswith(f"void({dtype}[")]
            return guvectorize(wanted, *layout, **options)(function)

        return lambda first, *rest: compiled(first.dtype)(first, *rest)

    return decorate


# Librosa, whose parts are imported when they are first used, defines ten such functions. Few are called here, each with
# one type of arrays; compiling them all takes longer than all tests of the features.
numba.guvectorize = _compiled_when_called

RATE_HZ = 22050
REFLECT = {"pad_mode": "reflect"}


def librosa_stats(y, rate_hz=RATE_HZ):
    """The 58 columns, each by the librosa function of its name."""
    onsets = librosa.onset.onset_strength(y=y, sr=rate_hz, aggregate=np.median, **REFLECT)
    series = [
        librosa.feature.chroma_stft(y=y, sr=rate_hz, **REFLECT),
        librosa.feature.rms(y=y, **REFLECT),
        librosa.feature.spectral_centroid(y=y, sr=rate_hz, **REFLECT),
        librosa.feature.spectral_bandwidth(y=y, sr=rate_hz, **REFLECT),
        librosa.feature.spectral_rolloff(y=y, sr=rate_hz, **REFLECT),
        librosa.feature.zero_crossing_rate(y),
        *librosa.effects.hpss(y, **REFLECT),
    ]
    tempo = librosa.feature.tempo(onset_envelope=onsets, sr=rate_hz)[0] if onsets.any() else 0.0
    cepstra = list(librosa.feature.mfcc(y=y, sr=rate_hz, n_mfcc=20, **REFLECT))
    moments = [[value for part in parts for value in (part.mean(), part.var())] for parts in (series, cepstra)]
    return np.array([len(y), *moments[0], tempo, *moments[1]], dtype=np.float64)


def music(seconds, seed=0):
    """Synthetic music, cached."""
    return _synthesise(seconds, seed).copy()


@lru_cache(maxsize=32)
def _synthesise(seconds, seed, rate_hz=RATE_HZ):
    """Chords with overtones, periodic noise bursts and background noise, quantised to 16 bits."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    y = 0.01 * rng.standard_normal(len(t))
    for chord in range(int(seconds * 2) + 1):
        sounding = np.exp(-3 * np.clip(t - chord / 2, 0, None)) * (t >= chord / 2)
        for note in rng.choice(np.arange(40, 80), 3, replace=False):
            hz = 440 * 2 ** ((note + rng.normal(0, 0.02) - 69) / 12)
            y += 0.05 * sounding * sum(np.sin(2 * np.pi * hz * k * t) / k for k in range(1, 6))
    period = 60 / rng.uniform(70, 160)
    y += 0.3 * rng.standard_normal(len(t)) * np.exp(-40 * np.mod(t, period))
    return (np.round(np.clip(y, -1, 1) * 32767) / 32768).astype(np.float32)
