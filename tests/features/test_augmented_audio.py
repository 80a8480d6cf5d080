"""Waveform augmentation: strength of each change, and reproducibility."""

import hashlib
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gtzan_lightning.features.augmented_audio import impulse_response, rendered, stretched, with_noise
from gtzan_lightning.features.feature_request import AugmentedCopy, Waveform

RATE_HZ = 22_050
TIME_S = np.arange(2 * RATE_HZ) / RATE_HZ
TONE = (0.3 * np.sin(2 * np.pi * 440 * TIME_S)).astype(np.float32)
EVERYTHING = Waveform(gain_db=6, pitch_semitones=2, stretch=0.1, noise_snr_db=20, reverb_s=0.5)
FIRST = AugmentedCopy(1, 0, EVERYTHING)


def only(**settings):
    return [rendered(TONE, RATE_HZ, AugmentedCopy(number, 0, Waveform(**settings)), "a") for number in range(40)]


def strongest_hz(signal):
    spectrum = np.abs(np.fft.rfft(signal * np.hanning(len(signal))))
    return np.argmax(spectrum) * RATE_HZ / len(signal)


def gain_db(sound):
    return 20 * np.log10(np.abs(sound).max() / np.abs(TONE).max())


def test_no_augmentation_leaves_the_signal_unchanged():
    np.testing.assert_array_equal(rendered(TONE, RATE_HZ, AugmentedCopy(1, 0, Waveform()), "a"), TONE)


@pytest.mark.parametrize("semitones", [-3, 0, 2])
@pytest.mark.parametrize("tempo", [0.8, 1.0, 1.25])
def test_pitch_and_tempo_change_independently(semitones, tempo):
    sound = stretched(TONE, RATE_HZ, semitones, tempo)
    assert len(sound) == pytest.approx(len(TONE) / tempo, abs=1)
    middle = sound[len(sound) // 4 : -len(sound) // 4]
    assert strongest_hz(middle) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.003)  # 5 cents


def test_stretching_scales_positions_in_time():
    click = np.zeros(3 * RATE_HZ, np.float32)
    click[2 * RATE_HZ] = 1
    sound = stretched(click, RATE_HZ, 1, 0.9)
    assert np.argmax(np.abs(sound)) / RATE_HZ == pytest.approx(2 / 0.9, abs=0.002)


def test_noise_has_the_requested_snr():
    noise = with_noise(TONE, 12, np.random.default_rng(0)) - TONE
    assert 10 * np.log10(np.mean(TONE**2) / np.mean(noise**2)) == pytest.approx(12, abs=0.1)


def test_impulse_response_has_the_requested_reverberation_time():
    response = impulse_response(0.8, RATE_HZ, 6, np.random.default_rng(0))
    assert response[0] == 1
    assert 10 * np.log10(np.sum(response[1:] ** 2)) == pytest.approx(-6)
    # Schroeder's backward integration, fitted from -5 to -25 dB (ISO 3382: T20)
    decay_db = 10 * np.log10(np.cumsum(response[:0:-1] ** 2)[::-1])
    decay_db -= decay_db[0]
    fitted = np.flatnonzero((decay_db < -5) & (decay_db > -25))
    slope_db_per_s = np.polyfit(fitted / RATE_HZ, decay_db[fitted], 1)[0]
    assert -60 / slope_db_per_s == pytest.approx(0.8, rel=0.05)


def test_gain_reaches_the_limit_in_both_directions():
    gains = [gain_db(sound) for sound in only(gain_db=6)]
    assert -6 <= min(gains) < -4
    assert 4 < max(gains) <= 6


def test_tempo_is_drawn_symmetrically():
    pulses = np.zeros(2 * RATE_HZ, np.float32)
    pulses[RATE_HZ] = 1
    sounds = [rendered(pulses, RATE_HZ, AugmentedCopy(number, 0, Waveform(stretch=0.2)), "a") for number in range(40)]
    at = [np.argmax(np.abs(sound[: 3 * RATE_HZ // 2])) for sound in sounds]  # before the signal is repeated
    assert 1 / 1.2 - 0.01 <= min(at) / RATE_HZ < 0.9
    assert 1.1 < max(at) / RATE_HZ <= 1.2 + 0.01


def test_copies_have_the_length_of_the_original_and_are_finite():
    for number in range(6):
        sound = rendered(TONE, RATE_HZ, replace(FIRST, number=number), "a")
        assert sound.shape == TONE.shape
        assert sound.dtype == np.float32
        assert np.isfinite(sound).all()


def test_doubled_strength_doubles_the_change():
    small, large = only(gain_db=3), only(gain_db=6)
    for one, other in zip(small, large, strict=True):
        assert gain_db(other) == pytest.approx(2 * gain_db(one), abs=1e-4)


def test_switching_on_one_change_leaves_the_others_unchanged():
    for plain, noisy in zip(only(gain_db=6), only(gain_db=6, noise_snr_db=60), strict=True):
        assert gain_db(noisy) == pytest.approx(gain_db(plain), abs=0.1)


def test_copy_depends_on_content_number_and_seed_alone():
    states = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
    sound = rendered(TONE, RATE_HZ, FIRST, "a")
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states  # noqa: NPY002
    np.testing.assert_array_equal(rendered(TONE, RATE_HZ, FIRST, "a"), sound)
    for other, content in ((replace(FIRST, number=2), "a"), (replace(FIRST, seed=1), "a"), (FIRST, "b")):
        assert not np.array_equal(rendered(TONE, RATE_HZ, other, content), sound)


@pytest.mark.slow
def test_another_process_makes_the_same_copy():
    code = (
        "import hashlib, numpy as np\n"
        "from gtzan_lightning.features.augmented_audio import rendered\n"
        "from gtzan_lightning.features.feature_request import AugmentedCopy, Waveform\n"
        f"tone = np.frombuffer(bytes.fromhex('{TONE[:8000].tobytes().hex()}'), np.float32)\n"
        f"print(hashlib.sha256(rendered(tone, {RATE_HZ}, {FIRST}, 'a').tobytes()).hexdigest())"
    )
    done = subprocess.run([sys.executable], input=code, capture_output=True, text=True, check=True)
    here = rendered(TONE[:8000], RATE_HZ, FIRST, "a")
    assert done.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()
