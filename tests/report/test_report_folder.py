"""The files of a report without a browser: table, Markdown, warnings and missing runs."""

import csv
import re

import pytest
from made_runs import changed, made_run

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.page.page_data import shown
from gtzan_lightning.report.report_folder import tidy, write_report
from gtzan_lightning.runs.browser import find_runs
from gtzan_lightning.runs.records import read_record
from gtzan_lightning.runs.run_card import LEAKY_WARNING


def written(outputs):
    """The folder of a report of all runs below `outputs`."""
    write_report([read_record(run) for run in find_runs(outputs)], outputs / "reports", progress=False)
    return outputs / "reports"


def table_rows(folder):
    text = (folder / "report.md").read_text(encoding="utf-8")
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in text.splitlines() if line[:1] == "|"]


def test_a_cell_has_mean_interval_n_and_clusters(tmp_path):
    for split_seed, right in enumerate([0.5, 0.6, 0.7]):
        made_run(tmp_path, split_seed=split_seed, right=right)
    made_run(tmp_path, model="BiLSTM", right=0.6)
    head, _, single, several = table_rows(written(tmp_path))
    assert head == ["model", "runs", "test window accuracy [95 %]", "test clip accuracy [95 %]"]
    assert several == ["mlp", "3", "0.600 [0.317, 0.883], n 120, 3 splits", "0.600 [0.317, 0.883], n 60, 3 splits"]
    assert single[:2] == ["lstm", "1"]
    assert re.fullmatch(r"0\.600 \[0\.\d{3}, 0\.\d{3}\], n 60, 30 artists", single[3])


def test_best_is_marked_where_significant_and_the_rule_is_below(tmp_path):
    made_run(tmp_path, right=0.9)
    made_run(tmp_path, model="BiLSTM", right=0.2)
    folder = written(tmp_path)
    best = {row[0]: "best" in row[-1] for row in table_rows(folder)[2:]}
    assert best == {"mlp": True, "lstm": False}
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert text.count("Best is marked where") == 1
    assert "- grouped, clip: mlp is better than the other 1." in text


def test_failed_damaged_and_unfinished_runs_are_listed_with_the_reason(tmp_path):
    made_run(tmp_path)
    changed(made_run(tmp_path), status="failed", error="ValueError: no\ntraceback", overrides=["model=a|b", "seed=7"])
    changed(made_run(tmp_path), status="interrupted", overrides=["outputs=/x"])
    (made_run(tmp_path) / "run.json").write_text("{")
    (made_run(tmp_path) / "predictions.csv").unlink()
    text = (written(tmp_path) / "report.md").read_text(encoding="utf-8")
    missing = [line for line in text.splitlines() if line.startswith("**Missing**")]
    assert missing[0].endswith(": interrupted, the same command resumes from the last checkpoint") or len(missing) == 4
    assert any(line == r"**Missing**: model=a\|b seed=7: failed, ValueError: no" for line in missing)
    assert sum("damaged" in line for line in missing) == 2


def test_damaged_predictions_leave_the_run_in_the_report(tmp_path):
    made_run(tmp_path)
    (made_run(tmp_path, model="BiLSTM") / "predictions.csv").write_text("nonsense\n1\n")
    folder = written(tmp_path)
    assert len(table_rows(folder)) == 4
    assert "predictions.csv: no column track_id" in (folder / "report.html").read_text(encoding="utf-8")


def test_older_runs_without_genres_clusters_and_history_are_reported(tmp_path):
    folder = made_run(tmp_path)
    changed(folder, genres={})
    for name in ("history.csv", "clusters.csv"):
        (folder / name).unlink()
    assert '"history":{}' in (written(tmp_path) / "report.html").read_text(encoding="utf-8")


def test_warnings_are_in_all_documents(tmp_path):
    made_run(tmp_path, split="leaky", data={"corpus": "synthetic", "sha256": "s"})
    folder = written(tmp_path)
    for name in ("report.md", "report.html"):
        text = (folder / name).read_text(encoding="utf-8")
        assert LEAKY_WARNING in text
        assert "SYNTHETIC CORPUS" in text


def test_scores_are_tidy(tmp_path):
    made_run(tmp_path, right=0.5)
    with (written(tmp_path) / "scores.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["part"], row["level"]) for row in rows] == [
        (part, level) for part in ("val", "test") for level in ("window", "clip", "clip_vote")
    ]
    assert {row["accuracy"] for row in rows} == {"0.5"}


def test_the_page_is_one_file_that_allows_only_its_own_script(tmp_path):
    made_run(tmp_path, overrides=["</script><script>alert(1)</script>"])
    page = (written(tmp_path) / "report.html").read_text(encoding="utf-8")
    assert page.count("<script>") == 1
    assert page.count("</script>") == 3
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    assert not re.search(r"""(src|href)=["'](https?:)?//""", page)


def test_no_finished_run_and_an_unwritable_folder_raise(tmp_path):
    changed(made_run(tmp_path), status="running")
    with pytest.raises(GtzanError, match="none of 1 runs is done"):
        written(tmp_path)
    made_run(tmp_path)
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(GtzanError, match="cannot be written"):
        written(tmp_path)


def card_of(overrides, accuracy, sha256="s", split="grouped"):
    score = {"accuracy": accuracy, "accuracy_ci95": [0.1, 0.9], "f1": 0.5, "n": 200}
    return {
        "run_id": "run",
        "overrides": overrides,
        "seed": 0,
        "data": {"corpus": "gtzan"},
        "model": {"name": "MLP"},
        "features": {"name": "stats"},
        "split": {
            "name": split, "seed": 0, "fold": None, "leakage_warning": None, "sha256": sha256,
            "slices": {"train": 700, "val": 100, "test": 200},
        },
        "metrics": {"test": {"window": score, "clip": {**score, "accuracy": accuracy + 0.1}}},
    }  # fmt: skip


def test_the_tidy_table_has_a_row_a_level():
    table = tidy([card_of(["seed=1"], 0.7)])
    assert [(row["level"], row["accuracy"], row["n"]) for row in table] == [
        ("window", 0.7, 200),
        ("clip", pytest.approx(0.8), 200),
    ]


def test_two_splits_are_marked_and_too_few_for_significance(tmp_path):
    for seed in (0, 1):
        made_run(tmp_path, split_seed=seed, right=0.6 + 0.1 * seed)
    text = (written(tmp_path) / "report.md").read_text()
    assert "2 splits: not an interval to trust" in text
    assert "a sign test over 2 pairs has p >= 0.5, so it cannot reach significance (p < 0.05); 6 splits can." in text


def test_overrides_that_all_runs_share_are_listed(tmp_path):
    for seed in (0, 1):
        folder = made_run(tmp_path, seed=seed)
        changed(folder, overrides=["model=mlp", f"seed={seed}", "trainer.max_epochs=3", "data.root=/x"])
    text = (written(tmp_path) / "report.md").read_text()
    first = next(line for line in text.splitlines() if line.startswith("In all"))
    assert first.endswith(", trainer.max\\_epochs=3.")
    assert "data.root" not in first


@pytest.mark.parametrize("value", [0.0625, 0.5625, 0.7875, 0.78749996, 0.8449, -0.0005])
def test_numbers_of_the_page_are_rounded_once_as_on_the_console(value):
    assert f"{shown(value):.3f}" == f"{value:.3f}"  # JavaScript rounds 0.5625 to 0.563, Python to 0.562
    assert shown([value, 3, None, "x"]) == [shown(value), 3, None, "x"]
    assert f"{shown(value, 2):.2f}" == f"{value:.2f}"
