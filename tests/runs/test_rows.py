"""Repetitions become one row, and its interval says of what."""

import pytest
from made_runs import made_run

from gtzan_lightning.runs.browser import find_runs
from gtzan_lightning.runs.ranking import leakage_drops
from gtzan_lightning.runs.records import read_record
from gtzan_lightning.runs.row_groups import tabled


def table_of(outputs):
    return tabled([read_record(run) for run in find_runs(outputs)])


def test_seeds_on_one_split_have_the_interval_of_their_artists(tmp_path):
    for seed in range(3):
        made_run(tmp_path, seed=seed, right=0.5 + 0.1 * seed)
    (row,) = table_of(tmp_path).rows
    cell = row.cells["clip"]
    scores = [record.card["metrics"]["test"]["clip"] for record in row.records]
    assert (cell.mean, cell.n, cell.over) == (pytest.approx(0.6), 60, "30 artists")
    assert cell.interval == pytest.approx(tuple(sum(s["accuracy_ci95"][end] for s in scores) / 3 for end in (0, 1)))
    assert cell.sd == pytest.approx(0.1)


def test_splits_have_the_interval_of_nadeau_and_bengio_over_means_of_seeds(tmp_path):
    for split_seed, right in enumerate([0.5, 0.6, 0.7]):
        for seed in range(2):
            made_run(tmp_path, seed=seed, split_seed=split_seed, right=right + 0.1 * seed)
    (row,) = table_of(tmp_path).rows
    cell = row.cells["window"]
    half = 4.302653 * 0.1 * (1 / 3 + 1 / 10) ** 0.5  # t of 2 degrees; means 0.55, 0.65, 0.75
    assert (cell.mean, cell.over, cell.n) == (pytest.approx(0.65), "3 splits", 120)
    assert cell.interval == pytest.approx((0.65 - half, 0.65 + half))


def test_rows_stand_in_natural_order_and_are_named_by_what_tells_them_apart(tmp_path):
    for slice_s in (30, 6, 3):
        made_run(tmp_path, slice_s=slice_s)
    made_run(tmp_path, slice_s=3, model="BiLSTM")
    table = table_of(tmp_path)
    assert table.names(range(4)) == ["BiLSTM · 3 s", "MLP · 3 s", "MLP · 6 s", "MLP · 30 s"]
    assert table.names([1, 3]) == ["3 s", "30 s"]


def test_gap_pairs_leaky_with_grouped_by_split(tmp_path):
    for split_seed in range(2):
        made_run(tmp_path, split="leaky", split_seed=split_seed, right=0.9)
        made_run(tmp_path, split="grouped", split_seed=split_seed, right=0.6 + 0.1 * split_seed)
    made_run(tmp_path, split="artist", right=0.5)
    made_run(tmp_path, split="leaky", model="BiLSTM")  # without a grouped row
    table = table_of(tmp_path)
    (gap,) = leakage_drops(table, ["clip"])
    assert [table.rows[gap.rows[split]].values[-1] for split in ("leaky", "grouped", "artist")] == [
        "leaky", "grouped", "artist",
    ]  # fmt: skip
    assert (gap.fall, gap.pairs) == (pytest.approx(0.25), 2)
    half = 12.7062 * (0.005 * (1 / 2 + 1 / 10)) ** 0.5  # t of 1 degree; falls 0.3 and 0.2
    assert gap.interval == (pytest.approx(0.25 - half, abs=1e-4), pytest.approx(0.25 + half, abs=1e-4))


def test_gap_of_single_runs_is_that_of_independent_means(tmp_path):
    made_run(tmp_path, split="leaky", right=0.9)
    made_run(tmp_path, split="grouped", right=0.6)
    table = table_of(tmp_path)
    (gap,) = leakage_drops(table, ["clip"])
    leaky, grouped = (table.rows[gap.rows[split]].cells["clip"] for split in ("leaky", "grouped"))
    down = ((leaky.mean - leaky.interval[0]) ** 2 + (grouped.interval[1] - grouped.mean) ** 2) ** 0.5
    assert gap.fall - gap.interval[0] == pytest.approx(down)
    assert gap.pairs == 0
