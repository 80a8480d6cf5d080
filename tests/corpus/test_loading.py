"""Opening a corpus: name, order, genres, artists and notes."""

import pandas as pd
import pytest
import tiny

from gtzan_lightning.corpus.loading import open_corpus
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


def test_a_single_genre_is_refused(tmp_path, cache_dir):
    root = tiny.write_tables(tmp_path / "one", genres=("blues",), tracks=2, windows=1)
    assert refusal("auto", str(root), cache_dir=cache_dir) == (
        f"{root}: one genre only (blues); a classifier needs at least two genre folders."
    )


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
