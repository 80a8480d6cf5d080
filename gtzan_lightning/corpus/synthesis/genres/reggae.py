"""Reggae: one drop, chopped chords off the beat, a heavy melodic bass, echoing rooms."""

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

REGGAE = Style(
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
        Part(
            "alternate",
            ("sub bass", "finger bass"),
            ("x--x--x-....x-x-", "..x-x-x-x---....", "x---..x-x-x-...."),
            31,
            1.0,
        ),
        Part(
            "chord",
            ("clean guitar", "piano", "organ"),
            ("....x.......x...", "..x...x...x...x.", "....x.x.....x.x."),
            59,
            -5.0,
        ),
        Part("chord", ("organ",), ("..xx..xx..xx..xx", "..x.x.x...x.x.x.", "x---------------"), 55, -11.0, "vcb"),
        Part(
            "melody",
            ("voice", "high voice"),
            ("x-x-x---....x-x-", "..x-x-x---......", "x---x-..x-x-...."),
            53,
            -4.0,
            "vc",
        ),
        Part(
            "melody",
            ("brass", "harmonica", "trumpet"),
            ("........x-x-x---", "x---x-..........", "....x-x-x-------"),
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
)
