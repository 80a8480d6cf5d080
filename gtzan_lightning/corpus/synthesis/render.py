"""One track as sound."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gtzan_lightning.corpus.synthesis import SAMPLE_RATE_HZ, TRACK_S
from gtzan_lightning.corpus.synthesis.dice import generator
from gtzan_lightning.corpus.synthesis.drums import hit
from gtzan_lightning.corpus.synthesis.mixdown import amplifier, loudspeaker, master
from gtzan_lightning.corpus.synthesis.pitches import Melody
from gtzan_lightning.corpus.synthesis.plan import Player, TrackPlan, plan_track
from gtzan_lightning.corpus.synthesis.score import MOOD_DB, Event, bars, drum_events, part_events
from gtzan_lightning.corpus.synthesis.voices import note

TAIL_S = 2.5  # room for the reverberation, so that it does not wrap around to the beginning


def render_track(seed: int, genre: str, artist: int, number: int, duration_s: float = TRACK_S) -> NDArray[np.float32]:
    """Track `number` of `genre`, played by `artist`: `(samples,)` at 22,050 Hz, mono, peak below 1."""
    plan = plan_track(seed, genre, artist, number)
    samples = round(duration_s * SAMPLE_RATE_HZ)
    size = 2 * fft.next_fast_len(samples // 2 + int(TAIL_S * SAMPLE_RATE_HZ) // 2, real=True)
    hz = fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ).astype(np.float32)

    rng = generator(seed, genre, "track", number, "performance")
    clean = _drums(plan, duration_s, samples, rng)
    spectrum = np.zeros(size // 2 + 1, dtype=np.complex64)
    for player in plan.players:
        sound = _part(plan, player, duration_s, samples, rng)
        if player.voice.drive > 0:
            sound = amplifier(sound, player.voice.drive)
        sound *= np.float32(10 ** (player.gain_db / 20))
        if player.voice.cabinet_hz > 0:
            spectrum += fft.rfft(sound, size) * loudspeaker(hz, player.voice.cabinet_hz)
        else:
            clean += sound
    return master(spectrum + fft.rfft(clean, size), plan.record, samples, rng)


def _drums(plan: TrackPlan, duration_s: float, samples: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The drum kit alone, `(samples,)`; every drum has three hits that take turns."""
    sound = np.zeros(samples, dtype=np.float32)
    hits: dict[str, list[NDArray[np.float32]]] = {}
    for bar in bars(plan, duration_s):
        for drum, event in drum_events(plan, bar, rng):
            if drum not in hits:
                hits[drum] = [hit(plan.kit[drum], rng) for _ in range(3)]
            _add(sound, hits[drum][int(rng.integers(3))], event)
    return sound


def _part(
    plan: TrackPlan, player: Player, duration_s: float, samples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """One part alone, `(samples,)`, before its level in the mix; a note that returns sounds as it did before."""
    sound = np.zeros(samples, dtype=np.float32)
    melody = Melody(plan.scale, rng)
    known: dict[tuple[tuple[int, ...], int, int], NDArray[np.float32]] = {}
    mood_db = 0.0
    for bar in bars(plan, duration_s):
        mood_db = rng.normal(0.0, MOOD_DB) if bar.first else mood_db
        for event in part_events(plan, player, bar, melody, mood_db, rng):
            length = round(event.duration_s * SAMPLE_RATE_HZ)
            key = (event.pitches, length, event.turn % len(player.voice.formants))
            if key not in known:
                known[key] = _chord(plan, player, event, length, rng)
            _add(sound, known[key], event)
    return sound


def _chord(plan: TrackPlan, player: Player, event: Event, length: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """The notes of one event together."""
    tuned = [440.0 * 2.0 ** ((pitch - 69 + plan.tuning_cents / 100) / 12) for pitch in event.pitches]
    notes = [note(player.voice, hz, length, event.turn, rng) for hz in tuned]
    return (np.sum(notes, axis=0) / np.sqrt(len(notes))).astype(np.float32)


def _add(sound: NDArray[np.float32], piece: NDArray[np.float32], event: Event) -> None:
    """Adds a note or hit to a track in place, cut at the track's end."""
    start = round(event.start_s * SAMPLE_RATE_HZ)
    fits = max(0, min(len(piece), len(sound) - start))
    sound[start : start + fits] += np.float32(10 ** (event.gain_db / 20)) * piece[:fits]
