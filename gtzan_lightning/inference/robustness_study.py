"""Robustness of a trained run: its test clips through noise, level, filters, codecs, speed, pitch and reverberation."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
import soxr
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, sosfiltfilt

from gtzan_lightning.corpus.tracks import Corpus, Track
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation.calibration import expected_calibration_error
from gtzan_lightning.evaluation.file_prediction import FilePrediction
from gtzan_lightning.evaluation.metrics import Level
from gtzan_lightning.evaluation.ood import is_ood_warning
from gtzan_lightning.evaluation.predictions import Predictions
from gtzan_lightning.evaluation.run_comparison import Entrant, compare
from gtzan_lightning.features.audio_reading import read_audio
from gtzan_lightning.features.augmented_audio import Signal, impulse_response, stretched, with_noise
from gtzan_lightning.inference.file_inference import predict
from gtzan_lightning.inference.trained_run import TrainedRun, load_trained
from gtzan_lightning.report.tables import TextTable, table_markdown
from gtzan_lightning.runs.records import read_clusters
from gtzan_lightning.runs.run_folder import Card, RunFolder
from gtzan_lightning.studies.study import Study, StudyResult
from gtzan_lightning.training.split_data import load_configured_corpus
from gtzan_lightning.utils.caching import cache_dir
from gtzan_lightning.utils.content_index import content_hash
from gtzan_lightning.utils.files import replacing, text_of_cell, with_cells, write_atomically, write_text

Deformation = Callable[[Signal, np.random.Generator], NDArray[np.floating]]

RATE_HZ = 22_050  # at which clips are deformed
VERSION = 1  # of the deformations; part of the names of cached files
REVERB_DECAY_S, REVERB_DIRECT_DB = 0.6, 6.0  # reverberation time, and direct-to-reverberant energy ratio
CLEAN = "clean"
EXPLANATION = (
    "Below each accuracy: its change from the same clips unchanged, with the 95 % interval, paired and clustered as in "
    "`gtzan compare`. ECE: of the windows. OOD: share of the clips with a warning that they are out of distribution."
)


def _noise(snr_db: float) -> Deformation:
    return lambda signal, rng: with_noise(signal, snr_db, rng)


def _gain(decibels: float) -> Deformation:
    return lambda signal, _: signal * 10 ** (decibels / 20)  # 16-bit files clip at full scale


def _filtered(low_hz: float | None, high_hz: float) -> Deformation:
    band = high_hz if low_hz is None else (low_hz, high_hz)
    sections = butter(6, band, "lowpass" if low_hz is None else "bandpass", fs=RATE_HZ, output="sos")
    return lambda signal, _: sosfiltfilt(sections, signal)


def _speed(factor: float) -> Deformation:
    return lambda signal, _: soxr.resample(signal, RATE_HZ * factor, RATE_HZ, quality="HQ")


def _pitch(semitones: float) -> Deformation:
    return lambda signal, _: stretched(signal, RATE_HZ, semitones, 1.0)


def _reverberation(signal: Signal, rng: np.random.Generator) -> NDArray[np.floating]:
    response = impulse_response(REVERB_DECAY_S, RATE_HZ, REVERB_DIRECT_DB, rng)
    return fftconvolve(signal, response)[: len(signal)] / np.sqrt(np.square(response).sum())


def _mp3(kbit: int) -> Deformation:
    def coded(signal: Signal, _: np.random.Generator) -> NDArray[np.floating]:
        file = io.BytesIO()
        level = (MP3_KBIT[1] - kbit) / (MP3_KBIT[1] - MP3_KBIT[0])
        soundfile.write(file, signal, RATE_HZ, format="MP3", bitrate_mode="CONSTANT", compression_level=level)
        file.seek(0)
        return soundfile.read(file, dtype="float32")[0][: len(signal)]

    return coded


MP3_KBIT = (8, 160)  # of the coder at this sampling rate, for its compression levels 1 and 0
DEFORMATIONS: Mapping[str, Deformation] = {
    "noise 20 dB": _noise(20),
    "noise 10 dB": _noise(10),
    "noise 0 dB": _noise(0),
    "gain -12 dB": _gain(-12),
    "gain +6 dB, clipped": _gain(6),
    "low-pass 4 kHz": _filtered(None, 4000),
    "MP3 64 kbit/s": _mp3(64),
    "MP3 32 kbit/s": _mp3(32),
    "telephone": _filtered(300, 3400),
    "speed -3 %": _speed(0.97),
    "speed +3 %": _speed(1.03),
    "pitch -1 semitone": _pitch(-1),
    "pitch +1 semitone": _pitch(1),
    "reverberation": _reverberation,
}
"""Functions of a signal `(samples,)` at `RATE_HZ` and a random generator that depends on the clip and the name."""


@dataclass(frozen=True)
class Robustness:
    """The scores of one run under each deformation."""

    run: str
    clips: int  # of the test part, with audio
    table: pd.DataFrame  # one row per condition
    notes: tuple[str, ...] = ()


class RobustnessStudy(Study):
    """Robustness of each run of a sweep; also writes `robustness.csv` into its folder."""

    name = "robustness"
    settings = ("outputs",)

    def analyse(self, done: Sequence[Card], failed: Sequence[Card]) -> StudyResult:  # noqa: ARG002
        """One table and one figure for each run."""
        outputs = Path(done[0]["study"]["outputs"])
        found = [robustness(load_trained(outputs / "runs" / card["run_id"])) for card in done]
        figures = {f"robustness_{each.run}": robustness_figure(each) for each in found}
        return StudyResult([robustness_table(each) for each in found], figures)


def robustness(run: TrainedRun, n_jobs: int = 1) -> Robustness:
    """Scores of the run's own test clips, unchanged and deformed; deformed audio is cached.

    Args:
        run: a finished run with its folder.
        n_jobs: processes that compute features.

    Raises:
        GtzanError: no clip of the test part has audio.
    """
    folder = RunFolder(run.path.parent)
    folder.check_writable()
    tracks, paths = _test_clips(run, folder)
    cache = cache_dir(run.config.cache_dir)
    clusters = read_clusters(folder)
    clean = _predictions(run, tracks, paths, n_jobs, cache)
    rows, notes = [_scores(CLEAN, clean, clean, clusters)], []
    for name in DEFORMATIONS:
        try:
            files = [deformed(path, name, run.config.features.max_clip_s, cache) for path in paths]
        except ModuleNotFoundError:
            notes.append(f'{name}: not computed, since it needs pip install "gtzan-lightning[augment]".')
            continue
        rows.append(_scores(name, _predictions(run, tracks, files, n_jobs, cache), clean, clusters))
    result = Robustness(run.name, len(paths), pd.DataFrame(rows), tuple(notes))
    _write(result, folder.path)
    return result


def deformed(path: Path, name: str, max_s: float, cache: Path) -> Path:
    """The cached FLAC file of a deformed clip, computed if it is missing.

    Args:
        path: the clip.
        name: a key of `DEFORMATIONS`.
        max_s: longest part to use, in seconds.
        cache: the cache folder.
    """
    key = hashlib.sha256(f"{VERSION} {content_hash(path)} {name} {max_s:g}".encode()).hexdigest()
    file = cache / "deformed" / key[:2] / f"{key}.flac"
    if not file.is_file():
        reading = read_audio(path, RATE_HZ, max_s)
        if reading.skipped:
            raise GtzanError(f"{path}: {reading.skipped}")
        rng = np.random.default_rng(int(key[:16], 16))
        sound = np.clip(DEFORMATIONS[name](reading.signal, rng), -1, 1)
        content = io.BytesIO()  # libsndfile says "System error" where the disk is full
        soundfile.write(content, sound, RATE_HZ, format="FLAC")
        write_atomically(file, lambda target: target.write_bytes(content.getvalue()))
    return file


def robustness_table(result: Robustness) -> TextTable:
    """Accuracy at both levels with its change, ECE and share out of distribution, for each condition."""
    columns = ("clips", "window accuracy", "clip accuracy", "ECE", "OOD")
    rows = [
        [
            str(row["condition"]),
            *(_level_cell(row, level) for level in ("window", "clip")),
            f"{row['ece']:.3f}",
            f"{row['ood_share']:.0%}",
        ]
        for _, row in result.table.iterrows()
    ]
    title = f"Robustness of {result.run}: {result.clips} test clips"
    return TextTable(title, columns, rows, (*result.notes, EXPLANATION))


def robustness_figure(result: Robustness) -> Figure:
    """Clip accuracy under each deformation, with the interval of its change, beside that of the clean clips."""
    figure = Figure(figsize=(7.2, 0.34 * len(result.table) + 1.4), layout="constrained", dpi=120)
    axes = figure.subplots()
    clean, others = result.table["clip_accuracy"].iloc[0], result.table.iloc[1:].reset_index(drop=True)
    axes.axvline(clean, color="#5A5A5A", linewidth=1, label=f"unchanged: {clean:.0%}")
    axes.plot(others["clip_accuracy"], others.index, "o", color="#0072B2")
    axes.hlines(others.index, clean + others["clip_low"], clean + others["clip_high"], color="#0072B2", linewidth=1.6)
    axes.set_yticks(others.index, others["condition"], fontsize=9)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0))
    axes.set_xlabel("test accuracy, clip level; 95 % interval of the change")
    axes.set_title(result.run, fontsize=10, parse_math=False)
    axes.legend(loc="lower left", frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def _test_clips(run: TrainedRun, folder: RunFolder) -> tuple[list[Track], list[Path]]:
    """The test tracks that have audio, and their files."""
    data = run.config.data.model_copy(update={"source": "audio"})
    corpus: Corpus = load_configured_corpus(run.config.model_copy(update={"data": data}))
    split = pd.read_csv(folder.split, dtype=str, keep_default_na=False)  # "nan" is a valid track ID
    wanted = set(split.loc[split["part"] == "test", "track_id"].map(text_of_cell))
    found = {track: track.path for track in corpus.tracks if track.track_id in wanted and track.path}
    if not found:
        raise GtzanError(f"{folder.path}: none of its {len(wanted)} test tracks has audio below {corpus.root}.")
    return list(found), list(found.values())


def _predictions(
    run: TrainedRun, tracks: Sequence[Track], files: Sequence[Path], n_jobs: int, cache: Path
) -> list[tuple[Track, FilePrediction]]:
    """Each track whose file has a prediction, with it."""
    found = predict(run, files, n_jobs=n_jobs, cache_dir=cache)
    return [(track, each) for track, each in zip(tracks, found, strict=True) if each.skipped is None]


def _scores(
    name: str,
    found: Sequence[tuple[Track, FilePrediction]],
    clean: Sequence[tuple[Track, FilePrediction]],
    clusters: Mapping[str, str],
) -> dict[str, float | str]:
    """One row of the table, over the slices that both sets of predictions have."""
    one, other = _common(_as_table(found), _as_table(clean))
    row: dict[str, float | str] = {"condition": name, "clips": len(set(one.track_id)), "windows": len(one)}
    levels: tuple[Level, ...] = ("window", "clip")
    for level in levels:
        pair = compare([Entrant(name, one, ""), Entrant("unchanged", other, "")], clusters, level).iloc[0]
        row |= {f"{level}_accuracy": pair["accuracy_a"], f"{level}_change": pair["difference"]}
        row |= {f"{level}_low": pair["low"], f"{level}_high": pair["high"]}
    row["ece"] = expected_calibration_error(one)
    row["ood_share"] = float(np.mean([any(map(is_ood_warning, each.warnings)) for _, each in found]))
    return row


def _as_table(found: Sequence[tuple[Track, FilePrediction]]) -> Predictions:
    """Predictions of all slices, as the test part of a run."""
    counts = [len(each.start_s) for _, each in found]
    return Predictions(
        np.repeat([track.track_id for track, _ in found], counts).astype(object),
        np.concatenate([each.start_s for _, each in found]),
        np.repeat(["test"], sum(counts)).astype(object),
        np.repeat([track.genre for track, _ in found], counts).astype(object),
        np.concatenate([each.probabilities for _, each in found]),
        found[0][1].genres,
    )


def _common(one: Predictions, other: Predictions) -> tuple[Predictions, Predictions]:
    """The rows that both have; a faster or slower clip has another number of slices."""
    keys = [list(zip(table.track_id, table.start_s.round(3), strict=True)) for table in (one, other)]
    shared = set(keys[0]) & set(keys[1])
    chosen = [np.array([key in shared for key in own]) for own in keys]
    return one.rows(chosen[0]), other.rows(chosen[1])


def _level_cell(row: pd.Series, level: str) -> str:
    """The accuracy, and below it the change with its interval."""
    accuracy = f"{row[f'{level}_accuracy']:.3f}"
    if row["condition"] == CLEAN:
        return accuracy
    low, high = row[f"{level}_low"], row[f"{level}_high"]
    return f"{accuracy}\n{row[f'{level}_change']:+.2f} ({low:+.2f} to {high:+.2f})"


def _write(result: Robustness, folder: Path) -> None:
    """`robustness.csv`, `.md` and `.png` in the run folder."""
    write_text(folder / "robustness.csv", with_cells(result.table).to_csv(index=False))
    write_text(folder / "robustness.md", table_markdown(robustness_table(result)))
    with replacing(folder / "robustness.png") as temporary:
        robustness_figure(result).savefig(temporary, format="png")
