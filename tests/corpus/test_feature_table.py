"""Reading and validation of the published tables."""

import numpy as np
import pandas as pd
import pytest

from gtzan_lightning.corpus.feature_table import (
    STATS_COLUMNS,
    TableOptions,
    read_feature_table,
    read_published_table,
)
from gtzan_lightning.corpus.table_files import read_table_file
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
        read_published_table(path)
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
    read = read_published_table(table)
    assert read.track_ids[:4] == ("blues.00000",) * 3 + ("blues.00001",)
    assert read.start_s[:4].tolist() == [0.0, 3.0, 6.0, 0.0]
    assert read.genres == ("blues",) * 12 + ("rock",) * 12
    np.testing.assert_array_equal(read.values, written[list(STATS_COLUMNS)].to_numpy())
    assert read.window_s == 3.0
    assert not any("gap" in note for note in read.notes)


def test_a_track_has_more_than_nine_windows_in_order(tables_root):
    read = read_published_table(tables_root / "features_3_sec.csv")
    assert read.start_s[:10].tolist() == [0, 3, 6, 9, 12, 15, 18, 21, 24, 27]


def test_the_thirty_second_table_has_one_row_per_track(own_tables):
    read = read_published_table(own_tables / "features_30_sec.csv")
    assert read.window_s == 30.0
    assert read.track_ids[3:5] == ("blues.00003", "rock.00000")
    assert set(read.start_s) == {0.0}


def test_other_column_orders_and_additional_columns_are_accepted(table):
    before = read_published_table(table).values
    rewrite(table, lambda frame: frame[frame.columns[::-1]].assign(remark="x"))
    np.testing.assert_array_equal(read_published_table(table).values, before)


def test_missing_columns_are_named_with_the_way_to_use_the_others(table):
    rewrite(table, lambda frame: frame.drop(columns=["rms_var", "tempo"]))
    assert refusal(table) == (
        "TABLE: 2 columns are missing: rms_var, tempo.\n"
        "To use the columns that are there: features=table features.path=TABLE features.window_s=3. "
        "To compute all 58 from audio: data.source=audio."
    )


def test_without_a_label_column_the_genres_are_those_of_the_names(table):
    before = read_published_table(table).genres
    rewrite(table, lambda frame: frame.drop(columns="label"))
    assert read_published_table(table).genres == before


def test_rows_with_values_that_are_not_finite_are_left_out_and_named(table):
    def change(frame):
        frame.loc[4, "tempo"] = np.inf

    rewrite(table, change)
    read = read_published_table(table)
    assert len(read.track_ids) == 23
    assert read.notes[0] == (
        "features_3_sec.csv: 1 row has values that are not finite numbers (features_3_sec.csv, line 6), in tempo (1); "
        "these rows are left out"
    )


def test_many_such_rows_are_refused(table):
    def change(frame):
        frame.loc[0:3, list(STATS_COLUMNS[1:])] = np.nan

    rewrite(table, change)
    assert refusal(table).startswith(
        "TABLE: 4 rows have values that are not finite numbers (features_3_sec.csv, line 2, "
        "features_3_sec.csv, line 3, features_3_sec.csv, line 4 ...), in chroma_stft_mean (4), chroma_stft_var (4), "
    )


def test_a_word_in_a_column_of_numbers_is_named(table):
    def change(frame):
        frame["tempo"] = frame["tempo"].astype(object)
        frame.loc[4, "tempo"] = "loud"

    rewrite(table, change)
    assert refusal(table) == (
        "features_3_sec.csv, line 6: column tempo has 'loud', which is no number.\n"
        "Correct the cell, or leave the row out."
    )


def with_cells(table, *cells):
    def change(frame):
        frame["tempo"] = frame["tempo"].astype(object)
        frame.loc[range(4, 4 + len(cells)), "tempo"] = cells

    rewrite(table, change)
    return table


def test_a_word_among_the_numbers_of_an_own_table_is_named(table):
    with pytest.raises(GtzanError) as caught:
        read_feature_table([with_cells(table, "n/a", "fast", "loud", "slow")])
    assert str(caught.value) == (
        "features_3_sec.csv, line 7: column tempo has 'fast', which is no number.\n"
        "Correct the cell, leave the row out, or leave the column out with features.drop=[tempo]."
    )
    without = read_feature_table([table], TableOptions(drop=("tempo",)))
    assert without.columns == tuple(name for name in STATS_COLUMNS[1:] if name != "tempo")


def test_a_column_to_drop_that_does_not_exist_is_refused_with_the_nearest(table):
    rewrite(table, lambda frame: frame[["filename", "length", "rms_mean", "tempo", "label"]])
    with pytest.raises(GtzanError) as caught:
        read_feature_table([table], TableOptions(drop=("rms_mean", "tempoo")))
    assert str(caught.value) == (
        "features.drop=tempoo: features_3_sec.csv has no such column. Did you mean tempo? "
        "It has: filename, length, rms_mean, tempo, label."
    )
    assert read_feature_table([table], TableOptions(drop=("RMS mean",))).columns == ("tempo",)
    of_run = TableOptions(drop=("tempoo",), features=("tempo",))
    assert read_feature_table([table], of_run).columns == ("tempo",)


def test_a_column_with_more_words_is_text(table):
    read = read_feature_table([with_cells(table, "fast", "loud", "slow", "calm")])
    assert "left out, text: tempo" in read.reading


def test_a_missing_number_leaves_its_row_out(table):
    read = read_feature_table([with_cells(table, "n/a")], TableOptions(max_skipped_share=0.05))
    assert ("tempo" in read.columns, len(read.track_ids)) == (True, 23)
    assert read.notes[0] == (
        "features_3_sec.csv: 1 row has values that are not finite numbers (features_3_sec.csv, line 6), in tempo (1); "
        "these rows are left out"
    )


@pytest.mark.parametrize("name", ["blues.00000.2.wav", "blues.00000.2.au"])
def test_repeated_rows_are_refused(table, name):
    rewrite(table, lambda frame: pd.concat([frame, frame.iloc[[2]].assign(filename=name)]))
    assert refusal(table) == (
        f"TABLE: 1 row repeats the window of an earlier row: {name} (features_3_sec.csv, line 26) and "
        "blues.00000.2.wav (features_3_sec.csv, line 4).\nDelete the repeated rows."
    )


def test_labels_that_contradict_the_names_are_counted_with_both_remedies(table):
    def change(frame):
        frame.loc[1:2, "label"] = "rock"

    rewrite(table, change)
    assert refusal(table) == (
        "TABLE: in 2 of 24 rows label and track name disagree: 2 named blues are labelled rock.\n"
        "If the labels are right: features.columns.genre=label. If the names are: features.columns.genre=name."
    )
    by_name = read_published_table(table, TableOptions(columns=(("genre", "name"),)))
    assert by_name.genres == ("blues",) * 12 + ("rock",) * 12
    by_label = read_published_table(table, TableOptions(columns=(("genre", "label"),)))
    assert by_label.genres == ("blues", "rock", "rock") + ("blues",) * 9 + ("rock",) * 12


def test_two_spellings_of_one_track_are_refused(table):
    def change(frame):
        frame.loc[1, "filename"] = "blues_00000.1.wav"

    rewrite(table, change)
    assert refusal(table) == (
        "TABLE: 'blues.00000', 'blues_00000' would be one track, blues.00000, but are written as two.\n"
        "Write one track the same way in each row, or rename one of two different tracks."
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "TABLE: the file is empty. Download it again."),
        (b"\0" * 99, "TABLE: the file holds nothing but zero bytes: the copy was cut off. Download it again."),
        (b"filename,label\n", "TABLE: the table has no rows. Download it again."),
        (
            b"<html>\n<body>moved</body>\n",
            "TABLE: a web page, not a table: the download led to a page, such as a login or an error.\n"
            "Download the file itself, or save a spreadsheet as CSV.",
        ),
    ],
)
def test_other_files_are_refused(table, content, message):
    table.write_bytes(content)
    assert refusal(table) == message


def test_a_truncated_table_names_its_last_line(table):
    content = table.read_bytes()
    table.write_bytes(content[: len(content) - 200])
    assert "features_3_sec.csv, line 25" in read_published_table(table).notes[0]


def test_a_table_of_another_name_is_refused(table):
    assert refusal(table.rename(table.with_name("features_5_sec.csv"))).endswith(
        "not a published table; expected one of features_3_sec.csv, features_30_sec.csv."
    )


def test_the_length_of_the_windows_counts_not_the_name_of_the_file(table):
    rewrite(table, lambda frame: frame.assign(length=220_500))
    assert refusal(table) == (
        "TABLE: its rows are 10 s apart (lengths of 220,500 samples at 22,050 Hz), not 3 s as its name says.\n"
        "Read it as what it is: features=table features.path=TABLE slice.seconds=10."
    )
    own = read_feature_table([table])
    assert own.window_s == 10
    assert own.start_s[:3].tolist() == [0, 10, 20]


VARIANTS = {
    "excel": lambda frame, path: frame.to_csv(path, index=False, encoding="utf-8-sig", lineterminator="\r\n"),
    "cr cr lf": lambda frame, path: frame.to_csv(path, index=False, lineterminator="\r\r\n"),
    "decimal comma": lambda frame, path: frame.to_csv(path, index=False, sep=";", decimal=","),
    "tabs, UTF-16": lambda frame, path: frame.to_csv(path, index=False, sep="\t", encoding="utf-16"),
    "index": lambda frame, path: frame.to_csv(path),
    "workbook": lambda frame, path: frame.to_excel(path.with_suffix(".xlsx"), index=False),
    "parquet": lambda frame, path: frame.to_parquet(path.with_suffix(".parquet")),
    "npz": lambda frame, path: np.savez(
        path.with_suffix(".npz"), X=frame[list(STATS_COLUMNS[1:])].to_numpy(), IDS=frame["filename"].to_numpy(str)
    ),
    "paths and .au": lambda frame, path: frame.assign(
        filename="genres\\" + frame["label"] + "\\" + frame["filename"].str.replace(".wav", ".au")
    ).to_csv(path, index=False),
    "windows from 1": lambda frame, path: frame.assign(
        filename=frame["filename"].str.replace(r"\.(\d)\.wav$", lambda m: f".wav_seg{int(m[1]) + 1}", regex=True)
    ).to_csv(path, index=False),
    "labels": lambda frame, path: frame.assign(label=frame["label"].str.title()).rename(
        columns={"label": "Genre"}
    ).to_csv(path, index=False),
    "numbers": lambda frame, path: frame.assign(label=frame["label"].map({"blues": 0, "rock": 1})).to_csv(
        path, index=False
    ),
}  # fmt: skip


@pytest.mark.parametrize("variant", VARIANTS)
def test_each_form_of_a_table_gives_the_same_rows(table, tmp_path, variant):
    frame = pd.read_csv(table)
    before = read_feature_table([table])
    VARIANTS[variant](frame, tmp_path / "variant.csv")
    path = next(tmp_path.glob("variant.*"))
    read = read_feature_table([path], TableOptions(window_s=3.0))
    assert (read.track_ids, read.genres) == (before.track_ids, before.genres)
    np.testing.assert_array_equal(read.values.astype(np.float32), before.values.astype(np.float32))  # .xlsx: 16 digits
    np.testing.assert_array_equal(read.start_s, before.start_s)


def test_columns_that_are_no_features_are_reported_with_the_reason(table):
    rewrite(table, lambda frame: frame.assign(remark="x", code=frame["label"].map({"blues": 4, "rock": 7}), zero=0))
    read = read_feature_table([table])
    assert read.columns == STATS_COLUMNS[1:]
    assert read.reading == (
        "features_3_sec.csv: CSV, UTF-8, delimiter ','",
        "features_3_sec.csv: 24 rows of 8 tracks; a row every 3 s (lengths of 66,149 samples at 22,050 Hz)",
        "columns: id = filename; genre = label; length = length",
        "57 features: chroma_stft_mean, chroma_stft_var, ..., mfcc20_var",
        "left out, text: remark",
        "left out, another form of the genre: code",
        "left out, constant (0 in each row): zero",
    )


def test_the_length_of_a_row_is_asked_for_where_nothing_says_it(table):
    rewrite(table, lambda frame: frame.drop(columns="length"))
    with pytest.raises(GtzanError) as caught:
        read_feature_table([table])
    assert str(caught.value).replace(str(table), "TABLE") == (
        "TABLE: 24 rows of 8 tracks, and no column says how long a row is.\n"
        "Set features.window_s=SECONDS, from the start of one row of a track to the next, "
        "or features.pooling=clip for one row a track (mean and deviation of each feature)."
    )


def test_without_track_names_each_row_is_a_track(table):
    rewrite(table, lambda frame: frame.drop(columns="filename"))
    read = read_feature_table([table])
    assert not read.has_tracks
    assert len(set(read.track_ids)) == 24


def test_pickled_objects_are_never_loaded(tmp_path):
    np.savez(tmp_path / "x.npz", X=np.zeros((2, 3)), ids=np.asarray(["a", None], object))
    with pytest.raises(GtzanError, match="holds pickled Python objects, which could run code"):
        read_feature_table([tmp_path / "x.npz"])


def test_gaps_are_noted(table):
    rewrite(table, lambda frame: frame[~frame["filename"].isin(["blues.00001.1.wav", "rock.00000.1.wav"])])
    read = read_published_table(table)
    assert read.notes[-1:] == ("features_3_sec.csv: 2 tracks have a gap between their windows; no slice spans a gap",)
    assert read.start_s[3:5].tolist() == [0.0, 6.0]


def test_a_window_missing_at_an_end_is_no_gap(table):
    rewrite(table, lambda frame: frame[frame["filename"] != "blues.00001.2.wav"])
    assert not any("gap" in note for note in read_published_table(table).notes)


def test_a_changed_file_is_read_again(table):
    before = read_published_table(table)
    assert read_published_table(table) is before

    def change(frame):
        frame.loc[0, "tempo"] = 123.0

    rewrite(table, change)
    assert read_published_table(table).values[0, STATS_COLUMNS.index("tempo")] == 123.0


def test_the_row_numbers_of_a_part_of_a_table_are_no_feature(tmp_path):
    (tmp_path / "part.csv").write_text(",file,x,label\n7,a.wav,0.5,pop\n2,b.wav,0.1,pop\n9,c.wav,0.7,rock\n")
    table = read_feature_table((tmp_path / "part.csv",))
    assert table.columns == ("x",)
    assert "left out, the number of the row: column 1" in table.reading


def test_a_korean_file_is_decoded(tmp_path):
    artists = ["블루스 가수", "록 밴드", "재즈 트리오", "힙합 그룹", "디스코 여왕", "컨트리 가수"]
    frame = pd.DataFrame({"filename": [f"blues.{number:05d}.wav" for number in range(6)], "artist": artists})
    (tmp_path / "korean.csv").write_bytes(frame.to_csv(index=False).encode("cp949"))
    assert read_table_file(tmp_path / "korean.csv").columns["artist"].tolist() == artists
