"""Metal: fast double kicks, low distorted power chords, the phrygian scale, little dynamics."""

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

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
