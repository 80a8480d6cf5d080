"""Hip hop: a swung break, a sub bass, a looped sample under a spoken voice."""

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

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
