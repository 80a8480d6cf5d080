"""The instruments by name."""

from __future__ import annotations

from gtzan_lightning.corpus.synthesis.voices import Voice

_VOWELS = ((730.0, 1_090.0, 2_440.0), (400.0, 1_900.0, 2_550.0), (450.0, 800.0, 2_830.0), (640.0, 1_190.0, 2_390.0))
_HIGH_VOWELS = tuple(tuple(1.17 * hz for hz in vowel) for vowel in _VOWELS)

#                         rolloff attack  decay  sustain bright
INSTRUMENTS: dict[str, Voice] = {
    "piano": Voice(7.0, 0.002, 0.7, 0.0, 0.15, detune_cents=1.5),
    "electric piano": Voice(9.0, 0.003, 0.8, 0.05, 0.10, even=0.5),
    "organ": Voice(5.0, 0.006, 1.0, 0.9, 2.0, vibrato_cents=9.0, even=0.8),
    "strings": Voice(5.5, 0.07, 1.0, 0.9, 2.0, vibrato_cents=10.0, detune_cents=7.0, breath=0.03),
    "pad strings": Voice(8.0, 0.12, 1.0, 0.9, 1.0, detune_cents=9.0),
    "violin": Voice(5.0, 0.04, 1.0, 0.9, 3.0, vibrato_cents=18.0, breath=0.03, formants=((500.0, 1_000.0, 2_800.0),)),
    "fiddle": Voice(
        4.0,
        0.02,
        1.0,
        0.8,
        2.0,
        vibrato_cents=10.0,
        breath=0.05,
        scoop_cents=40.0,
        formants=((480.0, 1_100.0, 3_000.0),),
    ),
    "cello": Voice(6.0, 0.05, 1.0, 0.9, 3.0, vibrato_cents=14.0, breath=0.03, formants=((220.0, 600.0, 1_500.0),)),
    "flute": Voice(13.0, 0.03, 1.0, 0.9, 1.0, vibrato_cents=12.0, breath=0.09),
    "oboe": Voice(4.0, 0.02, 1.0, 0.9, 3.0, vibrato_cents=10.0, breath=0.01, formants=((1_050.0, 2_900.0),)),
    "brass": Voice(4.5, 0.03, 0.4, 0.7, 0.5, detune_cents=4.0, breath=0.02, formants=((900.0, 1_500.0),)),
    "trumpet": Voice(4.0, 0.02, 0.5, 0.8, 0.8, vibrato_cents=12.0, breath=0.02, formants=((1_200.0, 2_200.0),)),
    "saxophone": Voice(
        4.5,
        0.02,
        0.6,
        0.8,
        0.9,
        vibrato_cents=16.0,
        breath=0.08,
        scoop_cents=50.0,
        formants=((600.0, 1_400.0, 2_600.0),),
    ),
    "harmonica": Voice(
        3.5, 0.03, 1.0, 0.9, 2.0, vibrato_cents=20.0, breath=0.05, scoop_cents=70.0, formants=((1_500.0, 2_700.0),)
    ),
    "nylon guitar": Voice(8.0, 0.003, 0.5, 0.0, 0.10, formants=((110.0, 220.0, 450.0),)),
    "steel guitar": Voice(5.0, 0.002, 0.45, 0.0, 0.16, breath=0.01),
    "pedal steel": Voice(6.0, 0.05, 1.5, 0.5, 0.9, vibrato_cents=14.0, scoop_cents=180.0),
    "banjo": Voice(2.5, 0.001, 0.14, 0.0, 0.08, formants=((700.0, 1_600.0, 3_000.0),)),
    "clean guitar": Voice(6.0, 0.002, 0.5, 0.05, 0.20, cabinet_hz=4_500.0),
    "wah guitar": Voice(4.0, 0.002, 0.2, 0.0, 0.10, formants=((700.0,), (1_200.0,), (1_800.0,))),
    "crunch guitar": Voice(5.0, 0.002, 0.9, 0.3, 0.6, vibrato_cents=6.0, drive=3.0, cabinet_hz=4_200.0),
    "distorted guitar": Voice(5.0, 0.002, 1.5, 0.5, 0.9, vibrato_cents=8.0, drive=9.0, cabinet_hz=4_600.0),
    "high gain guitar": Voice(4.5, 0.001, 1.5, 0.5, 0.9, vibrato_cents=4.0, drive=25.0, cabinet_hz=5_200.0),
    "finger bass": Voice(9.0, 0.004, 0.6, 0.2, 0.12),
    "pick bass": Voice(6.0, 0.002, 0.6, 0.2, 0.20, drive=1.5, cabinet_hz=4_000.0),
    "upright bass": Voice(10.0, 0.008, 0.35, 0.05, 0.08, formants=((90.0, 180.0, 400.0, 800.0),)),
    "synth bass": Voice(5.0, 0.003, 0.3, 0.5, 0.12, detune_cents=4.0),
    "sub bass": Voice(16.0, 0.006, 1.0, 0.6, 0.10),
    "synth lead": Voice(4.0, 0.005, 0.5, 0.7, 0.6, vibrato_cents=8.0, detune_cents=8.0),
    "pluck": Voice(5.0, 0.002, 0.18, 0.0, 0.07, detune_cents=4.0),
    "voice": Voice(6.0, 0.03, 1.0, 0.8, 3.0, vibrato_cents=18.0, breath=0.03, scoop_cents=60.0, formants=_VOWELS),
    "high voice": Voice(
        6.0,
        0.03,
        1.0,
        0.8,
        3.0,
        vibrato_cents=20.0,
        breath=0.04,
        scoop_cents=40.0,
        detune_cents=3.0,
        formants=_HIGH_VOWELS,
    ),
    "rap": Voice(5.0, 0.01, 0.15, 0.3, 1.0, breath=0.15, scoop_cents=-150.0, formants=_VOWELS),
    "growl": Voice(3.0, 0.02, 1.0, 0.8, 3.0, breath=0.5, drive=4.0, cabinet_hz=4_500.0, formants=_VOWELS),
}
