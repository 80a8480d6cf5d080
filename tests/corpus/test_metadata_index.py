"""Reading of an artist index or a CSV."""

import pytest

from gtzan_lightning.corpus.metadata import Entry, read_index
from gtzan_lightning.errors import GtzanError


def write(tmp_path, text, name="GTZANindex.txt", encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes(text.encode(encoding))
    return path


def test_the_published_format(tmp_path):
    """All forms that occur: complete, no title (with and without a space), no artist, neither, extra spaces."""
    text = (
        "# a remark\n"
        "blues.00000.wav ::: Some Singer ::: One, Two And Three\n"
        "blues.00001.wav ::: Some Singer ::: \n"
        "blues.00002.wav ::: Some Singer :::\n"
        "\n"
        "country.00002.wav ::: ::: A Title\r\n"
        "country.00030.wav ::: :::\n"
        "rock.00000.wav ::: A Band ::: One ::: Two\n"
        'classical.00058.wav ::: A Composer :::  Op. 8: Spring: Allegro, "Quoted"\n'
    )
    index = read_index(write(tmp_path, text))
    assert index.entries == (
        Entry("blues.00000", "Some Singer", "One, Two And Three"),
        Entry("blues.00001", "Some Singer", ""),
        Entry("blues.00002", "Some Singer", ""),
        Entry("country.00002", "", "A Title"),
        Entry("country.00030", "", ""),
        Entry("rock.00000", "A Band", "One ::: Two"),
        Entry("classical.00058", "A Composer", 'Op. 8: Spring: Allegro, "Quoted"'),
    )
    assert index.bad_lines == ()


def test_two_colons_are_accepted(tmp_path):
    index = read_index(write(tmp_path, "rock.00007.au :: A Band :: A Song\n"))
    assert index.entries == (Entry("rock.00007", "A Band", "A Song"),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_non_ascii_characters_in_the_usual_encodings(tmp_path, encoding):
    index = read_index(write(tmp_path, "classical.00045.wav ::: Ä ::: Für\n", encoding=encoding))
    assert index.entries == (Entry("classical.00045", "Ä", "Für"),)


def test_invalid_lines_are_listed_and_the_others_read(tmp_path):
    text = (
        "blues.00000.wav ::: A ::: B\n"
        "blues.00001.wav ::: A\n"
        "polka.00000.wav ::: A ::: B\n"
        "blues.1.wav ::: A ::: B\n"
        "blues.00000.wav ::: C ::: D\n"
        "../../etc/passwd ::: A ::: B\n"
        "rock.00000.wav ::: A ::: B\n"
    )
    index = read_index(write(tmp_path, text))
    assert [entry.track_id for entry in index.entries] == ["blues.00000", "rock.00000"]
    assert index.entries[0].artist == "A"
    assert index.bad_lines == (
        "line 2: 'blues.00001.wav ::: A' is not `<file> ::: <artist> ::: <title>`",
        "line 3: 'polka.00000.wav' is no track of GTZAN, such as blues.00000.wav",
        "line 4: 'blues.1.wav' is no track of GTZAN, such as blues.00000.wav",
        "line 5: names blues.00000 again; its first line counts",
        "line 6: '../../etc/passwd' is no track of GTZAN, such as blues.00000.wav",
    )


def test_a_csv(tmp_path):
    text = (
        'filename,artist,title,filtered_part,mood\nblues.00000.wav,"Singer, A","Two\nlines",train,sad\nsong 7.mp3,,,,\n'
    )
    index = read_index(write(tmp_path, text, "artists.CSV"))
    assert index.entries == (
        Entry("blues.00000", "Singer, A", "Two\nlines", {"filtered_part": "train", "mood": "sad"}),
        Entry("song 7", "", "", {"filtered_part": "", "mood": ""}),
    )


def test_invalid_rows_of_a_csv_are_listed(tmp_path):
    text = "track_id,artist,filtered_part\na,X,train\nb,X\nc,X,train,more\n,X,train\nd,X,training\na,Y,\n"
    index = read_index(write(tmp_path, text, "a.csv"))
    assert index.entries == (Entry("a", "X", "", {"filtered_part": "train"}),)
    assert index.bad_lines == (
        "line 3: has more or fewer values than the header has columns",
        "line 4: has more or fewer values than the header has columns",
        "line 5: has no track_id",
        "line 6: filtered_part 'training' is none of train, valid, test, excluded",
        "line 7: names a again; its first line counts",
    )


@pytest.mark.parametrize("text", ["", "track_id,title\na,b\n", "artist\nX\n"])
def test_a_csv_without_the_columns_is_refused(tmp_path, text):
    with pytest.raises(GtzanError, match="needs the columns track_id and artist"):
        read_index(write(tmp_path, text, "a.csv"))


def test_a_csv_with_an_open_quote_is_refused_with_its_line(tmp_path):
    with pytest.raises(GtzanError, match=r"a\.csv, line 2: is no CSV"):
        read_index(write(tmp_path, 'track_id,artist\na,"open\n', "a.csv"))


@pytest.mark.parametrize("text", ["", "# only a remark\n", "track_id,artist\na,X\n", "\x00\x01\x02"])
def test_a_file_without_any_valid_line_is_refused(tmp_path, text):
    with pytest.raises(GtzanError, match="names no track"):
        read_index(write(tmp_path, text))


def test_a_file_that_cannot_be_an_index_is_refused(tmp_path):
    with pytest.raises(GtzanError, match="cannot be read"):
        read_index(tmp_path / "missing.txt")
    with pytest.raises(GtzanError, match="cannot be read"):
        read_index(tmp_path)
    with (tmp_path / "genres.tar.gz").open("wb") as file:
        file.truncate(2**24 + 1)
    with pytest.raises(GtzanError, match="too large"):
        read_index(tmp_path / "genres.tar.gz")
