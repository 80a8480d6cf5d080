"""Country: root-and-fifth bass, train beat, strummed steel strings, pedal steel, fiddle and banjo."""

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

COUNTRY = Style(
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
        Part(
            "alternate",
            ("upright bass", "finger bass"),
            ("x-------x-------", "x---....x---....", "x-------x---x---"),
            33,
            -4.0,
        ),
        Part(
            "chord",
            ("steel guitar", "nylon guitar"),
            ("....x-xx....x-xx", "x---x-xxx---x-xx", "..x...x...x...x."),
            52,
            -6.0,
        ),
        Part(
            "arpeggio",
            ("banjo", "steel guitar", "clean guitar"),
            ("x.xxx.xxx.xxx.xx", "xxxxxxxxxxxxxxxx", "x.x.x.x.x.x.x.x."),
            60,
            -9.0,
            "vcb",
        ),
        Part(
            "melody",
            ("pedal steel", "fiddle", "clean guitar"),
            ("x-------x---x---", "....x-x-x---....", "x---x---x-------"),
            66,
            -6.0,
            "ic",
        ),
        Part("melody", ("voice",), ("x-x-x---x-x-....", "..x-x-x-x-----..", "x---x-x-x-------"), 52, -3.0, "vc"),
    ),
    room_s=(0.25, 0.9),
    wet_db=(-22.0, -12.0),
    tilt_db=(-0.8, 1.2),
    high_cut_hz=(6_000.0, 11_000.0),
    level_dbfs=(-22.0, -13.5),
    noise_dbfs=(-72.0, -54.0),
    dynamics=0.8,
)
