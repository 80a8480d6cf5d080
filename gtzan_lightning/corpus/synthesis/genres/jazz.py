"""Jazz: a swinging ride, a walking upright bass, ii-V-I with sevenths, horns over sparse chords."""

from gtzan_lightning.corpus.synthesis.style import Part, Style, progression

JAZZ = Style(
    tempo_bpm=(96.0, 196.0),
    beats_per_bar=4,
    steps_per_beat=3,
    swing=(0.0, 0.0),  # triplets swing by themselves
    scales=("dorian", "mixolydian", "major"),
    progressions=(
        progression("2:min9 7:9 0:maj7 9:7"),
        progression("0:maj7 9:min7 2:min9 7:9 4:min7 9:7 2:min7 7:9"),
        progression("0:min9 0:min9 5:min9 0:min9"),
    ),
    forms=("vvcv", "vvvb", "cvbv", "vbvc"),
    drums=(
        {"ride": "x..x.xx..x.x", "hat": "...x.....x..", "kick": "x..........."},
        {"brush": "x.xX.xx.xX.x", "hat": "...x.....x.."},
        {"ride": "x..x.xx..x.x", "hat": "...x.....x..", "snare": ".....x......", "kick": "......x....."},
    ),
    drums_gain_db=-7.0,
    parts=(
        Part("walk", ("upright bass",), ("x--x--x--x--", "x--x--x--x.x"), 33, -3.0),
        Part(
            "chord",
            ("piano", "clean guitar", "electric piano", "organ"),
            ("x-...x......", ".....x-..x-.", "..x-....x-..", "x----.x----."),
            55,
            -8.0,
        ),
        Part(
            "melody",
            ("saxophone", "trumpet", "piano", "clean guitar"),
            ("x-xx-xx-xx-x", "x-----x-xx--", "..xx-xx-x---", "x-x-..x-xx-x"),
            60,
            -4.0,
            "vc",
        ),
        Part(
            "melody", ("piano", "flute", "saxophone"), ("x-xx-xx-.x-x", "..x..xx-----", "x-x--.x-x--."), 67, -6.0, "b"
        ),
    ),
    room_s=(0.4, 1.3),
    wet_db=(-20.0, -10.0),
    tilt_db=(-1.7, 0.5),
    high_cut_hz=(4_500.0, 10_000.0),
    level_dbfs=(-27.0, -17.0),
    noise_dbfs=(-68.0, -48.0),
    dynamics=1.0,
)
