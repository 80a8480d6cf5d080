"""Styles of blues, classical, country, jazz and reggae for the synthetic corpus.

Levels and spectra of neighbouring genres overlap, as they do on commercial recordings.
"""

from __future__ import annotations

from gtzan_lightning.corpus.synthesis.style import Style, part, progression

ACOUSTIC_STYLES = {
    "blues": Style(
        tempo_bpm=(66.0, 112.0),
        beats_per_bar=4,
        steps_per_beat=3,
        swing=(0.0, 0.0),  # triplets swing by themselves
        scales=("blues",),
        progressions=(
            progression("0:7 5:7 0:7 0:7 5:7 5:7 0:7 0:7 7:7 5:7 0:7 7:7"),
            progression("0:7 0:7 5:7 0:7 7:7 5:7 0:7 7:7"),
            progression("0:min7 5:min7 0:min7 7:7"),
        ),
        forms=("vvcv", "vcvc", "ivvc", "vvbv"),
        drums=(
            {"kick": "x.....x.....", "snare": "...x.....x..", "hat": "x.xx.xx.xx.x"},
            {"kick": "x.....x....x", "snare": "...x.....x..", "ride": "x..x.xx..x.x"},
            {"kick": "x.....x.....", "brush": "x.xX.xx.xX.x"},
        ),
        drums_gain_db=-3.0,
        parts=(
            part("walk", "finger bass, upright bass", "x--x--x--x-- x-xx-xx-xx-x", 33, -3.0),
            part(
                "chord", "clean guitar, piano, organ, crunch guitar", "x-.x-.x-.x-. x.xx.xx.xx.x ..x..x..x..x", 55, -8.0
            ),
            part(
                "melody",
                "crunch guitar, harmonica, clean guitar",
                "x-x--.x-x... ..x-xx--.... x----x.xx---",
                62,
                -5.0,
                "vcb",
            ),
            part("melody", "voice", "..xx-x---... x-xx--x-.... ...x-x-x----", 50, -5.0, "vc"),
        ),
        room_s=(0.3, 1.0),
        wet_db=(-22.0, -12.0),
        tilt_db=(-1.5, 0.5),
        high_cut_hz=(4_500.0, 10_000.0),
        level_dbfs=(-24.0, -15.0),
        noise_dbfs=(-66.0, -48.0),
        dynamics=1.0,
    ),
    "classical": Style(
        tempo_bpm=(58.0, 126.0),
        beats_per_bar=3,
        steps_per_beat=4,
        swing=(0.0, 0.0),
        scales=("major", "minor"),
        progressions=(
            progression("0:maj 7:7 0:maj 5:maj 2:min 7:7 0:maj 7:maj"),
            progression("0:min 5:min 7:7 0:min 8:maj 3:maj 5:min 7:7"),
            progression("0:maj 9:min 2:min 7:7"),
        ),
        forms=("ivcv", "vcbv", "vicb", "cvbc"),
        drums=({},),
        drums_gain_db=-60.0,
        parts=(
            part("root", "cello, upright bass, strings", "x----------- x-------x---", 38, -5.0, "vcb"),
            part("arpeggio", "piano, nylon guitar, strings, flute", "x-x-x-x-x-x- xxxxxxxxxxxx x---x---x---", 55, -6.0),
            part("chord", "strings, brass, pad strings", "x----------- x-------x---", 57, -9.0, "cb"),
            part(
                "melody", "violin, flute, oboe, piano, cello", "x---x-x-x--- x-------xxxx x-----x-x-x-", 69, -3.0, "vc"
            ),
        ),
        room_s=(1.0, 2.4),
        wet_db=(-12.0, -4.0),
        tilt_db=(-1.5, 0.5),
        high_cut_hz=(5_000.0, 10_500.0),
        level_dbfs=(-31.0, -19.0),
        noise_dbfs=(-70.0, -52.0),
        dynamics=2.2,
    ),
    "country": Style(
        tempo_bpm=(92.0, 142.0),
        beats_per_bar=4,
        steps_per_beat=4,
        swing=(0.0, 0.25),
        scales=("major pentatonic", "major"),
        progressions=(
            progression("0:maj 0:maj 5:maj 5:maj 7:maj 7:7 0:maj 0:maj"),
            progression("0:maj 5:maj 0:maj 7:7"),
            progression("0:maj 9:min 5:maj 7:maj"),
        ),
        forms=("vvcv", "vcvc", "ivcv", "cvbc"),
        drums=(
            {"kick": "x.......x.......", "snare": "x.xxX.xxx.xxX.xx"},
            {"kick": "x.......x.......", "rim": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x.......x.x.....", "snare": "....x.......x...", "shaker": "x.xxx.xxx.xxx.xx"},
        ),
        drums_gain_db=-5.0,
        parts=(
            part(
                "alternate", "upright bass, finger bass", "x-------x------- x---....x---.... x-------x---x---", 33, -4.0
            ),
            part("chord", "steel guitar, nylon guitar", "....x-xx....x-xx x---x-xxx---x-xx ..x...x...x...x.", 52, -6.0),
            part(
                "arpeggio",
                "banjo, steel guitar, clean guitar",
                "x.xxx.xxx.xxx.xx xxxxxxxxxxxxxxxx x.x.x.x.x.x.x.x.",
                60,
                -9.0,
                "vcb",
            ),
            part(
                "melody",
                "pedal steel, fiddle, clean guitar",
                "x-------x---x--- ....x-x-x---.... x---x---x-------",
                66,
                -6.0,
                "ic",
            ),
            part("melody", "voice", "x-x-x---x-x-.... ..x-x-x-x-----.. x---x-x-x-------", 52, -3.0, "vc"),
        ),
        room_s=(0.25, 0.9),
        wet_db=(-22.0, -12.0),
        tilt_db=(-0.8, 1.2),
        high_cut_hz=(6_000.0, 11_000.0),
        level_dbfs=(-22.0, -13.5),
        noise_dbfs=(-72.0, -54.0),
        dynamics=0.8,
    ),
    "jazz": Style(
        tempo_bpm=(96.0, 196.0),
        beats_per_bar=4,
        steps_per_beat=3,
        swing=(0.0, 0.0),  # triplets swing by themselves
        scales=("dorian", "mixolydian", "major"),
        progressions=(
            progression("2:min9 7:9 0:maj7 9:7"),
            progression("0:maj7 9:min7 2:min9 7:9 4:min7 9:7 2:min7 7:9"),
            progression("0:min9 0:min9 5:min9 0:min9"),
        ),
        forms=("vvcv", "vvvb", "cvbv", "vbvc"),
        drums=(
            {"ride": "x..x.xx..x.x", "hat": "...x.....x..", "kick": "x..........."},
            {"brush": "x.xX.xx.xX.x", "hat": "...x.....x.."},
            {"ride": "x..x.xx..x.x", "hat": "...x.....x..", "snare": ".....x......", "kick": "......x....."},
        ),
        drums_gain_db=-7.0,
        parts=(
            part("walk", "upright bass", "x--x--x--x-- x--x--x--x.x", 33, -3.0),
            part(
                "chord",
                "piano, clean guitar, electric piano, organ",
                "x-...x...... .....x-..x-. ..x-....x-.. x----.x----.",
                55,
                -8.0,
            ),
            part(
                "melody",
                "saxophone, trumpet, piano, clean guitar",
                "x-xx-xx-xx-x x-----x-xx-- ..xx-xx-x--- x-x-..x-xx-x",
                60,
                -4.0,
                "vc",
            ),
            part("melody", "piano, flute, saxophone", "x-xx-xx-.x-x ..x..xx----- x-x--.x-x--.", 67, -6.0, "b"),
        ),
        room_s=(0.4, 1.3),
        wet_db=(-20.0, -10.0),
        tilt_db=(-1.7, 0.5),
        high_cut_hz=(4_500.0, 10_000.0),
        level_dbfs=(-27.0, -17.0),
        noise_dbfs=(-68.0, -48.0),
        dynamics=1.0,
    ),
    "reggae": Style(
        tempo_bpm=(66.0, 92.0),
        beats_per_bar=4,
        steps_per_beat=4,
        swing=(0.0, 0.4),
        scales=("minor pentatonic", "major pentatonic"),
        progressions=(
            progression("0:min 5:min 0:min 5:min"),
            progression("0:maj 5:maj 0:maj 7:maj"),
            progression("0:min 10:maj 0:min 7:min"),
        ),
        forms=("vvcv", "vcvb", "bvvc", "ivvc"),
        drums=(
            {"kick": "........x.......", "rim": "........x.......", "hat": "x.x.x.x.x.x.x.x."},
            {"kick": "x...x...x...x...", "rim": "........x.....x.", "hat": "x.xxx.x.x.xxx.x."},
            {
                "kick": "x.......x.......",
                "snare": "........x.......",
                "hat": "..x...x...x...x.",
                "conga": "x...x.x....x..x.",
            },
        ),
        drums_gain_db=-2.0,
        parts=(
            part("alternate", "sub bass, finger bass", "x--x--x-....x-x- ..x-x-x-x---.... x---..x-x-x-....", 31, 1.0),
            part("chord", "clean guitar, piano, organ", "....x.......x... ..x...x...x...x. ....x.x.....x.x.", 59, -5.0),
            part("chord", "organ", "..xx..xx..xx..xx ..x.x.x...x.x.x. x---------------", 55, -11.0, "vcb"),
            part("melody", "voice, high voice", "x-x-x---....x-x- ..x-x-x---...... x---x-..x-x-....", 53, -4.0, "vc"),
            part(
                "melody",
                "brass, harmonica, trumpet",
                "........x-x-x--- x---x-.......... ....x-x-x-------",
                64,
                -8.0,
                "ic",
            ),
        ),
        room_s=(0.4, 1.6),
        wet_db=(-20.0, -9.0),
        tilt_db=(-2.0, 0.3),
        high_cut_hz=(5_500.0, 10_500.0),
        level_dbfs=(-22.0, -13.0),
        noise_dbfs=(-70.0, -52.0),
        dynamics=0.9,
    ),
}
