"""Sentences on a file that is unlike the music of the training: there, a confident answer is often a wrong one.

The bounds were set on 519 clips of GTZAN, none of which they name. Where a model knows its training music, it decides.

MERGED: How far an example is from what a model was trained on: far from it, a probability means little.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.features.signal_quality import SILENCE_DBFS, SignalQuality

MAX_ROWS = 50_000  # steps that the covariance is estimated from: frames of thousands of clips are no more evidence
TYPICAL_SHARE = 0.995  # of the training tracks, which are no farther than `limit`
LONG_SHARE = 0.99  # of the training tracks, which are at least `least_s` long
FOLDS = 5  # of the tracks: each is measured with the centre and the covariance of the other four fifths


@dataclass(frozen=True, eq=False)
class OodScore:
    """Centre and precision of the training steps, and how far training tracks are from them."""

    center: NDArray[np.float32]  # (features,)
    precision: NDArray[np.float32]  # (features, features); zero where a feature is constant
    limit: float  # distance that hardly a track of the training music exceeds
    least_s: float  # where the last slice ends, in nearly all training tracks at least

    def distances(self, x: NDArray[np.floating]) -> NDArray[np.float64]:
        """Distance of each standardised example `(slices, steps, features)`, `(slices,)`.

        The root of the mean squared distance of its steps, for each feature that varies: about 1 for training examples.
        """
        away = (x - self.center).astype(np.float64)
        squared = np.einsum("nsf,nsf->n", away @ self.precision, away) / x.shape[1]
        return np.sqrt(squared.clip(0) / max(1, np.count_nonzero(np.diag(self.precision))))

    def track_distance(self, x: NDArray[np.floating]) -> float:
        """Distance of a track: the median over its examples `(slices, steps, features)`."""
        return float(np.median(self.distances(x)))

    def plain(self) -> dict[str, Any]:
        """As arrays and numbers, for a checkpoint."""
        return {"center": self.center, "precision": self.precision, "limit": self.limit, "least_s": self.least_s}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> OodScore:
        """What `plain` gave.

        Raises:
            KeyError, ValueError: it is something else.
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
    """What the training examples are like.

    Args:
        steps: standardised steps, `(distinct steps, features)`.
        step_index: rows of `steps` of each training example, `(slices, steps)`.
        track: track of each, `(slices,)`.
        stop_s: where each ends in its track, `(slices,)`.
    """
    numbers, place = np.unique(track, return_inverse=True)
    of_fold = place % min(FOLDS, len(numbers))
    distances = np.empty(len(numbers))
    for fold in range(of_fold.max() + 1):  # a track that has shaped the centre itself seems nearer than a new one
        others = of_fold != fold if len(numbers) > 1 else of_fold == fold
        center, precision = _shape(steps, step_index[others])
        known = OodScore(center, precision, 0.0, 0.0)
        for number in np.unique(place[of_fold == fold]):
            distances[number] = known.track_distance(steps[step_index[place == number]])
    ends_s = [stop_s[place == number].max() for number in range(len(numbers))]
    center, precision = _shape(steps, step_index)
    return OodScore(
        center, precision, float(np.quantile(distances, TYPICAL_SHARE)), float(np.quantile(ends_s, 1 - LONG_SHARE))
    )


def _shape(
    steps: NDArray[np.float32], step_index: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Centre `(features,)` and precision `(features, features)` of the steps that some examples read."""
    from sklearn.covariance import LedoitWolf

    used = np.unique(step_index)
    rows = np.asarray(steps[used[:: -(-len(used) // MAX_ROWS)]], np.float64)
    varies = np.ptp(rows, axis=0) > 0
    precision = np.zeros((rows.shape[1], rows.shape[1]), np.float32)
    if varies.any():
        precision[np.ix_(varies, varies)] = LedoitWolf().fit(rows[:, varies]).precision_
    return rows.mean(axis=0).astype(np.float32), precision


QUIET_DBFS = -40.0  # GTZAN's clips have -28 to -9 dBFS; broadcasts are levelled to -23 (EBU R 128)
LOUD_DBFS = -5.0  # the loudest masters have about -7 dBFS; a sine at full scale has -3
CLIPPED_SHARE = 0.02  # the most clipped of GTZAN's clips has 0.015
SILENT_SHARE = 0.25
NARROW_HZ = 5000.0  # a telephone ends at 3.4 or 4 kHz; no clip of GTZAN ends below 6
NARROW_SHARE = 0.6  # of the band that the sampling rate can hold, for models of low rates
SHORT_SHARE = 0.8  # of the shortest usual training track


def sound_warnings(sound: SignalQuality, rate_hz: int) -> list[str]:
    """What is odd in a file itself, heard at the features' sampling rate."""
    message = []
    if sound.level_dbfs < QUIET_DBFS:
        message.append(f"very quiet: {sound.level_dbfs:.0f} dBFS")
    if sound.level_dbfs > LOUD_DBFS:
        message.append(f"very loud: {sound.level_dbfs:.0f} dBFS, louder than any master")
    if sound.clipped_share > CLIPPED_SHARE:
        message.append(f"clipped: {sound.clipped_share:.0%} of the samples are at full scale")
    if sound.silent_share > SILENT_SHARE:
        message.append(f"silence: {sound.silent_share:.0%} of the time is below {SILENCE_DBFS:.0f} dBFS")
    if sound.bandwidth_hz < min(NARROW_HZ, NARROW_SHARE * rate_hz / 2):
        message.append(f"narrow band: nothing above {sound.bandwidth_hz / 1000:.1f} kHz, like a telephone")
    return message


def ood_warnings(ood: OodScore, sound: SignalQuality, x: NDArray[np.float32]) -> list[str]:
    """What is odd beside the training music, of a file's standardised examples `(slices, steps, features)`."""
    message = []
    if sound.duration_s < SHORT_SHARE * ood.least_s:
        message.append(f"short: {sound.duration_s:.1f} s; training tracks have {ood.least_s:.0f} s and more")
    distance = ood.track_distance(x)
    if distance > ood.limit:
        message.append(
            f"unlike training: its features are {distance / ood.limit - 1:.0%} farther from the centre of the "
            "training music than those of nearly all training tracks"
        )
    return message
