"""The header of CSV files, and numbers in their cells."""

import numpy as np
import pytest

from gtzan_lightning.corpus.table_files import read_table_file


def read(tmp_path, *lines, as_text=False):
    path = tmp_path / "table.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_table_file(path, as_text=as_text)


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("filename,label,mfcc,mfcc.1,mfcc.2", "blues.0000{0}.wav,blues,0.5,{0}.25,3"),
        ("track.id,tempo.mean,ratio a/b", "blues.0000{0}.wav,12{0}.5,0.1"),
        ("track.id,genre", "blues.0000{},blues"),
        ("folder/file,genre", "blues/song {}.mp3,blues"),
        ("file,genre,remark.1", "song {}.mp3,blues,"),
        ("artist/band,genre", "A{0} C,blues\nAC/DC,rock\nB{0},pop"),
        ("0,1", "song {}.mp3,blues"),  # a frame without names, written by pandas
    ],
)
def test_names_of_columns_may_have_dots_slashes_and_digits(tmp_path, header, row):
    table = read(tmp_path, header, *(row.format(number) for number in range(4)))
    assert (table.has_header, list(table.columns), len(table)) == (True, header.split(","), 4 * (row.count("\n") + 1))


@pytest.mark.parametrize(
    "row", ["blues/blues.0000{}.wav,blues", "blues.0000{},blues", "music/song {},blues", "song,blues,{}", "000{},rock"]
)
def test_a_first_row_of_the_form_of_the_others_is_no_header(tmp_path, row):
    table = read(tmp_path, *(row.format(number) for number in range(4)), as_text=True)
    assert (table.has_header, len(table)) == (False, 4)
    assert table.columns["column 1"][0] == row.format(0).split(",")[0]


@pytest.mark.parametrize("rows", [["a.wav,blues", "other,rock"], ["blues.00000,blues"]])
def test_a_file_in_the_first_row_needs_no_other(tmp_path, rows):
    assert not read(tmp_path, *rows, as_text=True).has_header


@pytest.mark.parametrize("cell", ["n/a", "NA", "-", "?", "  ", "none", "#VALUE!"])
@pytest.mark.parametrize("row", [0, 250])  # 250: below the rows that decide which columns have text
def test_cells_without_a_value_are_missing_numbers(tmp_path, cell, row):
    lines = [f"{number}.wav,{cell if number == row else 0.5}" for number in range(300)]
    values = read(tmp_path, "file,tempo", *lines).columns["tempo"]
    assert (values.dtype, np.flatnonzero(np.isnan(values)).tolist()) == (np.float64, [row])


@pytest.mark.parametrize("cells", [["1,5", "12345,678"], ["[1.5]", "[2]"], ["1.234.567,5", "2,5"], ["1,5", "inf"]])
def test_numbers_in_other_notations(tmp_path, cells):
    assert read(tmp_path, "file;x", *(f"a.wav;{cell}" for cell in cells)).columns["x"].dtype == np.float64
