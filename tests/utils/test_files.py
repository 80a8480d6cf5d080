"""Atomic writes."""

import errno
import io
import os
import stat

import pandas as pd
import pytest

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import (
    UNFINISHED,
    as_cell,
    disk_trouble,
    refuse_pipe,
    replacing,
    text_of_cell,
    with_cells,
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


def test_a_table_has_no_formulas_in_cells_and_column_names():
    table = with_cells(pd.DataFrame({"=id": ["=a", "b"], "number": [-1.5, 2.0]}))
    assert table.to_csv(index=False) == "'=id,number\n'=a,-1.5\nb,2.0\n"
    read = pd.read_csv(io.StringIO(table.to_csv(index=False)))
    assert [text_of_cell(name) for name in read.columns] == ["=id", "number"]
    assert read.iloc[:, 0].map(text_of_cell).tolist() == ["=a", "b"]


def test_the_longest_name_of_a_file_can_be_written(tmp_path):
    path = tmp_path / ("\u65e5" * 83 + ".txt")  # 253 bytes
    write_text(path, "whole")
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]


def fails_in_the_middle(path, name):
    with replacing(path) as temporary:
        temporary.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device", *([str(temporary)] if name else []))


@pytest.mark.parametrize("name", [False, True])
def test_an_error_names_the_file_that_was_to_be_written(tmp_path, name):
    path = tmp_path / "file.txt"
    with pytest.raises(OSError, match="No space left") as caught:
        fails_in_the_middle(path, name)
    assert caught.value.filename == str(path)
    assert disk_trouble(caught.value) == (
        f"{path}: No space left on device.\n"
        "The disk is full. Free some space; then run the same command again to resume."
    )
    assert list(tmp_path.iterdir()) == []


def test_errors_of_the_cache_name_the_folder_and_the_key(tmp_path):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(GtzanError) as caught:
        write_atomically(tmp_path / "key" / "file", full)
    assert str(caught.value) == (
        f"{tmp_path / 'key'}: No space left on device; what the cache holds so far stays usable.\n"
        "The disk is full. Free some space (`gtzan cache prune`), or choose another folder with cache_dir=FOLDER "
        "(or GTZAN_CACHE=FOLDER), and run again."
    )
    (tmp_path / "taken").touch()
    with pytest.raises(GtzanError) as caught:
        write_atomically(tmp_path / "taken" / "file", full)
    assert str(caught.value) == (
        f"{tmp_path / 'taken'}: the cache cannot be written there (File exists). Choose another folder with "
        "cache_dir=FOLDER (or GTZAN_CACHE=FOLDER)."
    )


def test_pipes_and_devices_are_refused_and_files_folders_and_missing_ones_are_not(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path.__class__("/dev/null")):
        with pytest.raises(GtzanError) as caught:
            refuse_pipe(path)
        assert str(caught.value) == (
            f"{path}: a pipe or a device, which can be read only once. Save its content as a file first."
        )
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    for path in (tmp_path, tmp_path / "file", tmp_path / "link", tmp_path / "missing"):
        refuse_pipe(path)
