"""Out-of-distribution (OOD) score of a file, and warnings about its signal quality.

The score is the distance of the network's representation to its k-th nearest neighbour among training slices, after
scaling to unit length (Sun et al. 2022, ICML, "Out-of-distribution detection with deep nearest neighbors"), here with
each column divided by its standard deviation first. Predictions with a large score are unreliable, however confident.
`benchmarks/ood_scores.py` compares it with other scores.

The bounds of the warnings were set on 519 clips of GTZAN, none of which causes a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gtzan_lightning.features.signal_quality import SILENCE_DBFS, SignalQuality

NEIGHBOURS = 5
MAX_ROWS = 2_000  # training slices in a checkpoint
SMALLEST = 1e-12
BLOCK_SLICES = 4_096  # compared at a time, which limits memory
TYPICAL_SHARE = 0.95  # share of the validation tracks whose distance is at most `limit`
LONG_SHARE = 0.99  # share of the training tracks that last at least `least_s`

QUIET_DBFS = -40.0  # GTZAN's clips have -28 to -9 dBFS; broadcasts are levelled to -23 (EBU R 128)
LOUD_DBFS = -5.0  # the loudest masters have about -7 dBFS; a full-scale sine has -3
CLIPPED_SHARE = 0.02  # the most clipped of GTZAN's clips has 0.015
SILENT_SHARE = 0.25
NARROW_HZ = 5000.0  # telephone bandwidth is 3.4 or 4 kHz; all clips of GTZAN exceed 6 kHz
NARROW_SHARE = 0.6  # share of the Nyquist frequency, for models with low sampling rates
OOD = "out of distribution"  # beginning of the warning
SHORT_SHARE = 0.8  # share of `least_s`


@dataclass(frozen=True, eq=False)
class OodScore:
    """Representations of training slices, and limits from tracks."""

    rows: NDArray[np.float32]  # (training slices, columns), scaled to unit length
    deviation: NDArray[np.float32]  # (columns,), standard deviation of the training slices, 1 where it is 0
    limit: float = np.inf  # distance of the 95th percentile of the validation tracks
    least_s: float = 0.0  # end of the last slice in the 1st percentile of the training tracks, in seconds

    def distances(self, representations: NDArray[np.floating]) -> NDArray[np.float64]:
        """Distance of each slice, `(slices, columns)`, to its k-th nearest training slice, `(slices,)`, from 0 to 2."""
        k = min(NEIGHBOURS, len(self.rows))
        nearest = np.empty(len(representations))
        for first in range(0, len(nearest), BLOCK_SLICES):
            cosines = _unit(representations[first : first + BLOCK_SLICES] / self.deviation) @ self.rows.T
            cosines.partition(-k, axis=1)  # in place
            nearest[first : first + BLOCK_SLICES] = cosines[:, -k]
        return np.sqrt((2 - 2 * nearest).clip(0))

    def plain(self) -> dict[str, Any]:
        """Return arrays and numbers for a checkpoint."""
        return asdict(self)

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> OodScore:
        """Restore the result of `plain`.

        Raises:
            KeyError: A key is missing.
            ValueError: The shapes do not match.
        """
        rows, deviation = (np.asarray(plain[key], np.float32) for key in ("rows", "deviation"))
        if rows.ndim != 2 or not len(rows) or deviation.shape != rows.shape[1:]:
            raise ValueError(f"{rows.shape} representations and {deviation.shape} deviations")
        return cls(rows, deviation, float(plain["limit"]), float(plain["least_s"]))


def fit_ood(representations: NDArray[np.float32]) -> OodScore:
    """The score of training slices `(slices, columns)`, at most `MAX_ROWS` of which are kept; without limits."""
    deviation = representations.std(axis=0)
    deviation[deviation == 0] = 1
    kept = representations[:: -(-len(representations) // MAX_ROWS)]
    return OodScore(_unit(kept / deviation), deviation)


def track_distances(distances: NDArray[np.float64], track: NDArray[np.integer]) -> NDArray[np.float64]:
    """Median distance of the slices of each track, in the order of the tracks' numbers."""
    return np.asarray(pd.Series(distances).groupby(track).median(), np.float64)


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    """Rows scaled to length 1; zeros stay."""
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(SMALLEST)).astype(np.float32)


def sound_warnings(sound: SignalQuality, rate_hz: int) -> list[str]:
    """Warnings about the signal quality of a file at the sampling rate of the features."""
    checks = (
        (sound.level_dbfs < QUIET_DBFS, f"very quiet: {sound.level_dbfs:.0f} dBFS"),
        (sound.level_dbfs > LOUD_DBFS, f"very loud: {sound.level_dbfs:.0f} dBFS, louder than any master"),
        (sound.clipped_share > CLIPPED_SHARE, f"clipped: {sound.clipped_share:.0%} of the samples are at full scale"),
        (
            sound.silent_share > SILENT_SHARE,
            f"silence: {sound.silent_share:.0%} of the time is below {SILENCE_DBFS:.0f} dBFS",
        ),
        (
            sound.bandwidth_hz < min(NARROW_HZ, NARROW_SHARE * rate_hz / 2),
            f"narrow band: nothing above {sound.bandwidth_hz / 1000:.1f} kHz, like a telephone",
        ),
    )
    return [message for failed, message in checks if failed]


def ood_warnings(ood: OodScore, sound: SignalQuality, distance: float) -> list[str]:
    """Warnings about a file that differs from the training tracks.

    Args:
        ood: OOD score of the model.
        sound: signal quality of the file.
        distance: median distance of its slices.
    """
    messages = []
    if sound.duration_s < SHORT_SHARE * ood.least_s:
        messages.append(f"short: {sound.duration_s:.1f} s; training tracks have {ood.least_s:.0f} s and more")
    if distance > ood.limit:
        messages.append(
            f"{OOD}: it is further from the training examples than {TYPICAL_SHARE:.0%} of the validation tracks "
            f"(distance {distance:.2f}, limit {ood.limit:.2f})"
        )
    return messages


def is_ood_warning(warning: str) -> bool:
    """Whether a warning of `ood_warnings` concerns the OOD score."""
    return warning.startswith(OOD)
