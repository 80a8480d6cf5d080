"""Rows of a table: mean and interval over repetitions, names, and accuracy drops due to leakage."""

import pytest
from made_runs import made_run

from gtzan_lightning.runs.browser import find_runs
from gtzan_lightning.runs.ranking import leakage_drops
from gtzan_lightning.runs.records import read_record
from gtzan_lightning.runs.row_groups import tabled


def table_of(outputs):
    return tabled([read_record(run) for run in find_runs(outputs)])


def test_on_one_split_the_interval_is_over_artists(tmp_path):
    for seed in range(3):
        made_run(tmp_path, seed=seed, right=0.5 + 0.1 * seed)
    (row,) = table_of(tmp_path).rows
    cell = row.cells["clip"]
    scores = [record.card["metrics"]["test"]["clip"] for record in row.records]
    assert (cell.mean, cell.n, cell.over) == (pytest.approx(0.6), 60, "30 artists")
    assert cell.interval == pytest.approx(tuple(sum(s["accuracy_ci95"][end] for s in scores) / 3 for end in (0, 1)))
    assert cell.sd == pytest.approx(0.1)


def test_over_splits_the_interval_is_that_of_nadeau_and_bengio(tmp_path):
    for split_seed, right in enumerate([0.5, 0.6, 0.7]):
        for seed in range(2):
            made_run(tmp_path, seed=seed, split_seed=split_seed, right=right + 0.1 * seed)
    (row,) = table_of(tmp_path).rows
    cell = row.cells["window"]
    half = 4.302653 * 0.1 * (1 / 3 + 1 / 10) ** 0.5  # t of 2 degrees; means 0.55, 0.65, 0.75
    assert (cell.mean, cell.over, cell.n) == (pytest.approx(0.65), "3 splits", 120)
    assert cell.interval == pytest.approx((0.65 - half, 0.65 + half))


def test_rows_are_in_natural_order_and_named_by_their_differences(tmp_path):
    for slice_s in (30, 6, 3):
        made_run(tmp_path, slice_s=slice_s)
    made_run(tmp_path, slice_s=3, model="BiLSTM")
    table = table_of(tmp_path)
    assert table.names(range(4)) == ["lstm · 3 s", "mlp · 3 s", "mlp · 6 s", "mlp · 30 s"]
    assert table.names([1, 3]) == ["3 s", "30 s"]


def test_the_leakage_drop_is_paired_by_split(tmp_path):
    for split_seed in range(2):
        made_run(tmp_path, split="leaky", split_seed=split_seed, right=0.9)
        made_run(tmp_path, split="grouped", split_seed=split_seed, right=0.6 + 0.1 * split_seed)
    made_run(tmp_path, split="artist", right=0.5)
    made_run(tmp_path, split="leaky", model="BiLSTM")  # without a grouped row
    table = table_of(tmp_path)
    (drop,) = leakage_drops(table, ["clip"])
    assert [table.rows[drop.rows[split]].values[-1] for split in ("leaky", "grouped", "artist")] == [
        "leaky", "grouped", "artist",
    ]  # fmt: skip
    assert (drop.mean, drop.pairs) == (pytest.approx(0.25), 2)
    half = 12.7062 * (0.005 * (1 / 2 + 1 / 10)) ** 0.5  # t of 1 degree; drops 0.3 and 0.2
    assert drop.interval == (pytest.approx(0.25 - half, abs=1e-4), pytest.approx(0.25 + half, abs=1e-4))


def test_the_leakage_drop_of_single_runs_is_that_of_independent_means(tmp_path):
    made_run(tmp_path, split="leaky", right=0.9)
    made_run(tmp_path, split="grouped", right=0.6)
    table = table_of(tmp_path)
    (drop,) = leakage_drops(table, ["clip"])
    leaky, grouped = (table.rows[drop.rows[split]].cells["clip"] for split in ("leaky", "grouped"))
    down = ((leaky.mean - leaky.interval[0]) ** 2 + (grouped.interval[1] - grouped.mean) ** 2) ** 0.5
    assert drop.mean - drop.interval[0] == pytest.approx(down)
    assert drop.pairs == 0
