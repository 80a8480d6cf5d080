"""What is shown of a sweep: before it starts, on a terminal, in a log file."""

import io
import json
import time

import pytest
from rich.console import Console

from gtzan_lightning.runs.job_board import Expectation, JobBoard, JobState
from gtzan_lightning.sweeps.display import SweepDisplay, format_duration, print_plan


def planned(*arguments):
    stream = io.StringIO()
    print_plan(*arguments, console=Console(file=stream, width=40))
    return stream.getvalue().splitlines()


def test_the_plan_tells_grid_and_time():
    standings = ["done", "interrupted", "failed", "", "", ""]
    values = {"model": ("mlp", "lstm"), "seed": ("0", "1", "2")}
    assert planned(standings, values, [9.0, 60.0, 60.0, 60.0, 60.0, 120.0], 2) == [
        "Sweep of 6 jobs = 2 x 3",
        "  model: mlp, lstm",
        "  seed: 0, 1, 2",
        "  1 finished before",
        "  1 interrupted, to be continued",
        "  1 failed before, to be tried again",
        "  5 to train: about 3 min, 2 at a time, as runs like these took",
    ]


@pytest.mark.parametrize(
    ("standings", "expected", "parallel", "told"),
    [
        (["done"], [5.0], 1, "nothing is left to train"),
        (["", ""], [None, None], 1, "no run like these yet: the first jobs will tell how long they take"),
        (["", ""], [50.0, None], 1, "about 50 s, 1 at a time, for 1 of them; no run like the other 1 yet"),
        (["", ""], [50.0, 20.0], 4, "about 50 s, 4 at a time"),  # no shorter than the longest job
        (["", ""], [50.0, 20.0], None, "about 70 s, one after another"),
    ],
)
def test_the_plan_promises_what_was_measured(standings, expected, parallel, message):
    assert message in planned(standings, {}, expected, parallel)[-1]


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "0 s"), (99, "99 s"), (100, "2 min"), (5_400, "90 min"), (7_800, "2 h 10 min")]
)
def test_lengths_of_time(seconds, message):
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


def test_a_log_file_gets_a_line_for_each_start_and_end_and_no_more(shown, capsys):
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
    for words in ("epoch", "val accuracy", "time left", "5/60", "0.500", "1 of 4 done, 1 failed, 1 running, 1 waiting"):
        assert words in out
    assert "seed=1: started" not in out
    assert out.count("[3/4] seed=2: failed") == 1
