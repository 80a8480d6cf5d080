"""The job board of a sweep: states are read as written, and errors while writing are ignored."""

import pytest

from gtzan_lightning.runs.job_board import (  # fmt: skip
    FOLDER_VARIABLE,
    JobBoard,
    JobReport,
    JobState,
    current_report,
    inherited_board,
    reporting,
)


@pytest.fixture
def board(tmp_path):
    return JobBoard(tmp_path)


STATE = JobState(3, ("model=lstm", "seed=1"), "runs/x", "running", epoch=2, max_epochs=9, val_accuracy=0.5)


def test_a_state_is_read_as_it_was_written(board):
    board.write(STATE)
    assert board.states() == {3: STATE}
    assert board.state(3) == STATE
    assert board.state(4) is None
    assert [path.name for path in board.folder.iterdir()] == ["00003.json"]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"num": 1}', '{"num": 1, "overrides": [], "folder": "", "x": 1}'])
def test_damaged_files_are_ignored(board, content):
    (board.folder / "00001.json").write_text(content)
    assert board.states() == {}


def test_a_board_that_cannot_be_written_is_ignored(board):
    board.folder.rmdir()
    report = JobReport(board, STATE)
    report.update(epoch=3)
    assert report.state.epoch == 3
    assert board.states() == {}


def test_updates_that_are_not_urgent_are_dropped_soon_after_others(board):
    report = JobReport(board, STATE)
    report.update(at_once=False, epoch=3)
    assert board.state(3).epoch == 2
    report.update(epoch=4)
    assert board.state(3).epoch == 4


def test_a_board_is_stopped_until_it_is_cleared(board):
    board.write(STATE)
    assert not board.stopped
    board.stop()
    assert board.stopped
    board.clear()
    assert not board.stopped
    assert board.states() == {}


def test_a_report_is_current_within_its_block_only(board, monkeypatch):
    report = JobReport(board, STATE)
    with reporting(report):
        assert current_report() is report
    assert current_report() is None
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    assert inherited_board() is None
    monkeypatch.setenv(FOLDER_VARIABLE, str(board.folder))
    assert inherited_board() == board
