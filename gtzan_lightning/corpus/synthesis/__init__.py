"""Rendering of the synthetic corpus: a track from a seed, a genre, an artist and a number, with NumPy and SciPy only.

Reading order: `style` (parameters of a genre), `genre_styles.yaml` (the ten genres), `instruments`
(the sound of notes and hits), `score` (parameters and notes of one track), `render` (the audio).
"""

RENDERER_VERSION = 3  # increase with every change that alters a sample; part of the cache folder and the fingerprint
SAMPLE_RATE_HZ = 22_050
TRACK_S = 30.0
