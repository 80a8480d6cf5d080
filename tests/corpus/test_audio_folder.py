"""Scanning of `<genre>/<file>` folders, and expansion of files, folders and patterns."""

from pathlib import Path

import pytest

from gtzan_lightning.corpus.audio_folder import holds_audio, music_files, scan
from gtzan_lightning.errors import GtzanError


def files(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_files_are_sorted_and_their_ids_are_stems(tmp_path):
    files(tmp_path, "rock/b.wav", "rock/a.MP3", "blues/z.flac")
    folder = scan(tmp_path)
    assert [(genre, path.name) for genre, path in folder.files] == [
        ("blues", "z.flac"), ("rock", "a.MP3"), ("rock", "b.wav"),
    ]  # fmt: skip
    assert folder.track_ids() == ["z", "a", "b"]
    assert folder.notes == ()


def test_files_with_the_same_stem_have_longer_ids(tmp_path):
    files(tmp_path, "blues/01.wav", "rock/01.wav", "rock/02.wav", "jazz/x.wav", "jazz/x.mp3")
    assert scan(tmp_path).track_ids() == ["blues/01.wav", "jazz/x.mp3", "jazz/x.wav", "rock/01.wav", "02"]


def test_hidden_entries_are_ignored(tmp_path):
    files(
        tmp_path, "blues/a.wav", "blues/.DS_Store", "blues/._a.wav", "__MACOSX/a.wav", ".git/a.wav", "blues/__MACOSX/x"
    )
    folder = scan(tmp_path)
    assert folder.track_ids() == ["a"]
    assert folder.notes == ()


def test_other_entries_are_noted(tmp_path):
    files(tmp_path, "blues/a.wav", "blues/cover.jpg", "blues/disc 1/b.wav", "talk/readme.txt", "stray.wav")
    (tmp_path / "blues" / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    folder = scan(tmp_path)
    known = ".wav .au .flac .ogg .oga .mp3 .aif .aiff .opus .m4a .aac .wma .mp4 .m4b .webm .mka .ac3 .ape .wv"
    assert folder.track_ids() == ["a"]
    assert folder.notes == (
        f"blues/cover.jpg: passed over, its suffix is none of {known}",
        "blues/disc 1: passed over, it is a folder",
        "blues/gone.wav: passed over, the link points to nothing",
        f"talk/readme.txt: passed over, its suffix is none of {known}",
        "talk/: holds no usable audio file; the genre is left out",
    )


def test_links_to_files_and_folders_are_followed(tmp_path):
    files(tmp_path, "store/a.wav")
    root = tmp_path / "music"
    (root / "blues").mkdir(parents=True)
    (root / "blues" / "a.wav").symlink_to(tmp_path / "store" / "a.wav")
    (root / "rock").symlink_to(tmp_path / "store")
    assert [genre for genre, _ in scan(root).files] == ["blues", "rock"]


def test_names_with_spaces_and_non_latin_scripts(tmp_path):
    files(tmp_path, "hip hop/Größe 1.wav", "رقص/a.wav")
    assert {genre for genre, _ in scan(tmp_path).files} == {"hip hop", "رقص"}


def test_a_folder_holds_audio_only_one_level_down(tmp_path):
    files(tmp_path / "flat", "a.wav")
    files(tmp_path / "deep", "x/y/a.wav")
    files(tmp_path / "hidden", ".x/a.wav", "x/.a.wav")
    files(tmp_path / "right", "x/a.Wav")
    assert [holds_audio(tmp_path / name) for name in ("flat", "deep", "hidden", "right")] == [False, False, False, True]


@pytest.fixture
def albums(tmp_path):
    for name in (
        "a/1.mp3",
        "a/deep/2.FLAC",
        "a/cover.jpg",
        "a/.hidden.wav",
        "a/.git/3.wav",
        "__MACOSX/4.wav",
        "b/5.ogg",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def found(*patterns):
    return [str(path) for path in music_files(patterns)]


@pytest.mark.usefixtures("albums")  # the working directory
def test_files_folders_and_patterns_are_expanded_without_repetition():
    assert found("b/5.ogg", ".") == ["b/5.ogg", "a/1.mp3", "a/deep/2.FLAC"]
    assert found("**/*.mp3", "a/*") == ["a/1.mp3", "a/cover.jpg", "a/deep/2.FLAC"]
    assert found(Path("a")) == ["a/1.mp3", "a/deep/2.FLAC"]


def test_a_file_is_taken_whatever_its_suffix_and_if_missing(albums):
    odd = albums / "what [is] this?.xyz"
    odd.touch()
    assert music_files([odd, "nowhere.wav"]) == [odd, Path("nowhere.wav")]


@pytest.mark.parametrize(("pattern", "message"), [("*.wma", "no file fits"), ("empty", "no audio file in this folder")])
def test_patterns_without_a_file_are_refused(albums, pattern, message):
    (albums / "empty").mkdir()
    with pytest.raises(GtzanError, match=message):
        music_files([pattern])
