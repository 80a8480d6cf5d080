"""Styles of disco, hip hop, metal, pop and rock for the synthetic corpus.

Levels and spectra of neighbouring genres overlap, as those of records do.
"""

from __future__ import annotations

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

DISCO = Style(
    tempo_bpm=(108.0, 130.0),
    beats_per_bar=4,
    steps_per_beat=4,
    swing=(0.0, 0.1),
    scales=("dorian", "minor pentatonic"),
    progressions=(
        progression("0:min7 5:min7 10:maj 3:maj7"),
        progression("0:min7 0:min7 5:9 5:9"),
        progression("9:min7 2:min7 7:9 0:maj7"),
    ),
    forms=("vcvc", "ivcb", "vvcb", "cbvc"),
    drums=(
        {"kick": "x...x...x...x...", "open": "..x...x...x...x.", "clap": "....x.......x..."},
        {
            "kick": "x...x...x...x...",
            "snare": "....x.......x...",
            "hat": "xx.xxx.xxx.xxx.x",
            "open": "..x...x...x...x.",
        },
        {
            "kick": "x...x...x...x...",
            "snare": "....x.......x...",
            "conga": "x..xx.x...x.x.x.",
            "hat": "..x...x...x...x.",
        },
    ),
    drums_gain_db=-1.0,
    parts=(
        Part(
            "octave",
            ("finger bass", "synth bass"),
            ("x-x-x-x-x-x-x-x-", "x-.xx-.xx-.xx-.x", "x...x-x-x..xx-x-"),
            33,
            -3.0,
        ),
        Part(
            "chord",
            ("clean guitar", "wah guitar"),
            ("x.xxx.xxx.xxx.xx", "..xx..xx..xx..xx", "..x...xx..x...x."),
            59,
            -9.0,
        ),
        Part(
            "chord",
            ("strings", "brass", "pad strings"),
            ("x---------------", "x-.....x-.......", "........x-x-x---"),
            64,
            -8.0,
            "cb",
        ),
        Part(
            "melody",
            ("strings", "synth lead", "brass"),
            ("x---x-x-x---....", "....x-x-x-x-x---", "x-x-..x-x-..x---"),
            72,
            -8.0,
            "ic",
        ),
        Part(
            "melody",
            ("high voice", "voice"),
            ("x-x-..x-x---....", "..x-x---..x-x---", "x---x-x-x-------"),
            60,
            -4.0,
            "vc",
        ),
    ),
    room_s=(0.3, 1.1),
    wet_db=(-20.0, -10.0),
    tilt_db=(-0.3, 1.7),
    high_cut_hz=(7_000.0, 11_000.0),
    level_dbfs=(-20.0, -12.0),
    noise_dbfs=(-70.0, -52.0),
    dynamics=0.6,
)


HIPHOP = Style(
    tempo_bpm=(78.0, 104.0),
    beats_per_bar=4,
    steps_per_beat=4,
    swing=(0.05, 0.45),
    scales=("minor pentatonic", "dorian"),
    progressions=(
        progression("0:min7 0:min7"),
        progression("0:min7 5:min7"),
        progression("0:min 8:maj7 0:min 7:min"),
    ),
    forms=("vvcv", "vcvv", "bvvc", "ivvc"),
    drums=(
        {"kick": "x..x..x...x.....", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
        {"kick": "x.......x.x..x..", "snare": "....X.......X..x", "hat": "x.xxx.xxx.xxx.xx"},
        {"kick": "x..x.....xx.....", "clap": "....x.......x...", "hat": "xxx.xxxxx.xxx.xx", "open": "......x........."},
    ),
    drums_gain_db=1.0,
    parts=(
        Part(
            "root",
            ("sub bass", "synth bass", "finger bass"),
            ("x--x--x---x-----", "x-------..x--x--", "x--x.....xx-----"),
            28,
            0.0,
        ),
        Part(
            "chord",
            ("electric piano", "pad strings", "pluck", "brass"),
            ("x---......x-....", "x-----..........", "..x-..x-..x-..x-"),
            57,
            -10.0,
        ),
        Part(
            "melody",
            ("pluck", "flute", "electric piano"),
            ("x..x..x...x.....", "x-x-....x-......", "..x...x.x......."),
            69,
            -11.0,
            "ic",
        ),
        Part("melody", ("rap",), ("x.xxx.x.xxx.x.x.", "xxx.xxx.x.xxx...", "x.x.xxxxx.x.xx.."), 45, -2.0, "vc"),
    ),
    room_s=(0.15, 0.7),
    wet_db=(-26.0, -15.0),
    tilt_db=(-1.5, 0.8),
    high_cut_hz=(6_500.0, 11_000.0),
    level_dbfs=(-19.0, -10.5),
    noise_dbfs=(-66.0, -46.0),
    dynamics=0.6,
)


METAL = Style(
    tempo_bpm=(118.0, 190.0),
    beats_per_bar=4,
    steps_per_beat=4,
    swing=(0.0, 0.0),
    scales=("phrygian", "minor"),
    progressions=(
        progression("0:min 0:min 1:maj 0:min"),
        progression("0:min 8:maj 10:maj 0:min"),
        progression("0:min 3:maj 1:maj 6:dim"),
    ),
    forms=("vcvc", "vvcb", "ivcv", "cvbc"),
    drums=(
        {"kick": "xxxxxxxxxxxxxxxx", "snare": "....x.......x...", "crash": "x...x...x...x..."},
        {"kick": "x.xxx.xxx.xxx.xx", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
        {"kick": "x.x.x.x.x.x.x.x.", "snare": "..x...x...x...x.", "ride": "x...x...x...x..."},
    ),
    drums_gain_db=-2.0,
    parts=(
        Part(
            "root", ("pick bass", "finger bass"), ("x-x-x-x-x-x-x-x-", "xxxxxxxxxxxxxxxx", "x---x-xxx---x-xx"), 28, -5.0
        ),
        Part(
            "power",
            ("high gain guitar", "distorted guitar"),
            ("x.xxx.xxx.xxx.xx", "xxxxxxxxxxxxxxxx", "x-------x---x-x-", "x-----x-----x---"),
            40,
            -1.0,
        ),
        Part(
            "melody",
            ("distorted guitar", "high gain guitar"),
            ("xxxxxxxxxxxxxxxx", "x---x---x-x-x-x-", "x-xxx-xxx-xxx-xx"),
            64,
            -6.0,
            "cb",
        ),
        Part(
            "melody", ("growl", "voice"), ("x-----x---x-....", "x---x---x-x-x---", "..x-x-x---------"), 45, -6.0, "vc"
        ),
    ),
    room_s=(0.2, 0.9),
    wet_db=(-26.0, -14.0),
    tilt_db=(-0.8, 1.2),
    high_cut_hz=(6_500.0, 11_000.0),
    level_dbfs=(-18.0, -11.0),
    noise_dbfs=(-66.0, -50.0),
    dynamics=0.4,
)


POP = Style(
    tempo_bpm=(88.0, 130.0),
    beats_per_bar=4,
    steps_per_beat=4,
    swing=(0.0, 0.15),
    scales=("major", "major pentatonic"),
    progressions=(
        progression("0:maj 7:maj 9:min 5:maj"),
        progression("9:min 5:maj 0:maj 7:maj"),
        progression("0:maj 9:min 2:min 7:sus"),
    ),
    forms=("vvcc", "ivcv", "vcbc", "cvcb"),
    drums=(
        {"kick": "x...x...x...x...", "clap": "....x.......x...", "hat": "..x...x...x...x."},
        {
            "kick": "x.....x.x.......",
            "snare": "....x.......x...",
            "hat": "x.x.x.x.x.x.x.x.",
            "shaker": "xxxxxxxxxxxxxxxx",
        },
        {"kick": "x..x..x...x.....", "snare": "....x.......x...", "hat": "xxxxxxxxxxxxxxxx"},
    ),
    drums_gain_db=-1.0,
    parts=(
        Part(
            "root",
            ("synth bass", "finger bass"),
            ("x-x-x-x-x-x-x-x-", "x-----x-x-------", "..x-..x-..x-..x-"),
            33,
            -3.0,
        ),
        Part(
            "chord",
            ("pad strings", "piano", "steel guitar", "electric piano"),
            ("x---------------", "x-----x-----x---", "x---x---x---x---"),
            57,
            -8.0,
        ),
        Part(
            "arpeggio",
            ("pluck", "synth lead", "clean guitar"),
            ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", "x..x..x.x..x..x."),
            67,
            -11.0,
            "icb",
        ),
        Part(
            "melody",
            ("high voice", "voice"),
            ("x-x-x---x-x-....", "..x-x-x-x-----..", "x---x-x-x-x-x---"),
            62,
            -2.0,
            "vc",
        ),
    ),
    room_s=(0.3, 1.3),
    wet_db=(-20.0, -10.0),
    tilt_db=(-0.3, 1.7),
    high_cut_hz=(7_000.0, 11_000.0),
    level_dbfs=(-18.0, -10.5),
    noise_dbfs=(-76.0, -60.0),
    dynamics=0.9,
)


ROCK = Style(
    tempo_bpm=(98.0, 152.0),
    beats_per_bar=4,
    steps_per_beat=4,
    swing=(0.0, 0.15),
    scales=("minor pentatonic", "mixolydian"),
    progressions=(
        progression("0:maj 10:maj 5:maj 0:maj"),
        progression("0:min 3:maj 10:maj 5:maj"),
        progression("0:maj 5:maj 7:maj 5:maj"),
    ),
    forms=("vvcv", "ivcc", "vcbc", "cvcb"),
    drums=(
        {"kick": "x.......x.x.....", "snare": "....X.......X...", "hat": "x.x.x.x.x.x.x.x."},
        {"kick": "x.x.....x..x....", "snare": "....X.......X...", "ride": "x.x.x.x.x.x.x.x."},
        {"kick": "x.....x.x.......", "snare": "....X.......X...", "crash": "x...x...x...x..."},
    ),
    drums_gain_db=-1.0,
    parts=(
        Part(
            "root", ("pick bass", "finger bass"), ("x-x-x-x-x-x-x-x-", "x-----x-x---x---", "x---x-x-x---x-x-"), 31, -4.0
        ),
        Part(
            "power",
            ("crunch guitar", "distorted guitar", "clean guitar"),
            ("x---x---x-x-x---", "x-x-x-x-x-x-x-x-", "x-----x-x-------", "x-.xx-.xx---x-x-"),
            43,
            -4.0,
        ),
        Part("chord", ("organ", "piano", "steel guitar"), ("x---------------", "x---x---x---x---"), 57, -11.0, "cb"),
        Part(
            "melody",
            ("distorted guitar", "crunch guitar"),
            ("x---x-x-x-x-....", "..x-x-x-x-----..", "x-x-x---x-x-x---"),
            64,
            -6.0,
            "icb",
        ),
        Part(
            "melody",
            ("voice", "high voice"),
            ("x-x-x---x-x-....", "..x-x---x-x---..", "x---x---x-x-x---"),
            55,
            -3.0,
            "vc",
        ),
    ),
    room_s=(0.3, 1.2),
    wet_db=(-22.0, -12.0),
    tilt_db=(-1.0, 1.0),
    high_cut_hz=(6_000.0, 11_000.0),
    level_dbfs=(-20.0, -12.0),
    noise_dbfs=(-70.0, -52.0),
    dynamics=0.9,
)

ELECTRIC_STYLES = {"disco": DISCO, "hiphop": HIPHOP, "metal": METAL, "pop": POP, "rock": ROCK}
