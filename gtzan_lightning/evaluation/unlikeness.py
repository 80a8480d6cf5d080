"""Sentences on a file that is unlike the music of the training: there, a confident answer is often a wrong one.

The bounds were set on 519 clips of GTZAN, none of which they name. Where a model knows its training music, it decides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gtzan_lightning.evaluation.familiarity import Familiarity
from gtzan_lightning.features.sound import SILENCE_DBFS, Sound

QUIET_DBFS = -40.0  # GTZAN's clips have -28 to -9 dBFS; broadcasts are levelled to -23 (EBU R 128)
LOUD_DBFS = -5.0  # the loudest masters have about -7 dBFS; a sine at full scale has -3
CLIPPED_SHARE = 0.02  # the most clipped of GTZAN's clips has 0.015
SILENT_SHARE = 0.25
NARROW_HZ = 5000.0  # a telephone ends at 3.4 or 4 kHz; no clip of GTZAN ends below 6
NARROW_SHARE = 0.6  # of the band that the sampling rate can hold, for models of low rates
SHORT_SHARE = 0.8  # of the shortest usual training track


def sound_warnings(sound: Sound, rate_hz: int) -> list[str]:
    """What is odd in a file itself, heard at the features' sampling rate."""
    told = []
    if sound.level_dbfs < QUIET_DBFS:
        told.append(f"very quiet: {sound.level_dbfs:.0f} dBFS")
    if sound.level_dbfs > LOUD_DBFS:
        told.append(f"very loud: {sound.level_dbfs:.0f} dBFS, louder than any master")
    if sound.clipped_share > CLIPPED_SHARE:
        told.append(f"clipped: {sound.clipped_share:.0%} of the samples are at full scale")
    if sound.silent_share > SILENT_SHARE:
        told.append(f"silence: {sound.silent_share:.0%} of the time is below {SILENCE_DBFS:.0f} dBFS")
    if sound.bandwidth_hz < min(NARROW_HZ, NARROW_SHARE * rate_hz / 2):
        told.append(f"narrow band: nothing above {sound.bandwidth_hz / 1000:.1f} kHz, like a telephone")
    return told


def familiarity_warnings(familiarity: Familiarity, sound: Sound, x: NDArray[np.float32]) -> list[str]:
    """What is odd beside the training music, of a file's standardised examples `(slices, steps, features)`."""
    told = []
    if sound.duration_s < SHORT_SHARE * familiarity.least_s:
        told.append(f"short: {sound.duration_s:.1f} s; training tracks have {familiarity.least_s:.0f} s and more")
    distance = familiarity.track_distance(x)
    if distance > familiarity.limit:
        told.append(
            f"unlike training: its features are {distance / familiarity.limit - 1:.0%} farther from the centre of the "
            "training music than those of nearly all training tracks"
        )
    return told
