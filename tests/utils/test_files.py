"""Atomic writes."""

import os
import stat

import pytest

from gtzan_lightning.utils.files import (
    UNFINISHED,
    as_cell,
    replacing,
    text_of_cell,
    write_atomically,
    write_bytes,
    write_text,
)


def test_a_complete_file_replaces_the_old_one(tmp_path):
    path = tmp_path / "file.txt"
    write_text(path, "old")
    with replacing(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
        assert temporary.parent == tmp_path  # a rename across file systems would not be atomic
        assert temporary.suffix == ".txt"  # writers choose the format by it
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_leaves_the_old_file_and_no_temporary_file(tmp_path, error):
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


def test_the_file_mode_follows_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "file.txt", "ü")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file.txt").stat().st_mode) == 0o640
    assert (tmp_path / "file.txt").read_bytes() == "ü".encode()


def test_a_folder_appears_complete_and_an_existing_one_is_left_alone(tmp_path):
    target = tmp_path / "cache" / "key"

    def write(content):
        def write_folder(folder):
            folder.mkdir()
            (folder / "a").write_text(content)
            assert folder.name.startswith(UNFINISHED)

        return write_folder

    for content in ("first", "second"):
        write_atomically(target, write(content))
        assert (target / "a").read_text() == "first"
        assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|'x'!A1", "'=cmd|'x'!A1"),
        ("+1 song", "'+1 song"),
        ("-dash", "'-dash"),
        ("@home", "'@home"),
        ("\ttab", "'\ttab"),
        ("'=quoted", "''=quoted"),
        ("-1.5e-3", "-1.5e-3"),
        ("+7", "+7"),
        ("'n Sync", "'n Sync"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_cells_are_no_formulas_and_are_read_back(text, cell):
    assert as_cell(text) == cell
    assert text_of_cell(cell) == text
