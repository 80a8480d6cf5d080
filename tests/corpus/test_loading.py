"""Opening a corpus: name, order, genres, artists and notes."""

import pandas as pd
import pytest
import tiny

from gtzan_lightning.corpus.loading import open_corpus
from gtzan_lightning.corpus.metadata import listed_artists
from gtzan_lightning.corpus.tracks import GTZAN_GENRES
from gtzan_lightning.errors import GtzanError


def refusal(*arguments, **options):
    with pytest.raises(GtzanError) as caught:
        open_corpus(*arguments, **options)
    return str(caught.value)


def test_tracks_of_tables_are_sorted_and_have_artists(own_tables, cache_dir):
    corpus = open_corpus("auto", str(own_tables), cache_dir=cache_dir)
    ids = [track.track_id for track in corpus.tracks]
    assert ids == [f"{genre}.{number:05d}" for genre in ("blues", "rock") for number in range(4)]
    assert corpus.genres == ("blues", "rock")
    assert corpus.source == "tables"
    assert corpus.has_artists
    assert [track.artist_group for track in corpus.tracks][:4] == [
        "artist 0-0",
        "artist 0-0",
        "artist 0-1",
        "artist 0-1",
    ]
    assert {track.path for track in corpus.tracks} == {None}


def test_a_corpus_is_named_after_its_folder_unless_it_is_gtzan(own_tables, tmp_path, cache_dir):
    assert open_corpus("auto", str(own_tables), cache_dir=cache_dir).name == "own"
    same_names = tiny.write_tables(tmp_path / "whatever", tracks=99, windows=1)  # other music with GTZAN's names
    assert open_corpus("auto", str(same_names), cache_dir=cache_dir).name == "whatever"
    other = tiny.write_tables(tmp_path / "other", genres=[f"genre{n}" for n in range(10)], tracks=99, windows=1)
    assert open_corpus("auto", str(other), cache_dir=cache_dir).name == "other"


def test_a_relative_root_has_a_name_too(own_tables, cache_dir, monkeypatch):
    monkeypatch.chdir(own_tables)
    assert open_corpus("auto", ".", cache_dir=cache_dir).name == "own"


def test_tracks_of_audio_have_paths(audio_root, cache_dir):
    corpus = open_corpus("folder", str(audio_root), features="mfcc", cache_dir=cache_dir)
    assert corpus.genres == ("blues", "jazz", "rock")
    assert len(corpus.tracks) == 36
    assert corpus.tracks[0].path == audio_root / "blues" / "blues.00000.wav"
    assert corpus.source == "audio"
    assert not corpus.has_artists


def test_the_tracks_are_the_union_of_the_tables(own_tables, cache_dir):
    path = own_tables / "features_30_sec.csv"
    whole = pd.read_csv(path)
    extra = whole.iloc[[0]].assign(filename="jazz.00000.wav", label="jazz")
    pd.concat([whole, extra]).to_csv(path, index=False)
    corpus = open_corpus("auto", str(own_tables), cache_dir=cache_dir)
    assert "jazz" in corpus.genres
    assert len(corpus.tracks) == 9


def test_notes_of_tables_and_metadata_are_collected(own_tables, cache_dir):
    three = pd.read_csv(own_tables / "features_3_sec.csv").drop(index=1)
    three.to_csv(own_tables / "features_3_sec.csv", index=False)
    (own_tables / "metadata.csv").write_text("track_id,artist\nblues.00000,Ann\n")
    notes = open_corpus("auto", str(own_tables), cache_dir=cache_dir).notes
    assert "features_3_sec.csv: 1 tracks have a gap between their windows; no slice spans a gap" in notes
    assert "metadata.csv: names 1 of 8 tracks" in notes
    assert "artists are known of 1 of 8 tracks, fewer than half: they are not used" in notes


def test_a_single_genre_is_refused(tmp_path, cache_dir):
    root = tiny.write_tables(tmp_path / "one", genres=("blues",), tracks=2, windows=1)
    assert refusal("auto", str(root), cache_dir=cache_dir) == (
        f"{root}: one genre only (blues); a classifier needs at least two."
    )


def test_the_refusal_of_one_genre_names_its_spellings(tmp_path, cache_dir):
    for genre in ("Rock", "ROCK"):
        (tmp_path / genre).mkdir()
        (tmp_path / genre / f"{genre}.wav").touch()
    assert "'ROCK', 'Rock' are spellings of one genre, 'rock'" in refusal("folder", tmp_path, cache_dir=cache_dir)


def test_the_synthetic_corpus_has_no_tables(cache_dir):
    assert refusal("synthetic", source="tables", cache_dir=cache_dir) == (
        "data.source=tables: the synthetic corpus is audio and has no tables. Omit data.source."
    )


def test_the_real_tables_are_gtzan(gtzan_root, cache_dir):
    corpus = open_corpus("auto", str(gtzan_root), cache_dir=cache_dir)
    assert (corpus.name, len(corpus.tracks), corpus.genres) == ("gtzan", 1000, GTZAN_GENRES)
    assert corpus.has_artists
    parts = pd.Series([track.filtered_part for track in corpus.tracks]).value_counts().to_dict()
    assert parts == {"train": 443, "valid": 197, "test": 290, "excluded": 70}


@pytest.fixture
def listed_root(audio_root, tmp_path):
    """A track list of the made-up audio with artists and parts, and the corpus as a folder."""
    rows = [
        (path, path.parent.name.title(), f"Artist {number // 2}", "test" if number % 4 == 0 else "train")
        for number, path in enumerate(sorted(audio_root.glob("*/*.wav")))
    ]
    frame = pd.DataFrame(rows, columns=["path", "label", "artist", "split"])
    frame.to_csv(tmp_path / "my list.csv", index=False)
    return tmp_path / "my list.csv"


def test_a_track_list_is_a_corpus(listed_root, audio_root):
    corpus = open_corpus("tracks", listed_root)
    assert [track.track_id for track in corpus.tracks] == [
        track.track_id for track in open_corpus("folder", audio_root).tracks
    ]
    assert (corpus.name, corpus.genres) == ("my list", ("blues", "jazz", "rock"))
    assert len({track.artist_group for track in corpus.tracks}) == 18
    assert corpus.columns["split"]["blues.00000"] == "test"
    before = corpus.sha256
    text = listed_root.read_text()
    listed_root.write_text(text.replace("Artist 3", "Artist 4"))
    assert open_corpus("tracks", listed_root).sha256 != before
    assert len({track.artist_group for track in open_corpus("tracks", listed_root).tracks}) == 17


def test_entries_without_a_file_are_refused_beyond_the_allowed_share(listed_root):
    text = listed_root.read_text()
    listed_root.write_text(f"{text}gone.wav,Rock,A,train\n")
    assert "1 of 37 entries have no file ('gone.wav')" in open_corpus("tracks", listed_root).notes[0]
    listed_root.write_text(text + "".join(f"gone{n}.wav,Rock,A,train\n" for n in range(3)))
    with pytest.raises(GtzanError, match=r"3 of 39 entries have no file .* more than the allowed 5%"):
        open_corpus("tracks", listed_root)


def test_albums_stand_for_unknown_artists():
    columns = {"artist": ["A", "", "", ""], "album": ["x", "y", "Y", ""]}
    assert listed_artists(columns, "list") == (["A", "album: y", "album: y", ""], [])


def test_a_list_and_a_folder_are_not_confused(listed_root, audio_root):
    with pytest.raises(GtzanError, match=r"is a file, not a folder\. A list of audio files is data=tracks data.root="):
        open_corpus("auto", listed_root)
    with pytest.raises(GtzanError, match="data=tracks needs a list of audio files with their genres: there is no file"):
        open_corpus("tracks", audio_root)
