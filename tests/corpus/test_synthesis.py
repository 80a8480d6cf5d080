"""The renderer: deterministic, audible, and consistent with its parameters."""

import hashlib
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from gtzan_lightning.corpus.synthesis import SAMPLE_RATE_HZ, TRACK_S, render
from gtzan_lightning.corpus.synthesis.instruments import DRUMS, INSTRUMENTS, band_noise, hit, note, wave_table
from gtzan_lightning.corpus.synthesis.render import amplifier, equaliser, loudspeaker, render_track, room
from gtzan_lightning.corpus.synthesis.score import STYLES, bars, note_steps, plan_track
from gtzan_lightning.corpus.synthesis.style import Chord, artist_of_tracks, artist_sizes, progression
from gtzan_lightning.corpus.tracks import GTZAN_GENRES

ARTISTS = artist_of_tracks(12)


@pytest.fixture(scope="module")
def plans():
    return {(g, n): plan_track(0, g, ARTISTS[n], n) for g in GTZAN_GENRES for n in range(12)}


@pytest.fixture(scope="module")
def flat_record(plans):
    plan = plans["rock", 0]
    return replace(plan.record, damping=0.0, tilt_db=0.0, bands_db=(0.0,) * 8, low_cut_hz=1.0, high_cut_hz=1e6)


@pytest.mark.parametrize("genre", GTZAN_GENRES)
def test_a_track_is_finite_audible_and_below_full_scale(genre):
    sound = render_track(3, genre, 0, 1, duration_s=3.0)
    assert sound.dtype == np.float32
    assert sound.shape == (66_150,)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() < 1.0
    assert np.sqrt(np.mean(sound.astype(float) ** 2)) > 10 ** (-45 / 20)


def test_a_track_lasts_thirty_seconds():
    assert render_track(0, "classical", 0, 0).shape == (661_500,)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_samples_in_another_process():
    code = (
        "import hashlib; from gtzan_lightning.corpus.synthesis.render import render_track as r;"
        "print(hashlib.sha256(r(5, 'pop', 1, 4, 2.0).tobytes()).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert there == hashlib.sha256(render_track(5, "pop", 1, 4, 2.0).tobytes()).hexdigest()


def test_seed_genre_artist_and_number_each_change_the_track():
    requested = [(0, "pop", 0, 0), (1, "pop", 0, 0), (0, "rock", 0, 0), (0, "pop", 1, 0), (0, "pop", 0, 1)]
    assert len({render_track(*arguments, duration_s=0.5).tobytes() for arguments in requested}) == len(requested)


def test_notes_are_in_the_tuning_of_the_track(plans, monkeypatch):
    played_hz = []
    monkeypatch.setattr(render, "note", lambda voice, hz, *rest: played_hz.append(hz) or note(voice, hz, *rest))
    render_track(0, "classical", 0, 0, duration_s=3.0)
    semitones = 12 * np.log2(np.array(played_hz) / 440.0) - plans["classical", 0].tuning_cents / 100
    np.testing.assert_allclose(semitones, np.round(semitones), atol=1e-6)


def test_parameters_are_within_the_ranges_of_the_genre(plans):
    for (genre, _), plan in plans.items():
        style, record = STYLES[genre], plan.record
        assert style.tempo_bpm[0] <= plan.tempo_bpm <= style.tempo_bpm[1]
        assert style.room_s[0] <= record.room_s <= style.room_s[1]
        assert style.level_dbfs[0] <= record.level_dbfs <= style.level_dbfs[1]
        assert plan.form in style.forms
        assert plan.chords in style.progressions


def test_every_track_has_its_own_sound(plans):
    records = [plan.record for plan in plans.values()]
    for field in ("tilt_db", "level_dbfs", "room_s", "bands_db"):
        assert len({getattr(record, field) for record in records}) == len(records)
    assert len({plan.tuning_cents for plan in plans.values()}) == len(plans)


def test_tracks_of_one_artist_are_more_similar_than_tracks_of_two(plans):
    same, other = [], []
    for (genre, number), plan in plans.items():
        for later in range(number + 1, 12):
            difference = np.subtract(plan.record.bands_db, plans[genre, later].record.bands_db)
            (same if ARTISTS[number] == ARTISTS[later] else other).append(np.mean(difference**2))
    assert np.mean(same) < 0.75 * np.mean(other)


def test_an_artist_has_the_same_instruments_on_all_tracks(plans):
    first, second = plans["jazz", 0], plans["jazz", 1]
    assert ARTISTS[0] == ARTISTS[1]
    assert [p.voice.sustain for p in first.players] == [p.voice.sustain for p in second.players]


@pytest.mark.parametrize(("tracks", "sizes"), [(12, [3, 3, 2, 2, 2]), (1, [1]), (2, [2]), (3, [3]), (5, [3, 2])])
def test_artists_have_two_or_three_tracks(tracks, sizes):
    assert artist_sizes(tracks) == sizes


@pytest.mark.parametrize("tracks", range(4, 60))
def test_every_track_has_an_artist(tracks):
    assert sum(artist_sizes(tracks)) == len(artist_of_tracks(tracks)) == tracks
    assert set(artist_sizes(tracks)) <= {2, 3}


def test_there_is_a_style_for_each_gtzan_genre():
    assert tuple(STYLES) == GTZAN_GENRES


@pytest.mark.parametrize("genre", GTZAN_GENRES)
def test_the_table_of_a_genre_is_valid(genre):
    style = STYLES[genre]
    patterns = [(name, pattern) for kit in style.drums for name, pattern in kit.items()]
    assert {name for name, _ in patterns} <= set(DRUMS)
    assert {voice for part in style.parts for voice in part.voices} <= set(INSTRUMENTS)
    for pattern in [pattern for _, pattern in patterns] + [p for part in style.parts for p in part.patterns]:
        assert len(pattern) == style.steps_per_bar
        assert set(pattern) <= set("xX-.")
        assert not pattern.startswith("-")
        assert ".-" not in pattern
    assert {letter for form in style.forms for letter in form} <= set("ivcb")


def test_a_track_has_sections(plans):
    for plan in plans.values():
        found = list(bars(plan, TRACK_S))
        assert found[-1].start_s < TRACK_S
        assert len({bar.section for bar in found}) > 1
        assert found[1].start_s == pytest.approx(plan.style.beats_per_bar * 60 / plan.tempo_bpm)


def test_patterns_and_progressions_are_parsed():
    assert note_steps("x-X..x--") == [(0, 2, 0.0), (2, 1, 2.0), (5, 3, 0.0)]
    assert progression("0:maj 7:7") == (Chord(0, (0, 4, 7)), Chord(7, (0, 4, 7, 10)))


@pytest.mark.parametrize("name", ["flute", "piano", "cello"])
def test_a_note_has_its_pitch(name):
    voice = replace(INSTRUMENTS[name], vibrato_cents=0.0, detune_cents=0.0)
    sound = note(voice, 220.0, SAMPLE_RATE_HZ, 0, np.random.default_rng(0))[:SAMPLE_RATE_HZ]
    spectrum = np.abs(np.fft.rfft(sound))  # bins of 1 Hz
    peaks = np.flatnonzero(spectrum > 0.5 * spectrum.max())
    assert (np.abs(peaks / 220.0 - np.round(peaks / 220.0)) * 220.0 <= 2.0).all()


def test_a_high_note_has_no_aliases():
    table = wave_table(INSTRUMENTS["banjo"], 4_000.0, (), dark=False)
    level = np.abs(np.fft.rfft(table))
    assert np.flatnonzero(level > 1e-3 * level.max()).tolist() == [1, 2]  # 4 and 8 kHz; 12 kHz is past Nyquist


def test_a_hit_decays_and_noise_is_band_limited():
    sound = hit(DRUMS["kick"], np.random.default_rng(0))
    assert np.abs(sound[-100:]).max() < 0.01 * np.abs(sound).max()
    power = np.abs(np.fft.rfft(band_noise(22_050, 2_000.0, 4_000.0, np.random.default_rng(0)))) ** 2
    assert power[1_000:8_000].sum() > 0.95 * power.sum()


def test_a_room_decays_by_60_db_in_its_reverberation_time(flat_record):
    record = replace(flat_record, room_s=1.2, wet_db=0.0)
    response = room(record, np.random.default_rng(0))[int(0.06 * SAMPLE_RATE_HZ) :]
    left_db = 10 * np.log10(np.cumsum(response[::-1] ** 2)[::-1] / np.sum(response**2))  # Schroeder 1965
    fall_s = (np.argmax(left_db < -25) - np.argmax(left_db < -5)) / SAMPLE_RATE_HZ
    assert 3 * fall_s == pytest.approx(1.2, rel=0.06)


def test_the_equaliser_tilts_and_cuts(flat_record):
    hz = np.array([500.0, 1_000.0, 2_000.0], dtype=np.float32)
    np.testing.assert_allclose(20 * np.log10(equaliser(replace(flat_record, tilt_db=2.0), hz)), [-2, 0, 2], atol=1e-3)
    cut = equaliser(replace(flat_record, high_cut_hz=1_000.0), hz)
    np.testing.assert_allclose(20 * np.log10(cut), [0.0, -3.01, -36.1], atol=0.05)  # Butterworth of sixth order
    assert 20 * np.log10(loudspeaker(np.array([4_000.0], np.float32), 4_000.0))[0] == pytest.approx(-3.01, abs=0.01)


def test_the_amplifier_saturates():
    quiet, loud = np.abs(amplifier(np.array([0.1, 10.0], np.float32), 9.0))
    assert loud / quiet < 2.0
