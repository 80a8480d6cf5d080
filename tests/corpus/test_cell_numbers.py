"""Numbers and words in the cells of a column."""

import pytest

from gtzan_lightning.corpus.cell_numbers import has_few_texts, rows_of_text


@pytest.mark.parametrize(
    ("numbers", "texts", "expected"),
    [
        (20, 0, False),
        (0, 0, False),
        (20, 3, True),
        (20, 4, False),
        (95, 5, True),
        (95, 6, False),
        (8, 2, True),
        (7, 2, False),
    ],
)
def test_up_to_three_words_or_a_twentieth_are_few_unless_numbers_are(numbers, texts, expected):
    assert has_few_texts(["1.5"] * numbers + ["fast"] * texts + ["", "n/a"] * 9) is expected


def test_cells_that_are_neither_a_number_nor_missing():
    cells = ["1", "-1.5e3", "1,5", "[1.5]", "1.234,5", "12\u00a0000", "inf", "", "-", "00012", "120 bpm", "fast"]
    assert rows_of_text(cells) == [9, 10, 11]
