"""Reading of `metadata.csv`, and the clusters and labels of tracks."""

from pathlib import Path

import pytest

from gtzan_lightning.corpus.metadata import with_metadata
from gtzan_lightning.corpus.tracks import Corpus, Track, artist_key, matched_tracks, resampling_clusters
from gtzan_lightning.errors import GtzanError

TRACKS = [Track("blues.00000", "blues"), Track("blues.00001", "blues"), Track("rock.00000", "rock")]


def described(tmp_path, content):
    path = tmp_path / "metadata.csv"
    path.write_text(content, encoding="utf-8")
    return with_metadata(TRACKS, path)


def refusal(tmp_path, content):
    with pytest.raises(GtzanError) as caught:
        described(tmp_path, content)
    return str(caught.value).replace(str(tmp_path / "metadata.csv"), "METADATA")


def test_all_columns_are_read(tmp_path):
    tracks, notes = described(
        tmp_path,
        "track_id,genre,artist,title,artist_group,recording_group,filtered_part\n"
        "blues.00000,blues,Ann,Song,a1,r1,train\nblues.00001,blues,Bob,,a2,,excluded\nrock.00000,rock,,,a3,,\n",
    )
    assert [track.artist_group for track in tracks] == ["a1", "a2", "a3"]
    assert [track.recording_group for track in tracks] == ["r1", None, None]
    assert [track.filtered_part for track in tracks] == ["train", "excluded", None]
    assert notes == []


def test_without_groups_the_case_folded_artist_is_the_group_and_unknown_artists_are_separate(tmp_path):
    tracks, _ = described(tmp_path, "track_id,artist\nblues.00000,Étta J\nblues.00001,ÉTTA j\nrock.00000,\n")
    assert [track.artist_group for track in tracks] == ["étta j", "étta j", "unknown:rock.00000"]


def test_tracks_missing_in_the_file_are_noted_and_separate(tmp_path):
    tracks, notes = described(tmp_path, "track_id,artist\nblues.00000,Ann\nother.00001,Ann\n")
    assert notes == ["metadata.csv: names 1 of 3 tracks"]
    assert [track.artist_group for track in tracks] == ["ann", "unknown:blues.00001", "unknown:rock.00000"]


@pytest.mark.parametrize("content", ["track_id,filtered_part\nblues.00000,test\n", "track_id,artist\nblues.00000,\n"])
def test_without_artists_no_groups_are_set(tmp_path, content):
    assert {track.artist_group for track in described(tmp_path, content)[0]} == {None}


def test_a_file_that_names_no_track_is_refused_with_examples(tmp_path):
    assert refusal(tmp_path, "track_id,artist\nelsewhere.00000,Ann\n") == (
        "METADATA: names none of the 3 tracks. It has 'elsewhere.00000'; the data have 'blues.00000', 'blues.00001'.\n"
        "Correct the column track_id, or remove the file."
    )


@pytest.mark.parametrize(
    "content",
    [
        "track_id;artist\nblues.00000.wav;The Ann\nblues_00001;ann (feat. X)\n",
        "\ufeffTrack_ID,Artist\r\ngenres/blues/blues.00000.au, ANN \r\nBLUES.00001,A\u0301nn\r\n",
    ],
)
def test_names_of_tracks_and_artists_are_compared_by_their_normal_form(tmp_path, content):
    groups = [track.artist_group for track in described(tmp_path, content)[0]]
    assert groups[0] == groups[1] != groups[2]


def test_words_for_an_unknown_artist_are_no_artist(tmp_path):
    tracks, _ = described(tmp_path, "track_id,artist\nblues.00000,Various Artists\nblues.00001,?\nrock.00000,Ann\n")
    assert [track.artist_group for track in tracks] == ["unknown:blues.00000", "unknown:blues.00001", "ann"]


def test_numbers_in_brackets_are_reported_and_not_merged(tmp_path):
    tracks, notes = described(tmp_path, "track_id,artist\nblues.00000,Ann\nblues.00001,Ann (2)\nrock.00000,B\n")
    assert [track.artist_group for track in tracks] == ["ann", "ann (2)", "b"]
    assert notes == ["metadata.csv: artists with a number in brackets are not merged with others: 'ann (2)'"]


def test_ids_and_artists_that_look_like_numbers_or_missing_values_stay_strings(tmp_path):
    path = tmp_path / "metadata.csv"
    path.write_text("track_id,artist\n007,1e5\nNA,Nan B\n")
    tracks, _ = with_metadata([Track("007", "blues"), Track("NA", "rock")], path)
    assert [track.artist_group for track in tracks] == ["1e5", "nan b"]


def test_an_empty_genre_is_accepted(tmp_path):
    assert described(tmp_path, "track_id,genre\nblues.00000,\n")[0] == TRACKS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "METADATA: the file is empty. Download it again."),
        (
            "artist\nAnn\n",
            "METADATA: has no column track_id, so no row can be matched to a track. It has: artist.",
        ),
        (
            "track_id,artist\nrock.00000,A\nblues.00000,B\nrock.00000,C\n",
            "METADATA, line 4: track rock.00000 is named twice. Delete one row.",
        ),
        (
            "track_id,genre\nrock.00000,pop\n",
            "METADATA: 1 track has another genre than in the data: rock.00000 is pop there, but rock in the data.\n"
            "Correct the column genre, leave it out, or set data.genres.aliases={there: here}.",
        ),
        (
            "track_id,filtered_part\nrock.00000,later\n",
            "METADATA: rock.00000 has filtered_part 'later'; allowed: train, valid, test, excluded.",
        ),
    ],
)
def test_invalid_files_are_refused(tmp_path, content, message):
    assert refusal(tmp_path, content) == message


SONGS = [Track(f"{genre}/song 1.wav", genre, Path(f"/m/{genre}/song 1.wav")) for genre in ("blues", "jazz", "rock")]
SONGS += [Track("song 2", "rock", Path("/m/rock/song 2.wav"))]


def artists_of_songs(tmp_path, *rows, **options):
    path = tmp_path / "metadata.csv"
    path.write_text("\n".join(["track_id,artist", *rows]))
    tracks, notes = with_metadata(SONGS, path, **options)
    return {
        track.track_id: track.artist_group for track in tracks if "unknown" not in (track.artist_group or "")
    }, notes


@pytest.mark.parametrize("start", ["", "/other/place/", "D:\\\\Music\\\\"])
def test_a_folder_distinguishes_tracks_of_one_name(tmp_path, start):
    rows = (f"{start}Blues/song 1.wav,Bob", f"{start}rock/song 1.mp3,Alice", f"{start}rock/song 2.wav,Al")
    artists, notes = artists_of_songs(tmp_path, *rows)
    assert artists == {"blues/song 1.wav": "bob", "rock/song 1.wav": "alice", "song 2": "al"}
    assert notes == ["metadata.csv: names 3 of 4 tracks"]


def test_a_track_of_another_folder_of_the_data_is_not_named(tmp_path):
    artists, _ = artists_of_songs(tmp_path, "blues/song 2.wav,Bob", "jazz/song 1.wav,Alice")
    assert artists == {"jazz/song 1.wav": "alice"}


def test_folders_that_the_data_do_not_have_make_no_difference(tmp_path):
    assert artists_of_songs(tmp_path, "pop/song 2.wav,Bob")[0] == {"song 2": "bob"}


def test_a_name_of_several_tracks_is_refused(tmp_path):
    with pytest.raises(GtzanError) as caught:
        artists_of_songs(tmp_path, "song 2.wav,Bob", "song 1.wav,Bob")
    assert str(caught.value) == (
        f"{tmp_path / 'metadata.csv'}: 'song 1.wav' can be 'blues/song 1.wav' or 'jazz/song 1.wav'. "
        "Write the name as in the data."
    )
    assert artists_of_songs(tmp_path, "song 1.wav,Bob", may_not_match=True) == (
        {f"{s.track_id}": None for s in SONGS},
        [],
    )


def test_rows_of_one_track_may_differ_in_its_name_only(tmp_path):
    rows = ("song 2.wav,Bob", "rock/song 2.wav,Bob")
    assert artists_of_songs(tmp_path, *rows)[0] == {"song 2": "bob"}
    with pytest.raises(GtzanError, match=r"metadata\.csv, line 4: track song 2 is named twice\. Delete one row\.$"):
        artists_of_songs(tmp_path, *rows, "song 2,Al")


def test_the_last_folders_count_first():
    paths = ("Ann/CD1/01.mp3", "Ann/CD2/01.mp3", "Bob/CD1/01.mp3")
    tracks = [Track(path, "x", Path("/m", path)) for path in paths]
    names = ("/Ann/cd1/01.mp3", "x/Bob/CD1/01.wav", "CD2/01.mp3", "Bob/CD2/01.mp3", "Eve/CD2/01.mp3")
    assert matched_tracks(names, tracks, "LIST") == [paths[0], paths[2], paths[1], None, paths[1]]
    with pytest.raises(GtzanError, match=r"^LIST: 'CD1/01\.mp3' can be 'Ann/CD1/01\.mp3' or 'Bob/CD1/01\.mp3'\."):
        matched_tracks(["CD1/01.mp3"], tracks, "LIST")


def test_a_track_in_the_folder_of_the_name_is_nearer_than_one_without_folder():
    tracks = [Track("Song", "x"), Track("rock/song", "x")]
    assert matched_tracks(["/m/rock/song.wav", "Song"], tracks, "LIST") == ["rock/song", "Song"]


def test_the_suffix_distinguishes_files_of_one_folder():
    tracks = [Track(name, "x", Path("/m", name)) for name in ("rock/a.mp3", "rock/a.wav", "pop/b.wav")]
    assert matched_tracks(["/n/rock/A.wav", "a.mp3"], tracks, "LIST") == ["rock/a.wav", "rock/a.mp3"]


def test_resampling_clusters_are_artists_else_recordings_else_tracks():
    plain = [Track("a", "x"), Track("b", "x")]
    recordings = [Track("a", "x", recording_group="r"), Track("b", "x")]
    some_artists = [Track("a", "x", artist_group="1", recording_group="r"), Track("b", "x")]
    artists = [Track("a", "x", artist_group="1"), Track("b", "x", artist_group="1", recording_group="r")]
    assert resampling_clusters(plain) == ("track", ["a", "b"])
    assert resampling_clusters(recordings) == ("recording", ["r", "track:b"])
    assert resampling_clusters(some_artists) == ("recording", ["r", "track:b"])
    assert resampling_clusters(artists) == ("artist", ["1", "1"])
    unknown = Track("c", "x", artist_group="unknown:c")
    assert resampling_clusters([artists[0], unknown])[0] == "artist"
    assert resampling_clusters([artists[0], unknown, unknown])[0] == "track"  # fewer than half are known


def test_labels_are_indices_into_the_genres(tmp_path):
    corpus = Corpus("x", tuple(TRACKS), ("blues", "rock"), "tables", tmp_path, "0")
    assert corpus.labels() == [0, 0, 1]


@pytest.mark.parametrize("name", ["Unknown", "VARIOUS ARTISTS", " Various  Artists ", "N/A", "None", "?"])
def test_names_of_no_artist_in_any_spelling(name):
    assert artist_key(name) == ""
    assert artist_key("The Unknown Band") == artist_key("unknown band") != ""
