"""Renders the synthetic corpus: one track from a seed, a genre and a number, with NumPy and SciPy only.

Read in this order: `style` (what a genre is made of), `genres/` (the ten tables), `plan` (what one track draws from
them), `score` (its notes and hits), `voices` and `drums` (their sound), `mixdown` (room and record), `render`.
"""

RENDERER_VERSION = 3  # raise it with every change that alters a sample: it names the cache and the fingerprint
SAMPLE_RATE_HZ = 22_050
TRACK_S = 30.0
