import hashlib
from pathlib import Path

import pytest
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
