"""Downloads from a local server: resumed, checked by hash, and every failure."""

import hashlib
import os
import socket

import pytest
from archives import Server, serving
from filelock import FileLock

from gtzan_lightning.corpus import download as download_module
from gtzan_lightning.corpus.download import Mirrors, chosen_mirrors, download, known_mirrors
from gtzan_lightning.errors import GtzanError

CONTENT = b"\x1f\x8b" + os.urandom(400_000)
CUT_BYTES = 150_000
HASH = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def server():
    with serving(Server(CONTENT, CUT_BYTES)) as running:
        yield running


@pytest.fixture
def fetch(server, tmp_path):
    """Downloads from paths of the server; returns the archive and the reported progress."""

    def fetched(*paths, expected=HASH):
        reports = []
        mirrors = Mirrors("genres.tar.gz", expected, tuple(server.address + path for path in paths))
        path = download(mirrors, tmp_path / "download", lambda *report: reports.append(report))
        return path, reports

    return fetched


def part_of(tmp_path):
    return tmp_path / "download" / f"{HASH.replace(':', '-')}.part"


def leave_part(tmp_path, content):
    part_of(tmp_path).parent.mkdir()
    part_of(tmp_path).write_bytes(content)


def test_the_archive_has_its_name_and_the_size_is_reported(fetch, tmp_path):
    path, reports = fetch("/good")
    assert path == tmp_path / "download" / "genres.tar.gz"
    assert path.read_bytes() == CONTENT
    assert reports[-1] == (len(CONTENT), len(CONTENT))
    assert not part_of(tmp_path).exists()


def test_an_existing_archive_is_not_requested_again(fetch, server):
    fetch("/good")
    fetch("/good")
    assert server.requested == [("/good", None)]


def test_a_cut_connection_is_resumed(fetch, server):
    path, _ = fetch("/cut")
    assert path.read_bytes() == CONTENT
    starts = [int(wanted[6:-1]) for _, wanted in server.requested[1:]]
    assert server.requested[0] == ("/cut", None)
    assert starts == sorted(set(starts))
    assert all(0 < start <= CUT_BYTES * number for number, start in enumerate(starts, start=1))


def test_a_part_of_an_earlier_process_is_completed(fetch, server, tmp_path):
    leave_part(tmp_path, CONTENT[:1000])
    path, reports = fetch("/good")
    assert server.requested == [("/good", "bytes=1000-")]
    assert path.read_bytes() == CONTENT
    assert reports[-1] == (len(CONTENT), len(CONTENT))


def test_a_complete_part_needs_no_transfer(fetch, server, tmp_path):
    leave_part(tmp_path, CONTENT)
    path, _ = fetch("/good")
    assert server.requested == [("/good", f"bytes={len(CONTENT)}-")]
    assert path.read_bytes() == CONTENT


def test_a_server_without_range_requests_sends_the_whole_file(fetch, tmp_path):
    leave_part(tmp_path, b"x" * 1000)
    assert fetch("/whole")[0].read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", [b"x" * 1000, b"x" * (len(CONTENT) + 1)], ids=["shorter", "longer"])
def test_a_wrong_part_is_discarded(fetch, server, tmp_path, wrong):
    leave_part(tmp_path, wrong)
    assert fetch("/good")[0].read_bytes() == CONTENT
    assert server.requested[-1] == ("/good", None)


def test_a_response_with_another_range_is_not_appended(fetch, tmp_path):
    leave_part(tmp_path, CONTENT[:1000])
    with pytest.raises(GtzanError, match="sends a range that was not requested"):
        fetch("/shifted")
    assert part_of(tmp_path).read_bytes() == CONTENT[:1000]


def test_a_file_declared_as_encoded_is_not_decompressed(fetch):
    assert fetch("/encoded")[0].read_bytes() == CONTENT


def test_the_next_mirror_resumes_the_part(fetch, server, monkeypatch):
    monkeypatch.setattr(download_module, "MAX_CUTS", 1)
    path, _ = fetch("/missing", "/other", "/cut", "/good")
    assert path.read_bytes() == CONTENT
    assert [path for path, _ in server.requested] == ["/missing", "/other", "/cut", "/good"]
    assert int(server.requested[-1][1][6:-1]) > 0


def test_a_wrong_hash_is_refused_and_leaves_nothing(fetch, tmp_path):
    with pytest.raises(GtzanError, match="delivers another file") as caught:
        fetch("/other")
    assert hashlib.sha256(b"another file").hexdigest() in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_file_after_a_wrong_part_is_requested_once_more_only(fetch, server, tmp_path):
    leave_part(tmp_path, b"x" * 5)
    with pytest.raises(GtzanError, match="delivers another file"):
        fetch("/other")
    assert server.requested == [("/other", "bytes=5-"), ("/other", None)]


def test_when_no_mirror_delivers_the_message_has_the_reasons_and_remedies(server, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    mirrors = Mirrors("genres.tar.gz", HASH, (f"http://127.0.0.1:{port}/x", f"{server.address}/gone", "gopher://x/y"))
    with pytest.raises(GtzanError) as caught:
        download(mirrors, tmp_path / "download", lambda *_: None)
    message = str(caught.value)
    assert f"http://127.0.0.1:{port}/x: cannot be reached" in message
    assert f"{server.address}/gone: answers 404 Not Found" in message
    assert "gopher://x/y: No connection adapters were found" in message
    assert "gtzan data get FILE" in message
    assert "data=synthetic" in message
    assert "The partial download is kept" not in message


def test_the_message_says_that_a_part_is_kept(fetch, monkeypatch, tmp_path):
    monkeypatch.setattr(download_module, "MAX_CUTS", 1)
    with pytest.raises(GtzanError, match=f"the connection was cut after .* of {len(CONTENT)} bytes") as caught:
        fetch("/cut")
    assert "The partial download is kept: run the same command again to resume it." in str(caught.value)
    assert part_of(tmp_path).stat().st_size > 0


def test_an_oversized_file_is_refused(fetch, monkeypatch, tmp_path):
    monkeypatch.setattr(download_module, "MAX_ARCHIVE_BYTES", 1000)
    with pytest.raises(GtzanError, match="delivers another file"):
        fetch("/good")
    assert not part_of(tmp_path).exists()


def test_two_downloads_at_once_are_refused(fetch, tmp_path):
    (tmp_path / "download").mkdir()
    with FileLock(tmp_path / "download" / "lock"), pytest.raises(GtzanError, match="Another download"):
        fetch("/good")


def test_a_folder_that_cannot_be_created_is_reported(fetch, tmp_path):
    (tmp_path / "download").write_text("a file")
    with pytest.raises(GtzanError, match="is no folder to write to"):
        fetch("/good")


def test_a_full_disk_is_reported(fetch, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gtzan_lightning.corpus.download.os.replace", full)
    with pytest.raises(GtzanError, match="No space left on device"):
        fetch("/good")


def test_the_shipped_list_has_the_hash_that_torchaudio_publishes():
    from torchaudio.datasets import gtzan

    mirrors = known_mirrors()
    assert mirrors.hash == f"sha256:{gtzan._CHECKSUMS[gtzan.URL]}"
    assert gtzan.URL in mirrors.urls
    assert gtzan.URL.endswith(f"/{mirrors.archive}")


def test_the_users_urls_and_hash_replace_the_listed_ones():
    known = known_mirrors()
    assert chosen_mirrors([], None) == known
    assert chosen_mirrors(["http://a/b"], None) == Mirrors(known.archive, known.hash, ("http://a/b",))
    assert chosen_mirrors([], "MD5:" + "A" * 32) == Mirrors(known.archive, "md5:" + "a" * 32, known.urls)


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:12", "a" * 64, "sha1:" + "a" * 40, "md5:" + "g" * 32, "x:"])
def test_an_invalid_hash_is_refused(text):
    with pytest.raises(GtzanError, match="is not a hash"):
        chosen_mirrors([], text)
