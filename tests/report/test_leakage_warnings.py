"""Stamps stand beside scores wherever these are shown."""

from gtzan_lightning.report.console import leakage_warning_lines, leakage_warnings_markdown
from gtzan_lightning.runs.run_card import leakage_warnings

LEAKY, EPOCH = "LEAKY SPLIT: slices", "EPOCH CHOSEN ON TEST: [x]"
CARDS = [
    {"status": "done", "split": {"leakage_warning": LEAKY}, "leakage_warnings": [LEAKY, EPOCH]},
    {"status": "done", "split": {"leakage_warning": LEAKY}},  # of a run before there were other leakage_warnings
    {"status": "done", "split": {"leakage_warning": None}, "leakage_warnings": []},
    {"status": "failed"},
]


def test_a_card_has_all_its_stamps_and_an_older_one_that_of_its_split():
    assert [leakage_warnings(card) for card in CARDS] == [[LEAKY, EPOCH], [LEAKY], [], []]


def test_stamps_are_counted_over_runs():
    assert leakage_warning_lines(CARDS, "runs") == [
        "[bold red]EPOCH CHOSEN ON TEST: \\[x][/]: 1 of these runs",
        "[bold red]LEAKY SPLIT: slices[/]: 2 of these runs",
    ]
    assert leakage_warnings_markdown(CARDS, "jobs") == (
        "\n**EPOCH CHOSEN ON TEST: [x]**: 1 of these jobs\n\n**LEAKY SPLIT: slices**: 2 of these jobs\n"
    )
    assert leakage_warning_lines(CARDS[2:], "runs") == []
    assert leakage_warnings_markdown(CARDS[2:], "jobs") == ""
