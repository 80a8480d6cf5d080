"""Remaining time of a sweep, compared with calculations by hand."""

import pytest

from gtzan_lightning.runs.job_board import Expectation, JobState, progress_of


def job(num, status="waiting", **values):
    return JobState(num, (f"seed={num}",), f"runs/{num}", status, **values)


WAITING = [job(num) for num in range(4)]


def test_a_running_job_is_estimated_from_the_time_of_its_epochs():
    """Continued at epoch 10, at 14 after 8 s: 2 s an epoch; 6 epochs are left, and 3 s have passed since."""
    on = job(0, "running", first_epoch=10, epoch=14, max_epochs=20, started=90.0, training_since=100.0, updated=108.0)
    progress = progress_of({0: on}, Expectation(WAITING[:1], {0: 1000.0}, 1), now=111.0)
    assert progress.left_s == {0: 9.0}
    assert progress.total_left_s == 9.0


def test_a_starting_job_is_estimated_from_its_expected_duration():
    on = job(0, "starting", started=100.0, updated=100.0)
    assert progress_of({0: on}, Expectation(WAITING[:1], {0: 30.0}, 1), now=110.0).left_s == {0: 20.0}
    assert progress_of({0: on}, Expectation(WAITING[:1], {0: 30.0}, 1), now=200.0).left_s == {0: 0.0}


def test_jobs_without_an_expected_duration_are_estimated_from_the_jobs_of_the_sweep():
    known = {
        0: job(0, "done", started=0.0, updated=10.0),
        1: job(1, "reused", started=10.0, updated=10.5),  # took no training
    }
    progress = progress_of(known, Expectation(WAITING, {2: 40.0, 3: None}, 2), now=20.0)
    assert progress.left_s == {2: 40.0, 3: 10.0}
    assert progress.total_left_s == 40.0  # 50 / 2 would be less than the longest job takes
    assert progress.count("done", "reused") == 2


def test_without_any_measurement_the_time_is_unknown():
    progress = progress_of({0: job(0, "starting", started=1.0)}, Expectation(WAITING[:2]), now=2.0)
    assert progress.left_s == {0: None, 1: None}
    assert progress.total_left_s is None


@pytest.mark.parametrize("status", ["done", "reused", "failed", "interrupted", "elsewhere", "not started"])
def test_ended_jobs_need_no_time(status):
    progress = progress_of({0: job(0, status)}, Expectation(WAITING[:1], {0: 5.0}, 1), now=9.0)
    assert progress.left_s == {}
    assert progress.total_left_s == 0.0


def test_the_jobs_of_a_search_are_those_that_have_begun():
    progress = progress_of({5: job(5, "failed")}, Expectation(), now=0.0)
    assert [state.num for state in progress.states] == [5]
