"""Features and duplicates as CSV files that a spreadsheet may open, and that are read back."""

from dataclasses import replace

import pandas as pd
import tiny

from gtzan_lightning.corpus.table_files import read_table_file
from gtzan_lightning.corpus.tracks import Track
from gtzan_lightning.report.corpus_tables import write_duplicates, write_features
from gtzan_lightning.utils.files import text_of_cell

TRACKS = (Track("=cmd|'x'!A1", "@pop"), Track("-1 song", "@pop"), Track("'=quoted", "rock"))
FORMULAS = ("=", "+", "-", "@")


def corpus():
    return replace(tiny.corpus(), tracks=TRACKS, genres=("@pop", "rock"))


def test_no_cell_of_the_features_is_a_formula_and_the_texts_are_read_back(tmp_path):
    features = replace(tiny.features([1, 1, 1]), columns=("=sum", "-difference"))
    write_features(corpus(), features, tmp_path / "f.csv")
    written = pd.read_csv(tmp_path / "f.csv", dtype=str, header=None)
    assert not written.map(lambda cell: cell.startswith(FORMULAS)).any(axis=None)
    table = read_table_file(tmp_path / "f.csv")
    assert list(table.columns) == ["track_id", "genre", "start_s", "=sum", "-difference"]
    assert table.columns["track_id"].tolist() == [track.track_id for track in TRACKS]
    assert table.columns["genre"].tolist() == ["@pop", "@pop", "rock"]


def test_no_cell_of_the_duplicates_is_a_formula(tmp_path):
    write_duplicates(corpus(), [[0, 2]], tmp_path / "d.csv")
    table = pd.read_csv(tmp_path / "d.csv", dtype=str, keep_default_na=False)
    assert table["track_id"].map(text_of_cell).tolist() == ["=cmd|'x'!A1", "'=quoted"]
    assert not table.map(lambda cell: cell.startswith(FORMULAS)).any(axis=None)
