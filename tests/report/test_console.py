"""Run cards on the console: scores, remarks, warnings."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from gtzan_lightning.report.console import print_run, print_sweep


def scores(accuracy, n=200):
    return {
        "accuracy": accuracy, "precision": 0.5, "recall": 0.25, "f1": 0.125, "n": n,
        "accuracy_ci95": [accuracy - 0.05, accuracy + 0.0625], "cluster": "artist", "n_clusters": 65,
    }  # fmt: skip


@pytest.fixture
def card():
    levels = {"window": scores(0.75, 1998), "clip": scores(0.815), "clip_vote": scores(0.8)}
    return {
        "status": "done",
        "overrides": ["model=lstm"],
        "data": {"corpus": "gtzan", "tracks": 1000, "notes": ["a note [sic]"], "tracks_without_slice": []},
        "model": {"name": "BiLSTM"},
        "split": {"name": "grouped", "leakage_warning": None},
        "training": {"best_epoch": 42, "epochs": 60, "monitor": "val/window_accuracy", "overfit_gap": 0.2031},
        "metrics": {"val": levels, "test": levels},
    }


def printed(show, *arguments, width=100):
    file = io.StringIO()
    show(*arguments, console=Console(file=file, width=width, force_terminal=False))
    return file.getvalue()


def test_every_score_has_its_level_n_and_interval(card):
    text = printed(print_run, card, Path("outputs/runs/x"))
    lines = [line.split() for line in text.splitlines()]
    assert "lstm on gtzan (1000 tracks), split grouped" in text
    assert lines.count(["test", "window", "1998", "0.750", "0.700-0.812", "0.500", "0.250", "0.125"]) == 1
    assert lines.count(["val", "clip,", "mean", "200", "0.815", "0.765-0.877", "0.500", "0.250", "0.125"]) == 1
    assert "Intervals are clustered by artist: 65 artists in the test part." in text
    assert "Best epoch 42 of 60 by val/window_accuracy." in text
    assert "Generalization gap (train minus validation window accuracy): +0.203." in text
    assert "Note: a note [sic]" in text
    assert text.rstrip().endswith("Run folder: outputs/runs/x")
    assert "LEAKY" not in text
    assert "SYNTHETIC" not in text


def test_calibration_is_printed_if_the_run_has_it(card):
    assert "Calibration" not in printed(print_run, card, Path("x"))
    card["calibration"] = {"temperature": 1.375, "test": {"before": {"ece": 0.1234}, "after": {"ece": 0.0456}}}
    text = " ".join(printed(print_run, card, Path("x")).split())
    assert (
        "Expected calibration error of the test windows: 0.123 uncalibrated, 0.046 temperature-scaled (T = 1.38, "
        "fitted on validation; predictions.csv is uncalibrated)."
    ) in text


def test_leakage_and_synthetic_corpus_are_printed_before_the_remarks(card):
    card["split"]["leakage_warning"] = "LEAKY SPLIT: slices of one track stand in train and test"
    card["data"]["corpus"] = "synthetic"
    text = printed(print_run, card, Path("x"))
    assert "LEAKY SPLIT: slices of one track stand in train and test" in text
    assert "SYNTHETIC CORPUS: a demonstration; these scores say nothing about real music." in text
    assert text.index("SYNTHETIC CORPUS") < text.index("Intervals are clustered")


def test_tracks_left_out_are_counted_and_the_first_named(card):
    card["data"]["tracks_without_slice"] = [f"blues.{number:05d}" for number in range(62)]
    text = " ".join(printed(print_run, card, Path("x")).split())
    assert "62 tracks have no slice of this length and are left out: blues.00000, " in text
    assert "blues.00004 ... (all in run.json)" in text


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
def test_no_number_is_cut_off(card, width):
    text = printed(print_run, card, Path("x"), width=width)
    assert "…" not in text
    assert text.count("0.700-0.812") == 2


def test_names_in_brackets_are_not_parsed_as_markup(card):
    card["data"]["corpus"] = "[bold]mine[/]"
    assert "[bold]mine[/]" in printed(print_run, card, Path("x"))
    failed = {"status": "failed", "overrides": ["model=mlp"], "error": "no [key]\nremedy"}
    assert "no [key]" in printed(print_sweep, [(Path("runs/a"), failed)])


def test_a_sweep_shows_the_varied_overrides_and_the_status_of_each_job(card):
    leaky = {**card, "overrides": ["model=lstm", "split=leaky", "seed=1"], "split": {"leakage_warning": "LEAKY SPLIT"}}
    failed = {"status": "failed", "overrides": ["model=lstm", "slice=2s"], "error": "too short.\nTake 3 s."}
    text = printed(
        print_sweep, [(Path("runs/a"), card), (Path("runs/b"), leaky), (Path("runs/c"), failed), (Path("runs/d"), {})]
    )
    lines = [line.split() for line in text.splitlines()]
    assert text.startswith("4 jobs, test accuracy")
    assert ["lstm", "leaky", "seed=1", "0.750", "0.700-0.812", "1998", "0.815", "0.765-0.877", "200"] in lines
    assert ["lstm", "2s", "failed"] in lines
    assert "failed: runs/c: too short." in text
    assert "Take 3 s." not in text
    assert "no record: runs/d" in text
    assert "LEAKY SPLIT: 1 of these jobs" in text


def test_overrides_that_all_jobs_share_are_left_out(card):
    jobs = [
        (Path(f"runs/{seed}"), {**card, "overrides": ["model=lstm", "split.fold=2", f"seed={seed}"]}) for seed in (0, 1)
    ]
    names = [line.split()[0] for line in printed(print_sweep, jobs).splitlines() if "0.750" in line]
    assert names == ["seed=0", "seed=1"]


def test_a_sweep_of_nothing_prints_an_empty_table():
    assert printed(print_sweep, []).startswith("0 jobs")


def test_a_narrow_console_has_the_numbers_of_a_row_below_its_text(card):
    lines = printed(print_run, card, Path("x"), width=40).splitlines()
    place = lines.index("test · window")
    assert lines[place + 1 : place + 4] == [
        "  n 1998, accuracy 0.750,",
        "  95 % 0.700-0.812, precision 0.500,",
        "  recall 0.250, F1 0.125",
    ]
