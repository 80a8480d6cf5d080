import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import tiny
from archives import CLIPS, Server, files_below, genres_tar, kaggle_zip, serving

from gtzan_lightning.cli import main


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


def test_get_downloads_unpacks_and_cleans_up(tmp_path, capsys):
    archive = genres_tar(tmp_path / "served").read_bytes()
    with serving(Server(archive)) as server:
        digest = f"sha256:{hashlib.sha256(archive).hexdigest()}"
        arguments = ["data", "get", "--url", f"{server.address}/missing", "--url", f"{server.address}/good"]
        assert main([*arguments, "--hash", digest]) == 0
        assert "data/gtzan: 4 clips of 2 genres." in capsys.readouterr().out
        assert files_below(Path("data")) == {f"gtzan/genres/{name}": content for name, content in CLIPS.items()}
        assert [path.name for path in Path("data").iterdir()] == ["gtzan"]

        requested = len(server.requested)
        assert main([*arguments, "--hash", digest]) == 0
        assert "data/gtzan/genres exists already; nothing to do" in capsys.readouterr().out
        assert len(server.requested) == requested


def test_get_refuses_a_download_with_another_hash(tmp_path, capsys):
    with serving(Server(genres_tar(tmp_path / "served").read_bytes())) as server:
        assert main(["data", "get", "--url", f"{server.address}/good"]) == 2
    message = capsys.readouterr().err
    assert "delivers another file" in message
    assert "gtzan data get FILE" in message
    assert not Path("data/gtzan").exists()


def test_get_keeps_the_archive_when_it_cannot_be_unpacked(capsys):
    with serving(Server(b"PK\x03\x04 no zip")) as server:
        digest = hashlib.sha256(server.content).hexdigest()
        assert (
            main(["data", "get", "--root", "here", "--url", f"{server.address}/good", "--hash", f"sha256:{digest}"])
            == 2
        )
    assert "is damaged or cut short" in capsys.readouterr().err
    assert Path(".here.download/genres.tar.gz").read_bytes() == server.content
    assert not Path("here").exists()


def test_get_into_a_file_is_refused_before_any_request(capsys):
    Path("file").write_text("x")
    with serving(Server(b"")) as server:
        assert main(["data", "get", "--root", "file", "--url", f"{server.address}/good"]) == 2
    assert "file: is a file" in capsys.readouterr().err
    assert server.requested == []


def test_get_unpacks_a_local_archive_and_overwrites_nothing(tmp_path, capsys):
    archive = str(kaggle_zip(tmp_path / "archive.zip"))
    assert main(["data", "get", archive, "--root", "somewhere"]) == 0
    assert "somewhere: 4 clips of 2 genres, features_3_sec.csv, features_30_sec.csv." in capsys.readouterr().out
    assert main(["data", "get", archive, "--root", "somewhere"]) == 2
    assert "is there already and will not be overwritten" in capsys.readouterr().err


def test_get_refuses_download_options_with_an_archive(capsys):
    assert main(["data", "get", "a.zip", "--hash", "md5:" + "0" * 32]) == 2
    assert "downloads nothing" in capsys.readouterr().err


def test_artists_writes_metadata_and_lists_bad_lines(tmp_path, capsys):
    root = tmp_path / "root"
    root.mkdir()
    index = tmp_path / "GTZANindex.txt"
    index.write_text("blues.00000.wav ::: A ::: B\nblues.00001.wav ::: :::\nnonsense\n" + "more\n" * 25)
    assert main(["data", "artists", str(index), "--root", str(root)]) == 0
    message = capsys.readouterr()
    assert f"{root}/metadata.csv: 2 tracks, 1 with an artist." in message.out
    assert f"{index}: 26 lines left out:" in message.err
    assert "line 3: 'nonsense' is not" in message.err
    assert message.err.count("'more'") == 19
    assert message.err.endswith("and 6 more\n")

    index.write_text("blues.00000.wav ::: C ::: D\n")
    assert main(["data", "artists", str(index), "--root", str(root)]) == 0
    assert f"The older file is kept as {root}/metadata.csv.1." in capsys.readouterr().out


def test_artists_uses_the_data_root(tmp_path, monkeypatch, capsys):
    index = tmp_path / "artists.csv"
    index.write_text("track_id,artist\nblues.00000,A\n")
    assert main(["data", "artists", str(index)]) == 2
    assert "data/gtzan: there is no such folder" in capsys.readouterr().err
    (tmp_path / "mine").mkdir()
    monkeypatch.setenv("GTZAN_ROOT", str(tmp_path / "mine"))
    assert main(["data", "artists", str(index)]) == 0
    assert (tmp_path / "mine" / "metadata.csv").is_file()


def test_the_help_has_source_and_citation_of_the_index(capsys):
    with pytest.raises(SystemExit):
        main(["data", "artists", "--help"])
    message = capsys.readouterr().out
    assert "GTZANindex.txt" in message
    assert "B. L. Sturm" in message
    assert "arXiv:1306.1461" in message
    assert "GTZAN-Rhythm" in message


def test_check_prints_the_corpus(audio_root, capsys):
    assert main(["data", "check", f"data.root={audio_root}"]) == 0
    assert "36 tracks" in capsys.readouterr().out


@pytest.fixture
def root_with_copies(tmp_path):
    """Two copies of one file, of two genres; a shifted copy; a cut file; a file that is no audio."""
    root = tiny.write_audio(tmp_path / "music", genres=("blues", "rock"), tracks=4, seconds=3)
    for number in range(3):  # notes that a fingerprint can tell apart
        random = np.random.default_rng(number)
        time_s = np.arange(tiny.RATE_HZ // 4) / tiny.RATE_HZ
        notes = [np.sin(2 * np.pi * random.uniform(200, 2000) * time_s) * np.exp(-6 * time_s) for _ in range(48)]
        soundfile.write(root / "blues" / f"song{number}.wav", 0.5 * np.concatenate(notes), tiny.RATE_HZ)
    shutil.copy(root / "blues" / "song0.wav", root / "rock" / "copy.wav")
    signal, _ = soundfile.read(root / "blues" / "song1.wav")
    soundfile.write(root / "blues" / "shifted.wav", signal[tiny.RATE_HZ :], tiny.RATE_HZ)
    cut = root / "rock" / "rock.00003.wav"
    cut.write_bytes(cut.read_bytes()[:60_044])
    (root / "rock" / "none.wav").write_bytes(b"no audio")
    return root


def test_check_reads_the_files_and_mentions_copies(root_with_copies, capsys):
    assert main(["data", "check", f"data.root={root_with_copies}", "data.n_jobs=1"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "12 read as they are, 1 repaired or cut, 1 skipped, 0 passed over" in out
    stated = 2 * 3 * tiny.RATE_HZ
    assert f"rock/rock.00003.wav: the header promises {stated} bytes of sound, 60000 are there and used" in out
    assert "rock/none.wav: skipped, it is not audio that can be read" in out
    assert "2 files in 1 group have the same content" in out


def test_check_lists_all_tracks_of_one_sound(root_with_copies, capsys):
    command = ["data", "check", f"data.root={root_with_copies}", "data.n_jobs=1", "--duplicates", "--csv", "copies.csv"]
    assert main(command) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Duplicates by audio fingerprints: 2 groups, 4 tracks" in out
    assert "1 group has several genres." in out
    table = pd.read_csv("copies.csv")
    assert list(table.columns) == ["group", "track_id", "genre", "file"]
    assert list(zip(table.group, table.track_id, table.genre, strict=True)) == [
        (1, "copy", "rock"), (1, "song0", "blues"), (2, "shifted", "blues"), (2, "song1", "blues"),
    ]  # fmt: skip


def test_check_lists_duplicates_of_a_table_by_features(own_tables, capsys):
    path = own_tables / "features_3_sec.csv"
    table = pd.read_csv(path)
    rows = {track: table.filename.str.startswith(f"{track}.") for track in ("blues.00000", "blues.00001")}
    values = table.columns.drop(["filename", "label"])
    table.loc[rows["blues.00001"], values] = table.loc[rows["blues.00000"], values].to_numpy()
    table.to_csv(path, index=False)
    assert main(["data", "check", f"data.root={own_tables}", "--duplicates"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Duplicates by features: 1 group, 2 tracks" in out
    assert "blues.00000, blues.00001" in out
