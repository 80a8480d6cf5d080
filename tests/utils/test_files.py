"""Files that a reader never sees half written."""

import os
import stat

import pytest

from gtzan_lightning.utils.files import replacing, write_bytes, write_text


def test_a_file_appears_whole_and_replaces_the_old_one(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path  # a rename across file systems would not be atomic
        assert temporary.suffix == ".txt"  # writers that go by the suffix find it
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_on_the_way_leaves_the_old_file_and_no_litter(tmp_path, error):
    path = tmp_path / "file.txt"
    write_bytes(path, b"old")

    def stops_halfway():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        stops_halfway()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_may_be_read_by_whoever_the_user_lets_read_files(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file.txt", "ü")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o640
    assert (tmp_path / "file.txt").read_bytes() == "ü".encode()
