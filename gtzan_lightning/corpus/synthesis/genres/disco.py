"""Disco: four on the floor, open hats off the beat, octave bass, strings and scratched guitar."""

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
