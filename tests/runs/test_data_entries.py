"""Entries of the run card about its data."""

from dataclasses import replace

import numpy as np
import tiny

from gtzan_lightning.datamodule.slices import slice_table
from gtzan_lightning.runs.data_entries import data_entries


def test_columns_that_are_left_out_are_noted_unless_the_configuration_names_them(tmp_path):
    reading = ("columns: id = file", "left out, features.drop: a", "left out, text: b, c", "left out, empty: d")
    corpus = replace(tiny.corpus(tracks=1), reading=reading, notes=("one",))
    features = tiny.features([1, 1])
    split = {"name": "grouped", "manifest": None, "seed": 0, "fold": None, "train_tracks": None}
    parts = np.array(["train", "test"])
    data = data_entries(corpus, features, slice_table(features, seconds=3), parts, split, tmp_path / "s.csv")["data"]
    assert data["notes"] == ["one", "columns left out, text: b, c", "columns left out, empty: d"]
    assert data["reading"] == list(reading)
