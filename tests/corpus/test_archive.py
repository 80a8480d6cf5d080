"""Unpacking of archives: the published layouts, damaged, malicious and foreign ones."""

import gzip
import os
import random
import stat
import tarfile
import zipfile

import pytest
from archives import CLIPS, TABLE, files_below, genres_tar, kaggle_zip, tar_member, write_tar, write_zip

from gtzan_lightning.corpus import archive as archive_module
from gtzan_lightning.corpus.archive import Unpacked, unpack
from gtzan_lightning.corpus.location import locate
from gtzan_lightning.errors import GtzanError

CLIP = "genres/blues/blues.00000.wav"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data" / "gtzan"


def assert_untouched(tmp_path, archive):
    """Only the archive and empty folders exist: no incomplete root, no file outside it."""
    assert [path for path in tmp_path.rglob("*") if not path.is_dir() or path.name == "gtzan"] == [archive]


def test_genres_tar_gz(tmp_path, root):
    unpacked = unpack(genres_tar(tmp_path / "genres.tar.gz"), root)
    assert unpacked == Unpacked(clips=4, genres=2, tables=(), ignored=1)
    assert files_below(root) == {f"genres/{name}": content for name, content in CLIPS.items()}
    assert locate("gtzan", str(root)).audio == root / "genres"
    assert list(root.parent.iterdir()) == [root]


def test_the_kaggle_zip(tmp_path, root):
    unpacked = unpack(kaggle_zip(tmp_path / "archive.zip"), root)
    assert unpacked == Unpacked(4, 2, ("features_3_sec.csv", "features_30_sec.csv"), ignored=2)
    clips = {f"genres_original/{name}": content for name, content in CLIPS.items()}
    assert files_below(root) == clips | {"features_3_sec.csv": TABLE, "features_30_sec.csv": TABLE}


def test_the_name_of_an_archive_does_not_matter(tmp_path, root):
    assert unpack(genres_tar(tmp_path / "download.zip"), root).clips == 4


def test_the_mode_of_a_new_root_follows_the_umask(tmp_path, root):
    unpack(genres_tar(tmp_path / "a"), root)
    (tmp_path / "plain").mkdir()
    assert stat.S_IMODE(root.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)


def test_other_files_of_an_existing_root_are_kept(tmp_path, root):
    root.mkdir(parents=True)
    (root / "metadata.csv").write_text("mine")
    unpack(genres_tar(tmp_path / "a"), root)
    assert files_below(root) == {f"genres/{name}": content for name, content in CLIPS.items()} | {
        "metadata.csv": b"mine"
    }


@pytest.mark.parametrize("present", ["genres_original/blues/mine.wav", "features_30_sec.csv"])
def test_nothing_is_overwritten(tmp_path, root, present):
    (root / present).parent.mkdir(parents=True)
    (root / present).write_text("mine")
    with pytest.raises(GtzanError, match="is there already and will not be overwritten"):
        unpack(kaggle_zip(tmp_path / "a"), root)
    assert files_below(root) == {present: b"mine"}
    assert [path.name for path in root.iterdir()] == [present.split("/")[0]]


MALICIOUS_TAR = {
    "parent": (tar_member("genres/blues/../../../../evil.wav", b"x"), "leads out of the folder"),
    "parent first": (tar_member("../genres/blues/evil.wav", b"x"), "leads out of the folder"),
    "absolute": (tar_member("/tmp/genres/blues/evil.wav", b"x"), "absolute path"),
    "backslash": (tar_member("genres\\blues\\..\\..\\evil.wav", b"x"), "absolute path, or one of another system"),
    "drive": (tar_member("C:/genres/blues/evil.wav", b"x"), "absolute path"),
    "control character": (tar_member("genres/blues/a\x1b[2J.wav", b"x"), "control characters"),
    "symbolic link": (tar_member(CLIP, type=tarfile.SYMTYPE, linkname="/etc/passwd"), "is a link"),
    "link to a folder": (tar_member("genres/blues", type=tarfile.SYMTYPE, linkname="/tmp"), "is a link"),
    "hard link": (tar_member(CLIP, type=tarfile.LNKTYPE, linkname="/etc/passwd"), "is a link"),
    "device": (tar_member(CLIP, type=tarfile.CHRTYPE), "is a device"),
    "pipe": (tar_member(CLIP, type=tarfile.FIFOTYPE), "is a device"),
}


@pytest.mark.parametrize("attack", MALICIOUS_TAR)
def test_a_malicious_tar_is_refused_as_a_whole(tmp_path, root, attack):
    member, reason = MALICIOUS_TAR[attack]
    archive = genres_tar(tmp_path / "evil.tar.gz", [member])
    with pytest.raises(GtzanError, match=reason):
        unpack(archive, root)
    assert_untouched(tmp_path, archive)


def zip_member(name, mode=stat.S_IFREG | 0o644):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info, b"/etc/passwd"


MALICIOUS_ZIP = {
    "parent": (zip_member("Data/genres_original/../../../evil.wav"), "leads out of the folder"),
    "absolute": (zip_member("/genres_original/blues/evil.wav"), "absolute path"),
    "backslash": (zip_member("Data\\..\\evil.wav"), "absolute path, or one of another system"),
    "drive": (zip_member("C:/genres_original/blues/evil.wav"), "absolute path"),
    "symbolic link": (zip_member("Data/genres_original/blues/evil.wav", stat.S_IFLNK | 0o777), "is a link"),
    "device": (zip_member("Data/genres_original/blues/evil.wav", stat.S_IFBLK | 0o644), "is a device"),
}


@pytest.mark.parametrize("attack", MALICIOUS_ZIP)
def test_a_malicious_zip_is_refused_as_a_whole(tmp_path, root, attack):
    member, reason = MALICIOUS_ZIP[attack]
    archive = kaggle_zip(tmp_path / "evil.zip", [member])
    with pytest.raises(GtzanError, match=reason):
        unpack(archive, root)
    assert_untouched(tmp_path, archive)


@pytest.mark.parametrize("second", [CLIP, CLIP.upper().replace("GENRES", "genres")], ids=["same", "other case"])
def test_a_repeated_clip_is_refused(tmp_path, root, second):
    archive = genres_tar(tmp_path / "a", [tar_member(second, b"other")])
    with pytest.raises(GtzanError, match="twice"):
        unpack(archive, root)
    assert_untouched(tmp_path, archive)


def test_a_member_of_excessive_size_is_refused_by_its_header(tmp_path, root):
    info, _ = tar_member(CLIP)
    info.size = 2**40
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT)))
    with pytest.raises(GtzanError, match="has 1099511627776 bytes"):
        unpack(archive, root)
    assert_untouched(tmp_path, archive)


def test_a_header_of_excessive_size_is_not_read_into_memory(tmp_path, root):
    info, _ = tar_member("genres/long", type=tarfile.GNUTYPE_LONGNAME)
    info.size = 2**40
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + bytes(1024)))
    with pytest.raises(GtzanError, match="a header of 1099511627776 bytes"):
        unpack(archive, root)


@pytest.mark.parametrize(("limit", "value"), [("MAX_TOTAL_BYTES", 149), ("MAX_MEMBERS", 6)])
@pytest.mark.parametrize("write", [genres_tar, kaggle_zip])
def test_an_archive_of_excessive_size_is_refused(tmp_path, root, monkeypatch, write, limit, value):
    monkeypatch.setattr(archive_module, limit, value)
    with pytest.raises(GtzanError, match="exceeds"):
        unpack(write(tmp_path / "a"), root)


@pytest.mark.parametrize("write", [genres_tar, kaggle_zip])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_a_truncated_archive_leaves_nothing(tmp_path, root, write, share):
    archive = write(tmp_path / "a")
    content = archive.read_bytes()
    archive.write_bytes(content[: int(share * len(content))])
    with pytest.raises(GtzanError, match="is damaged or cut short"):
        unpack(archive, root)
    assert_untouched(tmp_path, archive)


@pytest.mark.parametrize("write", [genres_tar, kaggle_zip])
def test_no_flipped_byte_changes_a_clip_unnoticed(tmp_path, root, write):
    """Flips single bytes: either the clips are unchanged, or a `GtzanError` is raised."""
    archive = write(tmp_path / "a")
    content = archive.read_bytes()
    for number, position in enumerate(random.Random(0).sample(range(len(content)), 150)):
        changed = bytearray(content)
        changed[position] ^= 0x55
        archive.write_bytes(changed)
        here = root.with_name(str(number))
        try:
            unpack(archive, here)
        except GtzanError:
            assert not here.exists()
        else:
            clips = [content for name, content in files_below(here).items() if name.endswith(".wav")]
            assert set(clips) <= set(CLIPS.values())


def test_a_damaged_header_in_the_middle_is_not_taken_for_the_end(tmp_path, root):
    archive = genres_tar(tmp_path / "a")
    content = bytearray(gzip.decompress(archive.read_bytes()))
    third = content.index(b"genres/rock/rock.00000.wav")
    content[third] ^= 0x55
    archive.write_bytes(gzip.compress(content))
    with pytest.raises(GtzanError, match=f"no header at byte {third}"):
        unpack(archive, root)
    assert_untouched(tmp_path, archive)


def test_an_encrypted_zip_is_refused(tmp_path, root):
    archive = kaggle_zip(tmp_path / "a")
    content = bytearray(archive.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag "encrypted" of the first member in the directory
    content[6] |= 1
    archive.write_bytes(content)
    with pytest.raises(GtzanError, match="encrypted"):
        unpack(archive, root)


def test_other_files_are_refused(tmp_path, root):
    (tmp_path / "genres.tar.gz").write_text("<html>Not found</html>")
    with pytest.raises(GtzanError, match=r"is neither a \.tar\.gz nor a \.zip"):
        unpack(tmp_path / "genres.tar.gz", root)
    with pytest.raises(GtzanError, match="there is no such file"):
        unpack(tmp_path / "missing.zip", root)
    with pytest.raises(GtzanError, match="Is a directory"):
        unpack(tmp_path, root)


@pytest.mark.parametrize("name", ["other/blues/a.wav", "genres/a.wav", "genres/blues/a.txt", "a/b/genres/blues/a.wav"])
def test_an_archive_of_other_data_is_refused(tmp_path, root, name):
    for archive in (write_tar(tmp_path / "t", [tar_member(name, b"x")]), write_zip(tmp_path / "z", [(name, b"x")])):
        with pytest.raises(GtzanError, match="holds neither"):
            unpack(archive, root)
        assert not root.exists()


def test_a_root_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "root").write_text("a file")
    with pytest.raises(GtzanError, match="Not a directory"):
        unpack(genres_tar(tmp_path / "a"), tmp_path / "root")
    assert (tmp_path / "root").read_text() == "a file"


def test_a_full_disk_leaves_nothing(tmp_path, root, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "some.wav")

    archive = genres_tar(tmp_path / "a")
    monkeypatch.setattr("gtzan_lightning.corpus.archive._copy", full)
    with pytest.raises(GtzanError, match=r"No space left on device \(some.wav\)"):
        unpack(archive, root)
    assert_untouched(tmp_path, archive)


@pytest.mark.parametrize("target", ["elsewhere", "nowhere"])
def test_a_link_in_an_existing_root_is_not_followed(tmp_path, root, target):
    (tmp_path / "elsewhere").mkdir()
    root.mkdir(parents=True)
    os.symlink(tmp_path / target, root / "genres")
    with pytest.raises(GtzanError, match="is there already"):
        unpack(genres_tar(tmp_path / "a"), root)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_zip_that_promises_more_than_it_holds_is_damaged(tmp_path, root):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(CLIP, b"x" * 50)
        zipped.filelist[0].file_size = 60  # in the directory at the archive's end
    with pytest.raises(GtzanError, match="10 bytes are missing"):
        unpack(archive, root)
    assert_untouched(tmp_path, archive)
