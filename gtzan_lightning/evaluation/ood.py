"""Out-of-distribution (OOD) score of a file, and warnings about its signal quality.

The score is the Mahalanobis distance to the mean of the training examples, which Lee et al. (2018, NeurIPS, "A simple
unified framework for detecting out-of-distribution samples") compute on a network's features; here it is computed on
standardised inputs, with one mean for all genres and the covariance of Ledoit & Wolf (2004), which is invertible for
any number of features. Predictions with a large score are unreliable, however confident.

The bounds of the warnings were set on 519 clips of GTZAN, none of which causes a warning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.features.signal_quality import SILENCE_DBFS, SignalQuality

MAX_ROWS = 50_000  # maximum number of steps for the covariance estimate
TYPICAL_SHARE = 0.995  # share of the training tracks whose distance is at most `limit`
LONG_SHARE = 0.99  # share of the training tracks that last at least `least_s`
FOLDS = 5  # for the distances of training tracks to the mean of the others

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
    """Mean and precision matrix of the training steps, and limits from the training tracks."""

    center: NDArray[np.float32]  # (features,)
    precision: NDArray[np.float32]  # (features, features); zero where a feature is constant
    limit: float  # distance of the 99.5th percentile of the training tracks
    least_s: float  # end of the last slice in the 1st percentile of the training tracks, in seconds

    def distances(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Distance of each standardised example `(slices, steps, features)`, `(slices,)`.

        This is the root mean square Mahalanobis distance of its steps, divided by the root of the number of features
        that vary: about 1 for training examples.
        """
        away = (x - self.center).astype(np.float64)
        squared = np.einsum("nsf,nsf->n", away @ self.precision, away) / x.shape[1]
        return np.sqrt(squared.clip(0) / max(1, np.count_nonzero(np.diag(self.precision))))

    def track_distance(self, x: NDArray[np.floating]) -> float:
        """Median distance of a track's examples `(slices, steps, features)`."""
        return float(np.median(self.distances(x)))

    def plain(self) -> dict[str, Any]:
        """Return arrays and numbers for a checkpoint."""
        return {"center": self.center, "precision": self.precision, "limit": self.limit, "least_s": self.least_s}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> OodScore:
        """Restore the result of `plain`.

        Raises:
            KeyError: A key is missing.
            ValueError: The shapes do not match.
        """
        center, precision = (np.asarray(plain[key], np.float32) for key in ("center", "precision"))
        if precision.shape != (len(center), len(center)):
            raise ValueError(f"a precision of {precision.shape} for {len(center)} features")
        return cls(center, precision, float(plain["limit"]), float(plain["least_s"]))


def fit_ood(
    steps: NDArray[np.float32],
    step_index: NDArray[np.int64],
    track: NDArray[np.integer],
    stop_s: NDArray[np.float64],
) -> OodScore:
    """Fit the OOD score on the training examples.

    The limit comes from cross-validated distances: a track is closer to a mean that it contributed to than a new one.

    Args:
        steps: standardised steps, `(distinct steps, features)`.
        step_index: rows of `steps` of each training example, `(slices, steps)`.
        track: track of each example, `(slices,)`.
        stop_s: end of each example in its track, in seconds, `(slices,)`.
    """
    numbers, place = np.unique(track, return_inverse=True)
    fold_of_slice = place % min(FOLDS, len(numbers))
    distances = np.empty(len(numbers))
    for fold in range(fold_of_slice.max() + 1):
        inside = fold_of_slice == fold
        center, precision = _mean_and_precision(steps, step_index[~inside if len(numbers) > 1 else inside])
        score = OodScore(center, precision, 0.0, 0.0)
        for number in np.unique(place[inside]):
            distances[number] = score.track_distance(steps[step_index[place == number]])
    ends_s = [stop_s[place == number].max() for number in range(len(numbers))]
    center, precision = _mean_and_precision(steps, step_index)
    return OodScore(
        center, precision, float(np.quantile(distances, TYPICAL_SHARE)), float(np.quantile(ends_s, 1 - LONG_SHARE))
    )


def _mean_and_precision(
    steps: NDArray[np.float32], step_index: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean `(features,)` and precision matrix `(features, features)` of the steps that the given examples contain."""
    from sklearn.covariance import LedoitWolf

    used = np.unique(step_index)
    rows = np.asarray(steps[used[:: -(-len(used) // MAX_ROWS)]], np.float64)
    varies = np.ptp(rows, axis=0) > 0
    precision = np.zeros((rows.shape[1], rows.shape[1]), np.float32)
    if varies.any():
        precision[np.ix_(varies, varies)] = LedoitWolf().fit(rows[:, varies]).precision_
    return rows.mean(axis=0).astype(np.float32), precision


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


def ood_warnings(ood: OodScore, sound: SignalQuality, x: NDArray[np.float32]) -> list[str]:
    """Warnings about a file that differs from the training tracks.

    Args:
        ood: OOD score of the model.
        sound: signal quality of the file.
        x: standardised examples of the file, `(slices, steps, features)`.
    """
    messages = []
    if sound.duration_s < SHORT_SHARE * ood.least_s:
        messages.append(f"short: {sound.duration_s:.1f} s; training tracks have {ood.least_s:.0f} s and more")
    distance = ood.track_distance(x)
    if distance > ood.limit:
        messages.append(
            f"{OOD}: the distance of its features to the mean of the training tracks exceeds that of "
            f"{TYPICAL_SHARE:.1%} of them by {distance / ood.limit - 1:.0%}"
        )
    return messages


def is_ood_warning(warning: str) -> bool:
    """Whether a warning of `ood_warnings` concerns the OOD score."""
    return warning.startswith(OOD)
