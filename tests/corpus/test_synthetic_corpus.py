"""The synthetic corpus: complete, cached, and robust against interruption."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from gtzan_lightning.corpus import synthetic_corpus as synthetic
from gtzan_lightning.corpus.synthetic_corpus import synthetic_corpus
from gtzan_lightning.corpus.tracks import GTZAN_GENRES, resampling_clusters
from gtzan_lightning.errors import GtzanError

SMALL = {"tracks_per_genre": 1, "n_jobs": 1, "duration_s": 0.25}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return synthetic_corpus(tmp_path_factory.mktemp("cache"), **SMALL)


@pytest.fixture
def planned(tmp_path, monkeypatch):
    """The corpus of twelve tracks per genre without its audio."""
    monkeypatch.setattr(synthetic, "_complete", lambda *_: None)
    return synthetic_corpus(tmp_path)


def test_every_file_is_mono_and_of_the_requested_length(small):
    for track in small.tracks:
        info = soundfile.info(track.path)
        assert (info.samplerate, info.channels, info.frames) == (22_050, 1, round(0.25 * 22_050))
        assert info.subtype == "PCM_16"


def test_the_tracks(planned):
    assert planned.name == "synthetic"
    assert planned.source == "audio"
    assert planned.genres == GTZAN_GENRES
    assert len(planned.tracks) == 120
    ids = [track.track_id for track in planned.tracks]
    assert ids == sorted(ids)
    assert ids[3] == "blues.s00003"
    assert len(set(ids)) == 120
    assert all(track.path.parent.name == track.genre for track in planned.tracks)
    assert all(track.recording_group is None and track.filtered_part is None for track in planned.tracks)


def test_an_artist_has_one_genre_and_two_or_three_tracks(planned):
    assert planned.has_artists
    assert resampling_clusters(planned.tracks)[0] == "artist"
    by_artist = {}
    for track in planned.tracks:
        by_artist.setdefault(track.artist_group, []).append(track.genre)
    assert len(by_artist) == 50
    assert all(len(set(genres)) == 1 and len(genres) in (2, 3) for genres in by_artist.values())


def test_a_second_call_renders_nothing(small, monkeypatch):
    monkeypatch.setattr(synthetic, "_complete", lambda *_: pytest.fail("rendered again"))
    again = synthetic_corpus(small.root.parent, **SMALL)
    assert again == small


def test_the_fingerprint_depends_on_the_parameters_only(planned, tmp_path):
    assert synthetic_corpus(tmp_path / "elsewhere").sha256 == planned.sha256
    assert len(planned.sha256) == 64
    others = [synthetic_corpus(tmp_path, **other) for other in ({"seed": 1}, {"tracks_per_genre": 13})]
    assert len({planned.sha256, *(other.sha256 for other in others)}) == 3
    assert len({planned.root, *(other.root for other in others)}) == 3


def test_only_missing_files_are_rendered(small):
    lost, kept = small.tracks[4].path, small.tracks[5].path
    content, time_ns = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    leftover = lost.with_name(".unfinished-0.tmp.flac")
    leftover.write_bytes(b"half a file")
    assert synthetic_corpus(small.root.parent, **SMALL) == small
    assert lost.read_bytes() == content
    assert kept.stat().st_mtime_ns == time_ns
    assert leftover.read_bytes() == b"half a file"
    leftover.unlink()


def test_an_interrupted_rendering_leaves_no_partial_file_and_is_completed(tmp_path, monkeypatch):
    whole, count = soundfile.write, []

    def dies_at_the_third(path, *args, **kwargs):
        count.append(path)
        if len(count) == 3:
            path.write(b"half")
            raise KeyboardInterrupt
        whole(path, *args, **kwargs)

    monkeypatch.setattr(soundfile, "write", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        synthetic_corpus(tmp_path, **SMALL)
    assert len(list(tmp_path.rglob("*.flac"))) == 2
    assert not list(tmp_path.rglob(".unfinished-*"))

    monkeypatch.setattr(soundfile, "write", whole)
    corpus = synthetic_corpus(tmp_path, **SMALL)
    assert all(soundfile.info(track.path).frames > 0 for track in corpus.tracks)


@pytest.mark.slow
def test_two_processes_may_render_at_once(tmp_path, small):
    code = (
        "import sys; from pathlib import Path; from gtzan_lightning.corpus.synthetic_corpus import synthetic_corpus;"
        "synthetic_corpus(Path(sys.argv[1]), tracks_per_genre=1, n_jobs=1, duration_s=0.25)"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    corpus = synthetic_corpus(tmp_path, **SMALL)
    assert [track.path.read_bytes() for track in corpus.tracks] == [track.path.read_bytes() for track in small.tracks]


def test_an_unwritable_cache_is_a_user_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GtzanError, match=r"the cache cannot be written there .* with cache_dir=FOLDER"):
        synthetic_corpus(tmp_path / "file", **SMALL)


def test_a_full_disk_is_a_user_error(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(GtzanError, match=r"No space left on device; .*\nThe disk is full\. Free some space"):
        synthetic_corpus(tmp_path, **SMALL)


@pytest.mark.parametrize("wrong", [{"tracks_per_genre": 0}, {"seed": -1}, {"duration_s": 0.0}])
def test_impossible_sizes_are_refused(tmp_path, wrong):
    with pytest.raises(GtzanError, match=next(iter(wrong))):
        synthetic_corpus(tmp_path, **wrong)
