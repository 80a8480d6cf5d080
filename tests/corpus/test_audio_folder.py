"""Scanning `<genre>/<file>` folders as they are found in the wild."""

from gtzan_lightning.corpus.audio_folder import holds_audio, scan


def files(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_files_are_sorted_and_named_by_their_stem(tmp_path):
    files(tmp_path, "rock/b.wav", "rock/a.MP3", "blues/z.flac")
    folder = scan(tmp_path)
    assert [(genre, path.name) for genre, path in folder.files] == [
        ("blues", "z.flac"), ("rock", "a.MP3"), ("rock", "b.wav"),
    ]  # fmt: skip
    assert folder.track_ids() == ["z", "a", "b"]
    assert folder.notes == ()


def test_files_that_share_a_stem_get_longer_names(tmp_path):
    files(tmp_path, "blues/01.wav", "rock/01.wav", "rock/02.wav", "jazz/x.wav", "jazz/x.mp3")
    assert scan(tmp_path).track_ids() == ["blues/01.wav", "jazz/x.mp3", "jazz/x.wav", "rock/01.wav", "02"]


def test_what_is_hidden_is_passed_over_in_silence(tmp_path):
    files(
        tmp_path, "blues/a.wav", "blues/.DS_Store", "blues/._a.wav", "__MACOSX/a.wav", ".git/a.wav", "blues/__MACOSX/x"
    )
    folder = scan(tmp_path)
    assert folder.track_ids() == ["a"]
    assert folder.notes == ()


def test_what_cannot_be_a_track_is_noted(tmp_path):
    files(tmp_path, "blues/a.wav", "blues/cover.jpg", "blues/disc 1/b.wav", "talk/readme.txt", "stray.wav")
    (tmp_path / "blues" / "gone.wav").symlink_to(tmp_path / "nowhere.wav")
    folder = scan(tmp_path)
    assert folder.track_ids() == ["a"]
    assert folder.notes == (
        "blues/cover.jpg: passed over, its suffix is none of .wav .au .flac .ogg .oga .mp3 .aif .aiff .opus",
        "blues/disc 1: passed over, it is a folder",
        "blues/gone.wav: passed over, the link points to nothing",
        "talk/readme.txt: passed over, its suffix is none of .wav .au .flac .ogg .oga .mp3 .aif .aiff .opus",
        "talk/: holds no usable audio file; the genre is left out",
    )


def test_links_to_files_and_folders_are_followed(tmp_path):
    files(tmp_path, "store/a.wav")
    root = tmp_path / "music"
    (root / "blues").mkdir(parents=True)
    (root / "blues" / "a.wav").symlink_to(tmp_path / "store" / "a.wav")
    (root / "rock").symlink_to(tmp_path / "store")
    assert [genre for genre, _ in scan(root).files] == ["blues", "rock"]


def test_spaces_and_other_scripts_are_fine(tmp_path):
    files(tmp_path, "hip hop/Größe 1.wav", "رقص/a.wav")
    assert {genre for genre, _ in scan(tmp_path).files} == {"hip hop", "رقص"}


def test_a_folder_holds_audio_only_one_level_down(tmp_path):
    files(tmp_path / "flat", "a.wav")
    files(tmp_path / "deep", "x/y/a.wav")
    files(tmp_path / "hidden", ".x/a.wav", "x/.a.wav")
    files(tmp_path / "right", "x/a.Wav")
    assert [holds_audio(tmp_path / name) for name in ("flat", "deep", "hidden", "right")] == [False, False, False, True]
