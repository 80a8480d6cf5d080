"""Pop: synthesisers and a doubled voice over I-V-vi-IV, bright and compressed."""

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

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
