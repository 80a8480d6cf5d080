"""Fingerprints match shifted, coded, resampled and noisy copies, and no unrelated sounds."""

import io
from itertools import combinations

import numpy as np
import pytest
import soundfile
import soxr

from gtzan_lightning.audit.fingerprint import HOP, RATE_HZ, Landmarks, find_matches, landmarks, peaks

pytestmark = pytest.mark.slow

TUNES = 12
SECONDS = 20
RATE = 22_050


def tune(number):
    """Notes of a scale at random times with decaying overtones, and noise bursts on a beat."""
    rng = np.random.default_rng(number)
    sound = np.zeros(SECONDS * RATE + RATE)
    for _ in range(12 * SECONDS):
        start = int(rng.uniform(0, SECONDS) * RATE)
        time_s = np.arange(int(0.5 * RATE)) / RATE
        pitch_hz = 110 * 2 ** (rng.integers(0, 36) / 12)
        note = sum(np.sin(2 * np.pi * pitch_hz * k * time_s) / k for k in (1, 2, 3, 4))
        sound[start : start + len(time_s)] += rng.uniform(0.3, 1) * note * np.exp(-5 * time_s)
    for beat in np.arange(0, SECONDS, rng.uniform(0.4, 0.7)):
        start, burst = int(beat * RATE), rng.normal(size=RATE // 20)
        sound[start : start + len(burst)] += burst
    return (0.1 * sound[: SECONDS * RATE]).astype(np.float32)


def coded(sound, **settings):
    """The sound after encoding and decoding, and the bit rate in kbit/s."""
    file = io.BytesIO()
    soundfile.write(file, sound, RATE, **settings)
    kbit_s = file.getbuffer().nbytes * 8 / 1000 / (len(sound) / RATE)
    file.seek(0)
    return soundfile.read(file, dtype="float32")[0], kbit_s


def mp3(sound):
    # At 22,050 Hz compression levels 0 to 1 are bit rates from 160 to 8 kbit/s.
    level = (160 - 64) / (160 - 8)
    settings = {"format": "MP3", "subtype": "MPEG_LAYER_III", "compression_level": level, "bitrate_mode": "CONSTANT"}
    copy, kbit_s = coded(sound, **settings)
    assert kbit_s == pytest.approx(64, rel=0.05)
    return copy


def ogg(sound):
    copy, kbit_s = coded(sound, format="OGG", subtype="VORBIS", compression_level=0.4)
    assert kbit_s < 72
    return copy


def noisy(sound):
    power = (sound**2).mean() / 10 ** (20 / 10)
    return sound + np.sqrt(power) * np.random.default_rng(9).normal(size=len(sound)).astype(np.float32)


SHAPES = {
    "shifted by 1 s": lambda sound: sound[RATE:],
    "shifted by 4.321 s": lambda sound: sound[int(4.321 * RATE) :],
    "shifted by 10 s": lambda sound: sound[10 * RATE :],
    "mp3": mp3,
    "ogg": ogg,
    "gain": lambda sound: 0.1 * sound,
    "resampled": lambda sound: soxr.resample(soxr.resample(sound, RATE, 16_000), 16_000, RATE),
    "noise": noisy,
}


@pytest.fixture(scope="module")
def matched():
    tunes = [tune(number) for number in range(TUNES)]
    sounds = [(number, sound) for number, sound in enumerate(tunes)]
    sounds += [(number, shape(sound)) for shape in SHAPES.values() for number, sound in enumerate(tunes)]
    matches = find_matches([landmarks(sound, RATE) for _, sound in sounds])
    return [number for number, _ in sounds], matches


def test_copies_are_found_and_nothing_else(matched):
    source, matches = matched
    found = {(match.one, match.other) for match in matches}
    copies = [(number, TUNES * shape + number) for shape in range(1, len(SHAPES) + 1) for number in range(TUNES)]
    assert sum(pair in found for pair in copies) >= 0.95 * len(copies)
    unrelated = [pair for pair in combinations(range(len(source)), 2) if source[pair[0]] != source[pair[1]]]
    assert len(unrelated) > 5000
    assert sum(pair in found for pair in unrelated) <= len(unrelated) / 10_000


def test_the_shift_is_reported(matched):
    _, matches = matched
    shifts = {(match.one, match.other): match.shift_s for match in matches}
    frame_s = HOP / RATE_HZ
    for shape, shift_s in enumerate((-1, -4.321, -10), start=1):
        for number in range(TUNES):
            assert shifts[number, TUNES * shape + number] == pytest.approx(shift_s, abs=2 * frame_s)


def test_peaks_of_a_known_constellation():
    picture = np.full((60, 100), -50, np.float32)
    for frame, place in ((5, 20), (30, 60), (31, 95)):
        picture[frame, place] = 0
    picture[6, 21] = -10  # beside a larger one
    frame, place = peaks(picture)
    loud = picture[frame, place] == 0
    assert sorted(zip(frame[loud].tolist(), place[loud].tolist(), strict=True)) == [(5, 20), (30, 60), (31, 95)]
    assert (6, 21) not in set(zip(frame.tolist(), place.tolist(), strict=True))


@pytest.mark.parametrize("sound", [np.zeros(0), np.zeros(100), np.zeros(40_000)])
def test_silence_and_scraps_match_nothing(sound):
    nothing = landmarks(sound.astype(np.float32), RATE_HZ)
    assert find_matches([nothing, nothing]) == []


def test_landmarks_of_two_neighbouring_shifts_agree():
    hashes = np.arange(13)
    one = Landmarks(hashes, np.arange(13) * 10)
    other = Landmarks(hashes, np.arange(13) * 10 + np.where(np.arange(13) < 7, 5, 6))
    (match,) = find_matches([one, other], min_matches=13)
    assert (match.one, match.other, match.matches) == (0, 1, 13)
    apart = Landmarks(hashes, np.arange(13) * 10 + np.where(np.arange(13) < 7, 5, 8))
    assert find_matches([one, apart], min_matches=13) == []
