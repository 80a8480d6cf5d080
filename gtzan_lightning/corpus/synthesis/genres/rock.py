"""Rock: a straight backbeat, crunching power chords, pentatonic leads and a loud voice."""

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

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
