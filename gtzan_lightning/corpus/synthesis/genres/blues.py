"""Blues: a slow shuffle in triplets, twelve bars of dominant sevenths, the blues scale."""

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

BLUES = Style(
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
        Part("walk", ("finger bass", "upright bass"), ("x--x--x--x--", "x-xx-xx-xx-x"), 33, -3.0),
        Part(
            "chord",
            ("clean guitar", "piano", "organ", "crunch guitar"),
            ("x-.x-.x-.x-.", "x.xx.xx.xx.x", "..x..x..x..x"),
            55,
            -8.0,
        ),
        Part(
            "melody",
            ("crunch guitar", "harmonica", "clean guitar"),
            ("x-x--.x-x...", "..x-xx--....", "x----x.xx---"),
            62,
            -5.0,
            "vcb",
        ),
        Part("melody", ("voice",), ("..xx-x---...", "x-xx--x-....", "...x-x-x----"), 50, -5.0, "vc"),
    ),
    room_s=(0.3, 1.0),
    wet_db=(-22.0, -12.0),
    tilt_db=(-1.5, 0.5),
    high_cut_hz=(4_500.0, 10_000.0),
    level_dbfs=(-24.0, -15.0),
    noise_dbfs=(-66.0, -48.0),
    dynamics=1.0,
)
