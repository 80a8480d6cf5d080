"""Rows of each slice."""

import numpy as np
import pytest
import tiny

from gtzan_lightning.datamodule.slices import slice_table, step_table, tracks_without_slice
from gtzan_lightning.errors import GtzanError


def rows_of(slices):
    """Feature rows of each slice, as lists."""
    length = slices.steps * slices.rows_per_step
    return [list(range(first, first + length)) for first in slices.first_row]


def frames(rows_of_track, row_s=512 / 22_050):
    return tiny.features(rows_of_track, row_s=row_s, name="mfcc")


def refusal(features, **lengths):
    with pytest.raises(GtzanError) as caught:
        slice_table(features, **lengths)
    return str(caught.value)


@pytest.mark.parametrize(
    ("seconds", "steps", "rows"),
    [
        (3, 1, [[0], [1], [2], [3], [4], [5], [6]]),
        (6, 2, [[0, 1], [2, 3], [5, 6]]),
        (9, 3, [[0, 1, 2]]),
        (12.0, 4, [[0, 1, 2, 3]]),
    ],
)
def test_slices_are_within_tracks_and_do_not_overlap(seconds, steps, rows):
    slices = slice_table(tiny.features([5, 2]), seconds=seconds)  # rows 0-4 are track 0, rows 5-6 track 1
    assert slices.steps == steps
    assert slices.rows_per_step == 1
    assert rows_of(slices) == rows
    np.testing.assert_array_equal(slices.stop_s - slices.start_s, float(seconds))


def test_thirty_seconds_are_ten_windows():
    slices = slice_table(tiny.features([10, 9, 10], missing=[(2, 4)]), seconds=30)
    assert rows_of(slices) == [list(range(10))]
    assert tracks_without_slice(slices, 3).tolist() == [1, 2]


def test_thirty_seconds_in_one_step_are_one_row():
    slices = slice_table(tiny.features([1, 1], row_s=30.0), seconds=30, step_s=30)
    assert (slices.steps, rows_of(slices)) == (1, [[0], [1]])


def test_slices_do_not_span_gaps():
    slices = slice_table(tiny.features([8], missing=[(0, 3)]), seconds=6)
    assert slices.start_s.tolist() == [0.0, 12.0, 18.0]  # windows 0-1, 4-5, 6-7; window 2 is unused
    assert rows_of(slices) == [[0, 1], [3, 4], [5, 6]]


def test_a_track_may_begin_late():
    slices = slice_table(tiny.features([4], missing=[(0, 0)]), seconds=6)
    assert slices.start_s.tolist() == [3.0]


def test_hop_shorter_and_longer_than_a_slice():
    features = tiny.features([5])
    assert rows_of(slice_table(features, seconds=9, hop_s=3)) == [[0, 1, 2], [1, 2, 3], [2, 3, 4]]
    assert rows_of(slice_table(features, seconds=3, hop_s=6)) == [[0], [2], [4]]


def test_a_longer_step_is_the_mean_of_its_windows():
    features = tiny.features([6, 4])
    slices = slice_table(features, seconds=12, step_s=6)
    assert (slices.steps, slices.rows_per_step) == (2, 2)
    assert rows_of(slices) == [[0, 1, 2, 3], [6, 7, 8, 9]]
    values, index = step_table(features, slices)
    expected = [[[0.5, 1.0], [2.5, 3.0]], [[6.5, 7.0], [8.5, 9.0]]]  # means of rows; the second column is half higher
    np.testing.assert_array_equal(values[index], expected)
    assert values.dtype == np.float32


def test_overlapping_slices_share_their_steps():
    slices = slice_table(tiny.features([6]), seconds=12, step_s=6, hop_s=6)
    values, index = step_table(tiny.features([6]), slices)
    assert values[:, 0].tolist() == [0.5, 2.5, 4.5]
    assert index.tolist() == [[0, 1], [1, 2]]


def test_one_row_per_step_does_not_copy_the_matrix():
    features = tiny.features([4])
    values, index = step_table(features, slice_table(features, seconds=6))
    assert values is features.values
    assert index.tolist() == [[0, 1], [2, 3]]


def test_the_replication_studys_sequences_are_whole_clips_of_averaged_windows():
    slices = slice_table(tiny.features([10]), seconds=27, step_s=9)
    assert (slices.steps, slices.rows_per_step, len(slices)) == (3, 3, 1)


@pytest.mark.parametrize(
    ("seconds", "rows", "of_30_s"),
    [(2, 86, 15), (3, 129, 10), (6, 258, 5), (9, 387, 3)],  # 22,050 Hz / 512: 43.07 frames a second; 1,292 frames
)
def test_frames_are_counted_in_whole_rows(seconds, rows, of_30_s):
    slices = slice_table(frames([1292]), seconds=seconds)
    assert (slices.steps, len(slices)) == (rows, of_30_s)


def test_frames_are_averaged_to_steps_of_about_the_requested_length():
    slices = slice_table(frames([1292]), seconds=3, step_s=0.1)
    assert (slices.rows_per_step, slices.steps) == (4, 32)


def test_a_recording_that_is_a_sample_short_keeps_its_windows():
    slices = slice_table(tiny.features([4], row_s=3.0000000001), seconds=6)
    assert rows_of(slices) == [[0, 1], [2, 3]]


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        (
            {"seconds": 2},
            "slice.seconds=2 is shorter than the features' window of 3 s.\n"
            "Take slice.seconds=3 or longer, or features=mfcc or logmel on audio.",
        ),
        ({"seconds": 7}, "slice.seconds=7 is not a whole number of slice.step_s (3 s). Take 6 or 9."),
        (
            {"seconds": 6, "step_s": 4},
            "slice.step_s=4 is not a whole number of the features' window (3 s). Take 3 or 6.",
        ),
        ({"seconds": 9, "step_s": 6}, "slice.seconds=9 is not a whole number of slice.step_s (6 s). Take 6 or 12."),
        ({"seconds": 3, "step_s": 6}, "slice.seconds=3 is not a whole number of slice.step_s (6 s). Take 6."),
        (
            {"seconds": 6, "hop_s": 1},
            "slice.hop_s=1 is not a whole number of the features' window (3 s). Take 3.",
        ),
        (
            {"seconds": 60},
            "slice.seconds=60: no track has 20 contiguous rows of 3 s.\nTake shorter slices.",
        ),
    ],
)
def test_lengths_that_do_not_fit_are_refused_with_valid_ones(lengths, message):
    assert refusal(tiny.features([10]), **lengths) == message


def test_a_step_longer_than_a_slice_of_frames_is_refused():
    assert refusal(frames([1292]), seconds=2, step_s=3) == (
        "slice.step_s=3 is longer than slice.seconds=2. Take a shorter step."
    )


@pytest.mark.parametrize(("hop_s", "rows"), [(1.5, 65), (1.0, 43), (0.01, 1), (None, 129)])
def test_hops_are_rounded_to_frames(hop_s, rows):
    slices = slice_table(frames([1300]), seconds=3, hop_s=hop_s)  # 1.5 s are 64.6 frames, 3 s are 129.2
    assert set(np.diff(slices.first_row)) == {rows}
