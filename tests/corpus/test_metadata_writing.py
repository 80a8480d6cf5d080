"""Writing of `metadata.csv` from an artist index."""

import csv

import pytest

from gtzan_lightning.corpus.metadata import COLUMNS, Entry, artist_key, with_metadata, write_metadata
from gtzan_lightning.corpus.tracks import Track
from gtzan_lightning.errors import GtzanError


def rows_of(root):
    with (root / "metadata.csv").open(newline="") as file:
        return {row["track_id"]: row for row in csv.DictReader(file)}


def write(root, *entries):
    write_metadata(entries, root)
    return rows_of(root)


def test_columns(tmp_path):
    write_metadata([Entry("rock.00001", "A", "B")], tmp_path)
    head = (tmp_path / "metadata.csv").read_text().splitlines()[0]
    assert head == "track_id,genre,artist,title,artist_group,identical_group,recording_group,filtered_part"
    assert head == ",".join(COLUMNS)


def test_spelling_variants_of_an_artist_are_one_group(tmp_path):
    rows = write(
        tmp_path, Entry("rock.00000", "AC/DC", ""), Entry("rock.00001", "Ac-Dc", ""), Entry("pop.00000", "AC", "")
    )
    assert [rows[track]["artist_group"] for track in ("rock.00000", "rock.00001", "pop.00000")] == [
        "ac dc",
        "ac dc",
        "ac",
    ]
    assert rows["rock.00001"]["artist"] == "Ac-Dc"


def test_an_unknown_artist_is_a_group_of_its_own(tmp_path):
    rows = write(tmp_path, Entry("rock.00000", "", "Song"), Entry("rock.00001", "", "Song"), Entry("a", "!!!", ""))
    assert rows["rock.00000"]["artist_group"] == "unknown:rock.00000"
    assert rows["rock.00001"]["artist_group"] == "unknown:rock.00001"
    assert rows["rock.00001"]["recording_group"] == ""
    assert rows["a"]["artist_group"] == "!!!"


def test_a_recording_group_has_the_same_artist_and_title(tmp_path):
    rows = write(
        tmp_path,
        Entry("pop.00009", "A", "Song (Live!)"),
        Entry("pop.00003", "a", "Song live"),
        Entry("pop.00004", "B", "Song live"),
        Entry("pop.00005", "A", ""),
        Entry("pop.00006", "A", ""),
    )
    assert {track: row["recording_group"] for track, row in rows.items()} == {
        "pop.00003": "pop.00003",
        "pop.00009": "pop.00003",
        "pop.00004": "",
        "pop.00005": "",
        "pop.00006": "",
    }


def test_genres_and_fault_filtered_parts(tmp_path):
    from torchaudio.datasets import gtzan

    tracks = [f"{genre}.{number:05d}" for genre in gtzan.gtzan_genres for number in range(100)]
    rows = write(tmp_path, *(Entry(track, "A", "") for track in tracks), Entry("mine", "A", ""))
    lists = {"train": gtzan.filtered_train, "valid": gtzan.filtered_valid, "test": gtzan.filtered_test}
    for part, track_ids in lists.items():
        assert {track for track, row in rows.items() if row["filtered_part"] == part} == set(track_ids)
    assert sum(row["filtered_part"] == "excluded" for row in rows.values()) == 70  # as published
    assert rows["hiphop.00003"]["genre"] == "hiphop"
    assert (rows["mine"]["genre"], rows["mine"]["filtered_part"]) == ("", "")


def test_values_of_a_csv_take_precedence_over_derived_ones(tmp_path):
    given = {"artist_group": "g", "identical_group": "i", "recording_group": "r", "filtered_part": "test", "mood": "x"}
    empty = dict.fromkeys(given, "")
    rows = write(tmp_path, Entry("rock.00000", "A", "B", given), Entry("rock.00001", "A", "B", empty))
    assert list(rows["rock.00000"].values()) == ["rock.00000", "rock", "A", "B", "g", "i", "r", "test"]
    assert rows["rock.00001"]["artist_group"] == "a"
    assert rows["rock.00001"]["recording_group"] == "rock.00000"


def test_the_file_can_be_read_again(tmp_path):
    write_metadata([Entry("rock.00000", "A, or B", 'Say "x"'), Entry("rock.00001", "", "")], tmp_path)
    tracks, notes = with_metadata([Track("rock.00000", "rock"), Track("rock.00001", "rock")], tmp_path / "metadata.csv")
    assert [track.artist_group for track in tracks] == ["a or b", "unknown:rock.00001"]
    assert notes == []


def test_older_files_are_backed_up(tmp_path):
    path = tmp_path / "metadata.csv"
    assert write_metadata([Entry("a", "1", "")], tmp_path) is None
    first = path.read_text()
    assert write_metadata([Entry("a", "1", "")], tmp_path) is None  # unchanged content needs no backup
    assert write_metadata([Entry("a", "2", "")], tmp_path) == tmp_path / "metadata.csv.1"
    second = path.read_text()
    assert write_metadata([Entry("a", "3", "")], tmp_path) == tmp_path / "metadata.csv.2"
    assert (tmp_path / "metadata.csv.1").read_text() == first
    assert (tmp_path / "metadata.csv.2").read_text() == second
    assert len(list(tmp_path.iterdir())) == 3


def test_a_missing_root_is_refused(tmp_path):
    with pytest.raises(GtzanError, match="gtzan data get"):
        write_metadata([Entry("a", "A", "")], tmp_path / "missing")


def test_normal_form_of_artists():
    assert artist_key("  Guns N' Roses ") == "guns n roses"
    assert artist_key("Beyoncé_x") == "beyonce x"
    assert artist_key("ОДИН") == "один"


def test_the_groups_of_the_real_metadata_are_reproduced(gtzan_root, tmp_path):
    with (gtzan_root / "metadata.csv").open(newline="") as file:
        real = {row["track_id"]: row for row in csv.DictReader(file)}
    rows = write(tmp_path, *(Entry(row["track_id"], row["artist"], row["title"]) for row in real.values()))
    for column in ("genre", "artist_group", "filtered_part"):
        assert {track: row[column] for track, row in rows.items()} == {
            track: row[column] for track, row in real.items()
        }
    # One pair without artist is known from its audio only.
    differing = [track for track, row in rows.items() if row["recording_group"] != real[track]["recording_group"]]
    assert differing == ["metal.00042", "metal.00063"]
