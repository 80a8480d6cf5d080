"""`gtzan compare`: paired comparison of runs on one split; errors for others."""

import csv
import json
import shutil

import pytest
from scipy.stats import binomtest

from gtzan_lightning.cli import main
from gtzan_lightning.runs.run_card import LEAKY_WARNING


@pytest.fixture
def compare(three_runs, monkeypatch, capsys):
    """`gtzan compare ...`: its exit status, output and message."""
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments, outputs=three_runs):
        status = main(["compare", *arguments, "--outputs", str(outputs)])
        return status, *capsys.readouterr()

    return run


def votes(folder):
    """Track -> (true genre, the genre that most of its test slices vote for), if no two genres tie."""
    found = {}
    with (folder / "predictions.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["part"] == "test":
                p = {key[2:]: float(value) for key, value in row.items() if key.startswith("p_")}
                found.setdefault(row["track_id"], (row["y_true"], []))[1].append(p)
    decided = {}
    for track, (truth, slices) in found.items():
        picks = [max(p, key=p.get) for p in slices]
        most = max(map(picks.count, picks))
        tied = {pick for pick in picks if picks.count(pick) == most}
        decided[track] = truth, max(tied, key=lambda genre: sum(p[genre] for p in slices))
    return decided


def test_a_pair_on_one_split_has_difference_interval_and_both_tests(compare, three_runs):
    status, out, _ = compare("mlp-3s-grouped", "lstm-3s-grouped")
    assert status == 0
    runs = [next((three_runs / "runs").glob(f"{model}-3s-grouped*")) for model in ("mlp", "lstm")]
    mlp, lstm = (json.loads((run / "run.json").read_text())["metrics"]["test"]["clip"]["accuracy"] for run in runs)
    (row,) = (line.split() for line in out.splitlines() if f"({mlp:.3f})" in line and f"({lstm:.3f})" in line)
    assert f"{mlp - lstm:+.3f}" in row
    of_mlp, of_lstm = map(votes, runs)
    right = [(of_mlp[track][1] == truth, of_lstm[track][1] == truth) for track, (truth, _) in of_mlp.items()]
    only_mlp, only_lstm = right.count((True, False)), right.count((False, True))
    assert row[-1] == f"{binomtest(only_mlp, only_mlp + only_lstm).pvalue:.3g}"
    assert "Test accuracy, clip level, tables0, split grouped" in out
    artists = {(truth, int(track[-5:]) // 2) for track, (truth, _) in of_mlp.items()}  # as tiny.write_tables names them
    assert f"n = 20 rows of {len(artists)} artists" in out
    assert "LEAKY" not in out


def test_the_level_is_an_option(compare):
    assert "n = 200 rows" in compare("mlp-3s-grouped", "lstm-3s-grouped", "--level", "window")[1]


def test_other_splits_raise_with_reason_and_remedy(compare):
    status, out, message = compare("mlp-3s-grouped", "mlp-3s-leaky")
    assert (status, out) == (2, "")
    assert "cannot be compared as a pair: their splits differ (split.sha256 " in message
    assert "split.manifest=" in message


def test_leaky_runs_are_compared_with_their_warning(compare, three_runs, tmp_path):
    (leaky,) = (three_runs / "runs").glob("mlp-3s-leaky*")
    for name in ("one", "other"):
        shutil.copytree(leaky, tmp_path / name)
    status, out, _ = compare(str(tmp_path / "one"), str(tmp_path / "other"))
    assert status == 0
    assert "+0.000" in out
    assert f"{LEAKY_WARNING}: 2 of these runs" in out


def test_a_single_or_repeated_run_raises(compare):
    for names in (["mlp-3s-grouped"], ["mlp-3s-grouped", "mlp-3s-grouped"]):
        status, _, message = compare(*names)
        assert status == 2
        assert "two or more runs" in message


def test_an_unfinished_run_raises(compare, three_runs, tmp_path):
    shutil.copytree(three_runs / "runs", tmp_path / "outputs" / "runs")
    (card,) = (tmp_path / "outputs" / "runs").glob("lstm*/run.json")
    card.write_text(json.dumps({"status": "interrupted"}))
    status, _, message = compare("mlp-3s-grouped", "lstm", outputs=tmp_path / "outputs")
    assert status == 2
    assert "interrupted, not done" in message
