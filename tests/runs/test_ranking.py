"""A row is best only if paired comparisons are significant."""

import pytest
from made_runs import changed, made_run
from scipy import stats

from gtzan_lightning.report.score_tables import verdict_lines
from gtzan_lightning.runs import ranking, records
from gtzan_lightning.runs.browser import find_runs
from gtzan_lightning.runs.ranking import p_value, paired_drops, verdicts
from gtzan_lightning.runs.row_groups import tabled


@pytest.fixture
def table_of(tmp_path):
    """The rows of all runs made so far."""
    return lambda: tabled([records.read_record(run) for run in find_runs(tmp_path)])


def verdicts_of(table, level="clip"):
    return verdicts(table.rows, (level,), records.TestParts())


def test_on_one_split_a_large_difference_is_significant(tmp_path, table_of):
    made_run(tmp_path, model="MLP", right=0.9)
    made_run(tmp_path, model="BiLSTM", right=0.3)
    table = table_of()
    (verdict,) = verdicts_of(table)
    assert table.rows[verdict.best].values == ("mlp",)
    assert verdict_lines(table, [verdict]) == ["grouped, clip: mlp is better than the other 1."]


def test_after_a_small_difference_no_row_is_best_and_the_rival_is_named(tmp_path, table_of):
    made_run(tmp_path, model="MLP", right=0.75)
    made_run(tmp_path, model="BiLSTM", right=0.70)
    table = table_of()
    (verdict,) = verdicts_of(table)
    assert verdict.best is None
    assert verdict_lines(table, [verdict]) == [
        "grouped, clip: no best. mlp is highest, but not shown to be better than lstm."
    ]


def test_over_splits_the_p_value_is_that_of_nadeau_and_bengio(tmp_path, table_of):
    for split_seed, (a, b) in enumerate([(0.8, 0.6), (0.85, 0.6), (0.75, 0.65)]):
        made_run(tmp_path, model="MLP", split_seed=split_seed, right=a)
        made_run(tmp_path, model="BiLSTM", split_seed=split_seed, right=b)
    table = table_of()
    found = p_value(table.rows[1], table.rows[0], "clip", records.TestParts())
    differences = [0.20, 0.25, 0.10]
    variance = stats.tvar(differences) * (1 / 3 + 1 / 10)  # ten training slices for each test slice
    t = sum(differences) / 3 / variance**0.5
    assert found == pytest.approx(2 * stats.t.sf(t, 2))
    assert verdicts_of(table)[0].best is None  # three splits are few


def test_the_difference_must_be_significant_for_each_training_seed(tmp_path, table_of):
    for seed, right in enumerate([0.9, 0.3]):
        made_run(tmp_path, model="MLP", seed=seed, right=0.9)
        made_run(tmp_path, model="BiLSTM", seed=seed, right=right)
    (verdict,) = verdicts_of(table_of())
    assert verdict.best is None


def test_leaky_rows_and_other_corpora_are_not_compared(tmp_path, table_of):
    made_run(tmp_path, split="leaky", right=1.0)
    made_run(tmp_path, split="leaky", model="BiLSTM", right=0.1)
    made_run(tmp_path, right=0.9)
    changed(made_run(tmp_path, model="BiLSTM", right=0.1), data={"corpus": "other", "sha256": "other"})
    assert verdicts_of(table_of()) == []


def test_rows_without_a_common_test_part_are_rivals(tmp_path, table_of):
    made_run(tmp_path, slice_s=3, right=0.95)
    made_run(tmp_path, slice_s=6, right=0.2)  # another split.csv
    table = table_of()
    (verdict,) = verdicts_of(table)
    assert p_value(*table.rows, "clip", records.TestParts()) is None
    assert verdict.best is None


def test_equal_differences_are_not_significant(tmp_path, table_of):
    for split_seed in range(2):
        made_run(tmp_path, model="MLP", split_seed=split_seed, right=0.9)
        made_run(tmp_path, model="BiLSTM", split_seed=split_seed, right=0.3)
    assert verdicts_of(table_of())[0].best is None


def test_p_values_are_corrected_for_the_number_of_rivals(tmp_path, table_of, monkeypatch):
    for model, right in (("MLP", 0.9), ("BiLSTM", 0.6), ("ResLSTM", 0.5)):
        made_run(tmp_path, model=model, right=right)
    table = table_of()
    monkeypatch.setattr(ranking, "p_value", lambda *_: 0.03)  # 0.06 after Holm's correction for two
    (verdict,) = verdicts_of(table)
    assert len(verdict.rivals) == 2
    monkeypatch.setattr(ranking, "p_value", lambda *_: 0.024)
    assert verdicts_of(table)[0].best is not None


def test_training_seeds_are_averaged_before_splits_are_paired(tmp_path, table_of):
    rights = {"MLP": [(0.9, 0.8), (0.7, 0.6)], "BiLSTM": [(0.5, 0.6), (0.6, 0.5)]}  # by split, then training seed
    for model, of_split in rights.items():
        for split_seed, of_seed in enumerate(of_split):
            for seed, right in enumerate(of_seed):
                made_run(tmp_path, model=model, seed=seed, split_seed=split_seed, right=right)
    mlp, lstm = sorted(table_of().rows, key=lambda row: row.values != ("mlp",))
    assert paired_drops(mlp, lstm, "clip") == pytest.approx([0.85 - 0.55, 0.65 - 0.55])


def test_runs_of_one_split_are_paired_by_training_seed(tmp_path, table_of):
    for seed, (a, b) in enumerate([(0.9, 0.7), (0.6, 0.4)]):  # the second MLP is worse than the first BiLSTM
        made_run(tmp_path, model="MLP", seed=seed, right=a)
        made_run(tmp_path, model="BiLSTM", seed=seed, right=b)
    mlp, lstm = sorted(table_of().rows, key=lambda row: row.values != ("mlp",))
    assert p_value(mlp, lstm, "clip", records.TestParts()) < 1
