"""Large CSV files are read in blocks of rows."""

import numpy as np
import pandas as pd
import pytest

from gtzan_lightning.corpus import csv_columns, table_files
from gtzan_lightning.corpus.table_files import read_table_file


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch):
    monkeypatch.setattr(csv_columns, "BLOCK_ROWS", 7)
    monkeypatch.setattr(csv_columns, "BLOCK_BYTES", 100)
    monkeypatch.setattr(table_files, "SAMPLE_CHARACTERS", 300)


def written(path, text):
    path.write_text(text)
    return read_table_file(path)


def rows(count, number=lambda row: row / 7):
    return [f"track{row:03d}.wav,{number(row)},{row}" for row in range(count)]


def test_a_large_file_is_read_in_blocks_with_exact_numbers(tmp_path):
    table = written(tmp_path / "t.csv", "\n".join(["name,x,n", *rows(100)]))
    assert csv_columns.leading_text(tmp_path / "t.csv", 300) is not None
    assert table.columns["x"].tolist() == [row / 7 for row in range(100)]
    assert (table.columns["n"].dtype, table.columns["n"].tolist()) == (np.float64, list(range(100)))
    assert table.columns["name"].tolist() == [f"track{row:03d}.wav" for row in range(100)]
    assert (table.form, table.has_header) == ("CSV, UTF-8, delimiter ','", True)


def test_a_text_far_below_makes_the_column_text_as_it_is_written(tmp_path):
    table = written(
        tmp_path / "t.csv", "\n".join(["name,x,n", *rows(100, lambda row: "fast" if row == 90 else "1.50")])
    )
    assert table.columns["x"][[0, 89, 90]].tolist() == ["1.50", "1.50", "fast"]
    assert table.columns["n"].tolist() == list(range(100))


@pytest.mark.parametrize("text", ["é", "\r"])
def test_other_text_is_decoded_as_a_whole(tmp_path, text):
    lines = ["name,x,n", *rows(100), f"last{text},1,2"]
    (tmp_path / "t.csv").write_bytes("\n".join(lines).encode())
    assert csv_columns.leading_text(tmp_path / "t.csv", 300) is None
    assert read_table_file(tmp_path / "t.csv").columns["x"][:100].tolist() == [row / 7 for row in range(100)]


def test_a_small_file_is_read_as_a_whole(tmp_path):
    pd.DataFrame({"name": ["a", "b"], "x": [1.5, 2.5]}).to_csv(tmp_path / "t.csv", index=False)
    assert csv_columns.leading_text(tmp_path / "t.csv", 300) is None
    assert read_table_file(tmp_path / "t.csv").columns["x"].tolist() == [1.5, 2.5]
