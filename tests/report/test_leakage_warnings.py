"""Leakage warnings accompany scores wherever these are shown."""

from gtzan_lightning.report.console import leakage_warning_lines, leakage_warnings_markdown
from gtzan_lightning.runs.run_card import leakage_warnings

LEAKY, SELECTION = "LEAKY SPLIT: slices", "MODEL SELECTION: [x]"
CARDS = [
    {"status": "done", "split": {"leakage_warning": LEAKY}, "leakage_warnings": [LEAKY, SELECTION]},
    {"status": "done", "split": {"leakage_warning": LEAKY}},  # an older card
    {"status": "done", "split": {"leakage_warning": None}, "leakage_warnings": []},
    {"status": "failed"},
]


def test_a_card_has_all_its_warnings_and_an_older_one_that_of_its_split():
    assert [leakage_warnings(card) for card in CARDS] == [[LEAKY, SELECTION], [LEAKY], [], []]


def test_warnings_are_counted_over_runs():
    assert leakage_warning_lines(CARDS, "runs") == [
        "[bold red]LEAKY SPLIT: slices[/]: 2 of these runs",
        "[bold red]MODEL SELECTION: \\[x][/]: 1 of these runs",
    ]
    assert leakage_warnings_markdown(CARDS, "jobs") == (
        "\n**LEAKY SPLIT: slices**: 2 of these jobs\n\n**MODEL SELECTION: [x]**: 1 of these jobs\n"
    )
    assert leakage_warning_lines(CARDS[2:], "runs") == []
    assert leakage_warnings_markdown(CARDS[2:], "jobs") == ""
