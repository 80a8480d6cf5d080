"""Audio of one track: instruments, room, equaliser, noise, level and limiter."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from gtzan_lightning.corpus.synthesis import SAMPLE_RATE_HZ, TRACK_S
from gtzan_lightning.corpus.synthesis.instruments import hit, note
from gtzan_lightning.corpus.synthesis.score import (
    EQUALISER_HZ,
    MOOD_DB,
    Event,
    Melody,
    Player,
    Record,
    TrackPlan,
    bars,
    drum_events,
    part_events,
    plan_track,
)
from gtzan_lightning.corpus.synthesis.style import generator

REFLECTIONS = 9
TAIL_S = 2.5  # padding for the reverberation, so that it does not wrap around to the beginning


def render_track(seed: int, genre: str, artist: int, number: int, duration_s: float = TRACK_S) -> NDArray[np.float32]:
    """Renders track `number` of `genre`, played by `artist`: `(samples,)` at 22,050 Hz, mono, peak below 1."""
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
    """The drum kit, `(samples,)`; each drum has three variants of its hit."""
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
    """One part before its gain in the mix, `(samples,)`; repeated notes are rendered once."""
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
    """The sum of the notes of one event."""
    tuned = [440.0 * 2.0 ** ((pitch - 69 + plan.tuning_cents / 100) / 12) for pitch in event.pitches]
    notes = [note(player.voice, hz, length, event.turn, rng) for hz in tuned]
    return (np.sum(notes, axis=0) / np.sqrt(len(notes))).astype(np.float32)


def _add(sound: NDArray[np.float32], piece: NDArray[np.float32], event: Event) -> None:
    """Adds a note or hit to a track in place, truncated at the end of the track."""
    start = round(event.start_s * SAMPLE_RATE_HZ)
    fits = max(0, min(len(piece), len(sound) - start))
    sound[start : start + fits] += np.float32(10 ** (event.gain_db / 20)) * piece[:fits]


def amplifier(sound: NDArray[np.float32], drive: float) -> NDArray[np.float32]:
    """A saturating amplifier, `(samples,)`; `drive` is the gain before saturation."""
    return np.tanh(np.float32(drive) * sound) / np.float32(max(drive, 1.0) ** 0.25)


def loudspeaker(hz: NDArray[np.float32], cabinet_hz: float) -> NDArray[np.float32]:
    """Gain of a guitar cabinet at `hz`."""
    cuts = (1.0 + (hz / cabinet_hz) ** 8) * (1.0 + (80.0 / np.maximum(hz, 1.0)) ** 4)
    return (1.0 / np.sqrt(cuts)).astype(np.float32)


def equaliser(record: Record, hz: NDArray[np.float32]) -> NDArray[np.float32]:
    """Gain of the mastering at `hz`."""
    octaves = np.log2(np.clip(hz, 30.0, 11_000.0) / 1_000.0)
    gain_db = record.tilt_db * octaves + np.interp(octaves, np.log2(np.array(EQUALISER_HZ) / 1_000.0), record.bands_db)
    cuts = (1.0 + (record.low_cut_hz / np.maximum(hz, 1.0)) ** 4) * (1.0 + (hz / record.high_cut_hz) ** 12)
    return (10 ** (gain_db / 20) / np.sqrt(cuts)).astype(np.float32)


def room(record: Record, rng: np.random.Generator) -> NDArray[np.float32]:
    """Impulse response of the room, `(samples,)`: direct sound, early reflections, tail damped at high frequencies."""
    samples = int(min(record.room_s * 1.1, 2.2) * SAMPLE_RATE_HZ)
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    decay = 6.9 / record.room_s  # 60 dB in room_s
    noise = rng.standard_normal(samples, dtype=np.float32)
    dull = np.convolve(noise, np.full(8, 0.35, dtype=np.float32), mode="same")
    tail = dull * np.exp(-decay * time_s) + noise * np.exp(-decay * (1.0 + record.damping) * time_s)
    tail[: int(0.012 * SAMPLE_RATE_HZ)] = 0.0
    early = (rng.uniform(0.004, 0.05, REFLECTIONS) * SAMPLE_RATE_HZ).astype(int) % samples
    response = tail / np.sqrt(np.sum(tail**2))
    response[early] += 0.25 * rng.choice((-1.0, 1.0), REFLECTIONS)
    response *= 10 ** (record.wet_db / 20)
    response[0] = 1.0
    return response.astype(np.float32)


def master(
    spectrum: NDArray[np.complex64], record: Record, samples: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The mastered track, `(samples,)`, peak below 1, from the spectrum of the dry mix."""
    size = 2 * (len(spectrum) - 1)
    hz = fft.rfftfreq(size, 1 / SAMPLE_RATE_HZ).astype(np.float32)
    spectrum = spectrum * fft.rfft(room(record, rng), size) * equaliser(record, hz)
    sound = fft.irfft(spectrum, size)[:samples]
    sound *= 10 ** (record.level_dbfs / 20) / max(float(np.sqrt(np.mean(sound**2))), 1e-9)
    time_s = np.arange(samples, dtype=np.float32) / SAMPLE_RATE_HZ
    hum = 0.5 * np.sin(2 * np.pi * record.hum_hz * time_s)
    sound += 10 ** (record.noise_dbfs / 20) * (rng.standard_normal(samples, dtype=np.float32) + hum)
    return (0.98 * np.tanh(sound)).astype(np.float32)
