"""Scanning of `<genre>/<file>` folders, and expansion of files, folders and patterns."""

from pathlib import Path

import pytest

from gtzan_lightning.corpus.audio_folder import check_layout, holds_audio, listed, music_files, scan
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


def test_system_folders_are_no_genres(tmp_path):
    files(tmp_path, "blues/a.wav", "$RECYCLE.BIN/b.wav", "System Volume Information/c.wav", "@eaDir/d.wav")
    assert [genre for genre, _ in scan(tmp_path).files] == ["blues"]


def track_list(root, *lines, name="tracks.csv"):
    (root / name).write_text("\n".join(lines) + "\n")
    return root / name


def test_a_track_list_names_files_relative_to_it(tmp_path):
    files(tmp_path, "x/a.wav", "y/a.wav", "c.mp3", "not listed.wav")
    path = track_list(
        tmp_path,
        "file;genre;artist",
        "x/a.wav;rock;A",
        "y\\a.wav;rock;B",
        "c.mp3;pop;",
        "gone.wav;pop;",
        "x/a.wav;rock;A",
    )
    found = listed(path)
    assert [(genre, file.relative_to(tmp_path).as_posix()) for genre, file in found.files] == [
        ("pop", "c.mp3"), ("rock", "x/a.wav"), ("rock", "y/a.wav"),
    ]  # fmt: skip
    assert found.track_ids() == ["c", "x/a.wav", "y/a.wav"]
    assert found.columns["artist"] == ["", "A", "B"]
    assert found.missing == ("gone.wav",)


def test_a_track_list_may_name_tracks_instead_of_files(tmp_path):
    files(tmp_path, "000/000002.mp3", "001/001005.mp3")
    path = track_list(tmp_path, "track_id,genre_top,title", "2,Hip-Hop,One", "1005,Rock,Two")
    assert [(genre, file.name) for genre, file in listed(path).files] == [
        ("Hip-Hop", "000002.mp3"), ("Rock", "001005.mp3"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["path,artist", "a.wav,A"], "has no column of genres"),
        (["path,genre", "b.wav,pop"], r"none of its 1 rows names an audio file .*\nWrite a column path"),
        (["path,genre", "a.wav,pop", "a.wav,rock"], "line 3: .*a.wav is pop in an earlier row"),
    ],
)
def test_track_lists_that_cannot_be_used(tmp_path, lines, message):
    files(tmp_path, "a.wav")
    with pytest.raises(GtzanError, match=f"(?s){message}"):
        listed(track_list(tmp_path, *lines))


def test_parts_and_track_numbers_are_no_genres(tmp_path):
    files(tmp_path / "split", "train/rock/x.wav", "test/rock/y.wav")
    with pytest.raises(
        GtzanError, match=r"its folders \(test, train\) are parts of a split(?s:.*)test/rock/x.wav,rock,test"
    ):
        check_layout(tmp_path / "split")
    files(tmp_path / "fma", "000/000002.mp3", "001/001005.mp3")
    track_list(tmp_path / "fma", "track_id,genre")
    with pytest.raises(GtzanError, match=r"data=tracks data.root=.*/fma/tracks.csv"):
        check_layout(tmp_path / "fma")
    files(tmp_path / "years", "000/000001.wav", "001/000001.wav", "test/x.wav")
    check_layout(tmp_path / "years")
