"""Stamps stand beside scores wherever these are shown."""

from gtzan_lightning.report.console import stamp_lines, stamps_markdown
from gtzan_lightning.runs.run_card import stamps

LEAKY, EPOCH = "LEAKY SPLIT: slices", "EPOCH CHOSEN ON TEST: [x]"
CARDS = [
    {"status": "done", "split": {"stamp": LEAKY}, "stamps": [LEAKY, EPOCH]},
    {"status": "done", "split": {"stamp": LEAKY}},  # of a run before there were other stamps
    {"status": "done", "split": {"stamp": None}, "stamps": []},
    {"status": "failed"},
]


def test_a_card_has_all_its_stamps_and_an_older_one_that_of_its_split():
    assert [stamps(card) for card in CARDS] == [[LEAKY, EPOCH], [LEAKY], [], []]


def test_stamps_are_counted_over_runs():
    assert stamp_lines(CARDS, "runs") == [
        "[bold red]EPOCH CHOSEN ON TEST: \\[x][/]: 1 of these runs",
        "[bold red]LEAKY SPLIT: slices[/]: 2 of these runs",
    ]
    assert stamps_markdown(CARDS, "jobs") == (
        "\n**EPOCH CHOSEN ON TEST: [x]**: 1 of these jobs\n\n**LEAKY SPLIT: slices**: 2 of these jobs\n"
    )
    assert stamp_lines(CARDS[2:], "runs") == []
    assert stamps_markdown(CARDS[2:], "jobs") == ""
