"""Files, folders and patterns."""

from pathlib import Path

import pytest

from gtzan_lightning.corpus.audio_folder import music_files
from gtzan_lightning.errors import GtzanError


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


def found(*words):
    return [str(path) for path in music_files(words)]


@pytest.mark.usefixtures("albums")  # the working directory
def test_files_folders_and_patterns_each_file_once():
    assert found("b/5.ogg", ".") == ["b/5.ogg", "a/1.mp3", "a/deep/2.FLAC"]
    assert found("**/*.mp3", "a/*") == ["a/1.mp3", "a/cover.jpg", "a/deep/2.FLAC"]
    assert found(Path("a")) == ["a/1.mp3", "a/deep/2.FLAC"]


def test_a_file_is_taken_under_any_name_there_or_not(albums):
    odd = albums / "what [is] this?.xyz"
    odd.touch()
    assert music_files([odd, "nowhere.wav"]) == [odd, Path("nowhere.wav")]


@pytest.mark.parametrize(("word", "said"), [("*.wma", "no file fits"), ("empty", "no audio file in this folder")])
def test_what_means_nothing_is_refused(albums, word, said):
    (albums / "empty").mkdir()
    with pytest.raises(GtzanError, match=said):
        music_files([word])
