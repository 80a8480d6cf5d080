"""Features of a corpus from tables, and from audio through the cache."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import joblib
import numpy as np
import pytest
import soundfile
import torch
from joblib._parallel_backends import ThreadingBackend

from gtzan_lightning.corpus.feature_table import STATS_COLUMNS
from gtzan_lightning.corpus.tracks import Corpus, Track
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features import extraction
from gtzan_lightning.features.corpus_features import load_features
from gtzan_lightning.features.feature_request import Analysis, FrameSettings
from gtzan_lightning.features.spectrum import frame_features
from gtzan_lightning.features.window_stats import cut_windows, window_stats

from .librosa_reference import RATE_HZ, music

GENRES = ("blues", "rock")


def corpus_of(root, tracks, source):
    return Corpus("test", tuple(sorted(tracks, key=lambda t: t.track_id)), GENRES, source, root, "0" * 64)


def load(corpus, tmp_path, name="stats", window_s=1.0, **options):
    options = {"settings": FrameSettings(), **options}
    return load_features(corpus, name=name, window_s=window_s, cache_dir=tmp_path / "cache", **options)


@pytest.fixture
def audio(tmp_path):
    """Four good files of different lengths."""
    tracks = []
    for i, genre in enumerate(["blues", "blues", "rock", "rock"]):
        path = tmp_path / "music" / genre / f"{genre}.0000{i}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, music(2.2 + i, seed=i), RATE_HZ)
        tracks.append(Track(path.stem, genre, path))
    return corpus_of(tmp_path / "music", tracks, "audio")


def table_corpus(root, names, window_s=3.0):
    rng = np.random.default_rng(0)
    rows = [[f"{name}.wav", *rng.random(58).astype(str), name.split(".")[0]] for name in names]
    header = ",".join(["filename", *STATS_COLUMNS, "label"])
    text = "\n".join([header, *(",".join(row) for row in rows)]) + "\n"
    (root / ("features_3_sec.csv" if window_s == 3 else "features_30_sec.csv")).write_text(text)
    tracks = {".".join(name.split(".")[:2]): name.split(".")[0] for name in names}
    return corpus_of(root, [Track(track, genre) for track, genre in tracks.items()], "tables"), rows


def test_rows_of_a_table_in_corpus_order(tmp_path):
    names = ["rock.00001.0", "rock.00001.2", "blues.00000.1", "blues.00000.0"]
    corpus, rows = table_corpus(tmp_path, names)
    features = load(corpus, tmp_path, window_s=3.0)
    assert features.columns == STATS_COLUMNS
    assert features.track_index.tolist() == [0, 0, 1, 1]
    assert features.start_s.tolist() == [0, 3, 0, 6]
    assert features.row_s == 3.0
    want = np.array([rows[i][1:-1] for i in (3, 2, 0, 1)], np.float32)
    np.testing.assert_array_equal(features.values, want)


def test_the_thirty_second_table(tmp_path):
    corpus, _ = table_corpus(tmp_path, ["rock.00001", "blues.00000"], window_s=30)
    features = load(corpus, tmp_path, window_s=30.0)
    assert features.values.shape == (2, 58)
    assert features.start_s.tolist() == [0, 0]


def test_columns_to_drop_are_left_out_and_the_length_of_the_rows_is_kept(tmp_path):
    corpus, rows = table_corpus(tmp_path, ["blues.00000.0", "rock.00001.0"])
    kept = load(corpus, tmp_path, window_s=3.0, drop=["length", "tempo"])
    places = [place for place, name in enumerate(STATS_COLUMNS) if name not in ("length", "tempo")]
    assert kept.columns == tuple(STATS_COLUMNS[place] for place in places)
    whole = np.array([row[1:-1] for row in rows], np.float32)
    np.testing.assert_array_equal(kept.values, whole[:, places])
    np.testing.assert_allclose(kept.length_s, whole[:, 0] / 22_050)
    with pytest.raises(GtzanError, match=r"features\.drop: stats has no column temp\. Its columns: length, "):
        load(corpus, tmp_path, window_s=3.0, drop=["temp"])
    with pytest.raises(GtzanError, match=r"features\.drop leaves no column"):
        load(corpus, tmp_path, window_s=3.0, drop=STATS_COLUMNS)


def test_tables_refuse_features_that_they_lack(tmp_path):
    corpus, _ = table_corpus(tmp_path, ["rock.00001.0", "blues.00000.0"])
    with pytest.raises(GtzanError, match=r"data\.source=audio"):
        load(corpus, tmp_path, window_s=2.0)
    with pytest.raises(GtzanError, match=r"features_30_sec.csv"):
        load(corpus, tmp_path, window_s=30.0)
    with pytest.raises(GtzanError, match=r"features=mfcc needs audio.*tables only.\n.*features=stats"):
        load(corpus, tmp_path, name="mfcc")
    half = corpus_of(tmp_path, [Track("a", "blues", Path("a.wav")), Track("b", "rock")], "tables")
    with pytest.raises(GtzanError, match=r"only 1 of 2 tracks.*\n.*data.source=audio"):
        load(half, tmp_path, name="logmel")
    with pytest.raises(GtzanError, match=r"logmel, mfcc, musicnn, stats"):
        load(corpus, tmp_path, name="chroma")


@pytest.mark.slow
def test_stats_from_audio(audio, tmp_path):
    features = load(audio, tmp_path)
    assert features.track_index.tolist() == [0, 0, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3]
    assert features.start_s.tolist() == [0, 1, 0, 1, 2, 0, 1, 2, 3, 0, 1, 2, 3, 4]
    signal = torch.from_numpy(soundfile.read(audio.tracks[2].path, dtype="float32")[0])
    want = window_stats(cut_windows(signal, RATE_HZ, 1.0), RATE_HZ)
    np.testing.assert_array_equal(features.values[5:9], want.to(torch.float32))


def test_a_window_of_thirty_seconds_is_the_whole_clip(audio, tmp_path):
    features = load(audio, tmp_path, window_s=30.0)
    assert features.track_index.tolist() == [0, 1, 2, 3]
    assert features.values[:, 0].tolist() == [round((2.2 + i) * RATE_HZ) for i in range(4)]


def test_frames_are_mapped_into_memory(audio, tmp_path):
    features = load(audio, tmp_path, name="logmel")
    assert isinstance(features.values, np.memmap)
    assert not features.values.flags.writeable
    assert features.row_s == 512 / RATE_HZ
    rows = features.track_index == 1
    signal = torch.from_numpy(soundfile.read(audio.tracks[1].path, dtype="float32")[0])
    np.testing.assert_array_equal(features.values[rows], frame_features("logmel", signal, FrameSettings()))
    np.testing.assert_allclose(features.start_s[rows], np.arange(rows.sum()) * 512 / RATE_HZ)


@pytest.mark.usefixtures("old_files")
def test_the_second_start_reads_no_audio(audio, tmp_path, monkeypatch):
    first = load(audio, tmp_path)
    monkeypatch.setattr(extraction, "extract", lambda *_: pytest.fail("extracted again"))
    second = load(audio, tmp_path)
    np.testing.assert_array_equal(first.values, second.values)


def test_parallel_runs_give_the_same_bytes(audio, tmp_path):
    serial = load(audio, tmp_path / "serial", name="mfcc")
    with joblib.parallel_config(backend="threading"):
        parallel = load(audio, tmp_path / "parallel", name="mfcc", n_jobs=2)
    np.testing.assert_array_equal(serial.values, parallel.values)


class Backend(ThreadingBackend):
    """Like a cluster backend that cannot return results one by one."""

    supports_return_generator = False


def test_any_joblib_backend_works(audio, tmp_path):
    joblib.register_parallel_backend("whole", Backend)
    serial = load(audio, tmp_path / "serial", name="mfcc")
    with joblib.parallel_config(backend="whole"):
        parallel = load(audio, tmp_path / "parallel", name="mfcc", n_jobs=2)
    np.testing.assert_array_equal(serial.values, parallel.values)


def test_excessively_large_samples_are_skipped(audio, tmp_path):
    path = audio.root / "rock" / "huge.wav"
    soundfile.write(path, music(2.0).astype(np.float64) * 1e30, RATE_HZ, subtype="DOUBLE")
    for name in ("stats", "mfcc"):
        with pytest.raises(GtzanError, match=r"huge.wav: its samples are so large"):
            load(corpus_of(audio.root, [*audio.tracks, Track("huge", "rock", path)], "audio"), tmp_path, name=name)


def test_memory_does_not_grow_with_the_number_of_files(tmp_path, monkeypatch):
    rows = np.ones((2048, 128), np.float32)  # 1 MiB a file
    monkeypatch.setattr(extraction, "analyse_file", lambda *_: Analysis(rows))
    peaks = []
    for count in (4, 40):
        folder = tmp_path / f"{count}"
        folder.mkdir()
        tracks = [Track(f"{number}", "blues", folder / f"{number}.wav") for number in range(count)]
        for track in tracks:
            track.path.write_text(track.track_id)
        corpus = corpus_of(folder, tracks, "audio")
        load(corpus, tmp_path, name="logmel")  # imports are not counted
        tracemalloc.start()
        features = load(corpus, folder, name="logmel")
        peaks.append(tracemalloc.get_traced_memory()[1] / 2**20)
        tracemalloc.stop()
        assert features.values.shape == (count * 2048, 128)
    index = 36 * 2048 * 40 / 2**20  # per further row: track, time, and intermediate arrays
    assert peaks[1] < peaks[0] + index + 1


def test_damaged_entries_are_computed_again(audio, tmp_path):
    want = np.array(load(audio, tmp_path, name="mfcc").values)
    for corpus in (tmp_path / "cache").glob("features/corpora/*/values.npy"):
        corpus.write_bytes(b"")
    cut, flipped, *_ = (tmp_path / "cache").glob("features/files/*/*.npz")
    cut.write_bytes(cut.read_bytes()[:-300])
    data = bytearray(flipped.read_bytes())
    data[1000] ^= 1  # within the values, which are read last
    flipped.write_bytes(data)
    np.testing.assert_array_equal(load(audio, tmp_path, name="mfcc").values, want)


def test_bad_files_are_skipped_with_a_note_and_the_others_used(audio, tmp_path):
    bad = [tmp_path / "music" / "rock" / f"bad{i}.wav" for i in range(3)]
    bad[0].write_bytes(b"")
    soundfile.write(bad[1], music(0.4), RATE_HZ)
    soundfile.write(bad[2], np.where(np.arange(30000) == 7, np.nan, music(2)[:30000]), RATE_HZ, subtype="FLOAT")
    tracks = [*audio.tracks, *(Track(path.stem, "rock", path) for path in bad)]
    corpus = corpus_of(audio.root, tracks, "audio")
    features = load(corpus, tmp_path, max_skipped_share=0.5)
    names = [corpus.tracks[i].track_id for i in np.unique(features.track_index)]
    assert names == ["bad2", *(track.track_id for track in audio.tracks)]
    assert features.notes == (
        "rock/bad0.wav: skipped, the file is empty",
        "rock/bad1.wav: skipped, too short: 0.40 s, and 1.00 s are needed",
        "rock/bad2.wav: 1 samples that are not numbers were set to 0",
    )
    with pytest.raises(GtzanError, match=r"2 of 7 audio files.*allowed 5%:\n  rock/bad0.wav: the file is empty\n"):
        load(corpus, tmp_path)
