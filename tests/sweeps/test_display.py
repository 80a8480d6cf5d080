"""Console output of a sweep: its plan, the table on a terminal, the lines in a log file."""

import io
import json
import time
from pathlib import Path

import pytest
from rich.console import Console

from gtzan_lightning.runs.job_board import Expectation, JobBoard, JobState, progress_of
from gtzan_lightning.sweeps.display import SweepDisplay, format_duration, print_plan
from gtzan_lightning.sweeps.plan import Plan, PlannedJob


def lines_of(statuses, varied, expected_s, parallel, folders=None):
    """The plan of a grid as printed; `folders` are distinct unless they are given."""
    jobs = [
        PlannedJob(num, (f"seed={num}",), Path(str(folder)), status, expected)
        for num, (status, expected, folder) in enumerate(
            zip(statuses, expected_s, folders or range(len(statuses)), strict=True)
        )
    ]
    stream = io.StringIO()
    print_plan(Plan(tuple(jobs), varied, parallel, synthetic=False), console=Console(file=stream, width=40))
    return stream.getvalue().splitlines()


def test_the_plan_has_the_grid_the_earlier_runs_and_the_duration():
    statuses = ["done", "interrupted", "failed", "", "", ""]
    varied = {"model": ("mlp", "lstm"), "seed": ("0", "1", "2")}
    assert lines_of(statuses, varied, [9.0, 60.0, 60.0, 60.0, 60.0, 120.0], 2) == [
        "Sweep of 6 jobs = 2 x 3",
        "  model: mlp, lstm",
        "  seed: 0, 1, 2",
        "  1 finished before",
        "  1 interrupted, will be resumed",
        "  1 failed before, will be tried again",
        "  5 to train: about 3 min, 2 at a time, as similar runs took",
    ]


def test_jobs_with_the_same_configuration_count_once():
    assert lines_of(["", "", ""], {}, [None, None, None], 1, folders="aab") == [
        "Sweep of 2 jobs",
        "  2 to train; the duration is not known until the first jobs are done",
        "2 jobs have the same configuration and are run once: seed=0 | seed=1",
    ]


@pytest.mark.parametrize(
    ("statuses", "expected_s", "parallel", "message"),
    [
        (["done"], [5.0], 1, "nothing is left to train"),
        (["", ""], [None, None], 1, "the duration is not known until the first jobs are done"),
        (["", ""], [50.0, None], 1, "about 50 s, 1 at a time, for 1 of them; no similar run for the other 1"),
        (["", ""], [50.0, 20.0], 4, "about 50 s, 4 at a time"),  # no shorter than the longest job
        (["", ""], [50.0, 20.0], None, "about 70 s, one after another"),
    ],
)
def test_the_plan_estimates_the_duration_from_measured_runs(statuses, expected_s, parallel, message):
    assert message in lines_of(statuses, {}, expected_s, parallel)[-1]


@pytest.mark.parametrize(
    ("seconds", "message"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5_400, "90 min"), (7_800, "2 h 10 min")]
)
def test_durations_are_short_texts(seconds, message):
    assert format_duration(seconds) == message


@pytest.fixture
def shown(tmp_path):
    """A sweep of four jobs: done, running, failed, waiting."""
    (tmp_path / "run").mkdir()
    test = {level: {"accuracy": value} for level, value in (("window", 0.75), ("clip", 0.8))}
    (tmp_path / "run/run.json").write_text(json.dumps({"metrics": {"test": test}}))
    (tmp_path / "board").mkdir()
    board, now = JobBoard(tmp_path / "board"), time.time()
    waiting = [JobState(num, (f"seed={num}", "x=1"), str(tmp_path / "run"), "waiting") for num in range(4)]
    for num, changes in (
        (0, {"status": "done", "started": now - 30, "updated": now}),
        (1, {"status": "running", "epoch": 5, "max_epochs": 60, "val_accuracy": 0.5, "training_since": now - 5}),
        (2, {"status": "failed", "error": "wrong.\nDo this.", "started": now, "updated": now}),
    ):
        board.write(
            JobState(**{"num": num, "overrides": waiting[num].overrides, "folder": waiting[num].folder} | changes)
        )
    return board, Expectation(waiting)


def test_a_log_file_gets_one_line_for_each_start_and_end(shown, capsys):
    display = SweepDisplay(*shown, progress=True)
    display.refresh()
    display.refresh()
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "[1/4] seed=0: done in 30 s, test accuracy window 0.750, clip 0.800",
        "[2/4] seed=1: started",
        "[3/4] seed=2: failed after 0 s: wrong.",
    ]
    assert err == "\nseed=2 x=1 failed:\nwrong.\nDo this.\n"
    display.line_at = 0.0  # the last line was long ago
    display.refresh()
    assert capsys.readouterr().out.startswith("1 of 4 done, 1 failed, 1 running, 1 waiting, about ")


def test_a_terminal_gets_one_table(shown, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    display = SweepDisplay(*shown, progress=True)
    assert display.live is not None
    display.start()
    display.refresh()
    display.stop()
    out = capsys.readouterr().out
    for words in ("epoch", "accuracy", "left", "5/60", "0.500", "1 of 4 done, 1 failed, 1 running, 1 waiting"):
        assert words in out
    assert "seed=1: started" not in out
    assert out.count("[3/4] seed=2: failed") == 1


@pytest.mark.parametrize("width", [40, 60, 80])
def test_the_numbers_of_the_live_table_are_whole_on_a_narrow_terminal(shown, width):
    display = SweepDisplay(*shown, progress=True)
    progress = progress_of(display.board.states(), display.expectation, time.time())
    console = Console(file=io.StringIO(), width=width)
    console.print(display._table(progress))
    lines = console.file.getvalue().splitlines()
    (running,) = [line.split() for line in lines if "5/60" in line]
    assert (running[:2], running[2:4]) == (["2", "seed=1"], ["5/60", "0.500"])
    assert running[-1] == "s"  # the time left
    assert max(map(len, lines)) <= width
