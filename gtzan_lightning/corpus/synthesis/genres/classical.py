"""Classical: no drums, strings, winds and piano in a hall, swelling and fading."""

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

CLASSICAL = Style(
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
        Part("root", ("cello", "upright bass", "strings"), ("x-----------", "x-------x---"), 38, -5.0, "vcb"),
        Part(
            "arpeggio",
            ("piano", "nylon guitar", "strings", "flute"),
            ("x-x-x-x-x-x-", "xxxxxxxxxxxx", "x---x---x---"),
            55,
            -6.0,
        ),
        Part("chord", ("strings", "brass", "pad strings"), ("x-----------", "x-------x---"), 57, -9.0, "cb"),
        Part(
            "melody",
            ("violin", "flute", "oboe", "piano", "cello"),
            ("x---x-x-x---", "x-------xxxx", "x-----x-x-x-"),
            69,
            -3.0,
            "vc",
        ),
    ),
    room_s=(1.0, 2.4),
    wet_db=(-12.0, -4.0),
    tilt_db=(-1.5, 0.5),
    high_cut_hz=(5_000.0, 10_500.0),
    level_dbfs=(-31.0, -19.0),
    noise_dbfs=(-70.0, -52.0),
    dynamics=2.2,
)
