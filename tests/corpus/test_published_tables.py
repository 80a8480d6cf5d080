"""Reading and validation of the published tables."""

import re

import numpy as np
import pandas as pd
import pytest

from gtzan_lightning.corpus.published_tables import STATS_COLUMNS, read_table
from gtzan_lightning.errors import GtzanError


@pytest.fixture
def table(own_tables):
    return own_tables / "features_3_sec.csv"


def rewrite(path, change):
    """Applies `change` to a table; it modifies the frame or returns another."""
    frame = pd.read_csv(path)
    changed = change(frame)
    (frame if changed is None else changed).to_csv(path, index=False)


def refusal(path):
    with pytest.raises(GtzanError) as caught:
        read_table(path)
    return str(caught.value).replace(str(path), "TABLE")


def test_the_columns_are_the_published_58_in_order():
    assert len(STATS_COLUMNS) == 58
    assert STATS_COLUMNS[:3] == ("length", "chroma_stft_mean", "chroma_stft_var")
    assert STATS_COLUMNS[17:20] == ("tempo", "mfcc1_mean", "mfcc1_var")
    assert STATS_COLUMNS[-1] == "mfcc20_var"


def test_the_columns_are_those_of_the_real_table(gtzan_root):
    header = pd.read_csv(gtzan_root / "features_3_sec.csv", nrows=0).columns
    assert tuple(header) == ("filename", *STATS_COLUMNS, "label")


def test_rows_are_sorted_by_track_and_time_and_parsed_exactly(table):
    written = pd.read_csv(table, float_precision="round_trip")
    rewrite(table, lambda frame: frame.sample(frac=1, random_state=0))
    read = read_table(table)
    assert read.track_ids[:4] == ("blues.00000",) * 3 + ("blues.00001",)
    assert read.start_s[:4].tolist() == [0.0, 3.0, 6.0, 0.0]
    assert read.genres == ("blues",) * 12 + ("rock",) * 12
    np.testing.assert_array_equal(read.values, written[list(STATS_COLUMNS)].to_numpy())
    assert read.window_s == 3.0
    assert read.notes == ()


def test_a_track_has_more_than_nine_windows_in_order(tables_root):
    read = read_table(tables_root / "features_3_sec.csv")
    assert read.start_s[:10].tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]


def test_the_thirty_second_table_has_one_row_per_track(own_tables):
    read = read_table(own_tables / "features_30_sec.csv")
    assert read.window_s == 30.0
    assert read.track_ids[3:5] == ("blues.00003", "rock.00000")
    assert set(read.start_s) == {0.0}


def test_other_column_orders_and_additional_columns_are_accepted(table):
    before = read_table(table).values
    rewrite(table, lambda frame: frame[frame.columns[::-1]].assign(remark="x"))
    np.testing.assert_array_equal(read_table(table).values, before)


def test_missing_columns_are_named(table):
    rewrite(table, lambda frame: frame.drop(columns=["rms_var", "tempo"]))
    assert refusal(table) == (
        "TABLE: 2 columns are missing: rms_var, tempo.\n"
        "Use the published table unchanged, or compute the features from audio with data.source=audio."
    )


def test_a_missing_label_column_is_named(table):
    rewrite(table, lambda frame: frame.drop(columns="label"))
    assert refusal(table).startswith("TABLE: 1 column is missing: label.\n")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, "loud"])
def test_non_finite_values_are_refused_with_line_and_column(table, value):
    def change(frame):
        frame["tempo"] = frame["tempo"].astype(object)
        frame.loc[4, "tempo"] = value

    rewrite(table, change)
    assert refusal(table) == (
        "TABLE: 1 value is not a finite number: line 6 (blues.00001.1.wav), column tempo.\n"
        "Delete these rows (a missing window is allowed) or download the table again."
    )


def test_the_first_three_of_many_non_finite_values_are_listed(table):
    def change(frame):
        frame.loc[0, list(STATS_COLUMNS)] = np.nan

    rewrite(table, change)
    assert re.match(
        r"TABLE: 58 values are not a finite number: line 2 .*length; line 2 .*; line 2 .* \.\.\.\.\n", refusal(table)
    )


def test_repeated_rows_are_refused(table):
    rewrite(table, lambda frame: pd.concat([frame, frame.iloc[[2]]]))
    assert refusal(table) == (
        "TABLE: 1 row repeats the window of an earlier row: blues.00000.2.wav (line 26).\nDelete the repeated rows."
    )


def test_one_window_under_two_names_is_a_repeated_row(table):
    rewrite(table, lambda frame: pd.concat([frame, frame.iloc[[2]].assign(filename="blues.00000.2.au")]))
    assert "1 row repeats the window of an earlier row: blues.00000.2.au (line 26)" in refusal(table)


def test_a_label_that_contradicts_the_filename_is_refused(table):
    def change(frame):
        frame.loc[1, "label"] = "rock"

    rewrite(table, change)
    assert refusal(table) == (
        "TABLE, line 3: label 'rock' does not agree with filename blues.00000.\nCorrect one of the two."
    )


@pytest.mark.parametrize("name", ["blues.wav", "blues.00000.0", "blues.00000.0.mp3", ".00000.wav", ""])
def test_a_filename_of_another_form_is_refused(table, name):
    def change(frame):
        frame.loc[2, "filename"] = name

    rewrite(table, change)
    assert refusal(table) == (
        f"TABLE, line 4: filename {name!r} is not of the form genre.00000.wav or genre.00000.0.wav.\n"
        "Restore the name as published."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"TABLE: cannot be read as CSV \(.*\)\. Download the table again\."),
        (b"\xff\xfe\x00\x01\n\x00", r"TABLE: cannot be read as CSV \(.*\)\. Download the table again\."),
        (b'a,b\n"1,2\n', r"TABLE: cannot be read as CSV \(.*\)\. Download the table again\."),
        (b"filename,label\n", r"TABLE: the table has no rows\. Download it again\."),
        (b"<html>\n<body>moved</body>\n", r"TABLE: 60 columns are missing: filename, length, .*"),
    ],
)
def test_other_files_are_refused(table, content, message):
    table.write_bytes(content)
    assert re.match(message, refusal(table))


def test_a_truncated_table_is_refused(table):
    content = table.read_bytes()
    table.write_bytes(content[: len(content) - 200])
    assert "line 25" in refusal(table)


def test_a_table_of_another_name_is_refused(table):
    assert refusal(table.rename(table.with_name("features_5_sec.csv"))).endswith(
        "not a published table; expected one of features_3_sec.csv, features_30_sec.csv."
    )


def test_gaps_are_noted(table):
    rewrite(table, lambda frame: frame[~frame["filename"].isin(["blues.00001.1.wav", "rock.00000.1.wav"])])
    read = read_table(table)
    assert read.notes == ("features_3_sec.csv: 2 tracks have a gap between their windows; no slice spans a gap",)
    assert read.start_s[3:5].tolist() == [0.0, 6.0]


def test_a_window_missing_at_an_end_is_no_gap(table):
    rewrite(table, lambda frame: frame[frame["filename"] != "blues.00001.2.wav"])
    assert read_table(table).notes == ()


def test_a_changed_file_is_read_again(table):
    before = read_table(table)
    assert read_table(table) is before

    def change(frame):
        frame.loc[0, "tempo"] = 123.0

    rewrite(table, change)
    assert read_table(table).values[0, STATS_COLUMNS.index("tempo")] == 123.0
